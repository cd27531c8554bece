"""Element 8: a map of the embedding, with the picture of each point (Section 6)."""

import numpy as np

from .element import Element, sheet

#: Pictures in one sheet: a page loads a sheet when one of its pictures is first shown.
PER_SHEET = 50


def embedding_map(points, images, labels):
    """An `Element`: a map of n images.

    points: `(n, 2)`. images: `(n, 3, h, w)` uint8. labels: `{what: n texts}` to colour
    by.

    The points are stretched to fill the frame: the axes of such a map have no unit.
    """
    points = np.asarray(points, float)
    points = (points - points.min(0)) / np.ptp(points, axis=0).clip(1e-9)
    named = {}
    for what, texts in labels.items():
        names = sorted(set(texts))
        named[what] = {"names": names, "groups": [names.index(text) for text in texts]}
    return Element(
        "embedding_map",
        "A map of test pictures by their embedding: point at a place, or move the"
        " slider, to see its picture; choose what the colours mean.",
        {
            "points": points,
            "labels": named,
            "perSheet": PER_SHEET,
            "sheets": [sheet(part, columns=10) for part in images.split(PER_SHEET)],
        },
    )
