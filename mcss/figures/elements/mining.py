"""Element 3: margin and beta over a real matrix of distances (Eq. 1 and 2)."""

import torch

from ...mining import pairwise_distances
from .element import Element, sheet


def mining_table(anchors, positives, embeddings):
    """An `Element`: the distances of a batch, and what Eq. 1 and 2 make of them.

    anchors, positives: images `(m, 3, h, w)` uint8. embeddings: `{name: (anchor (m, d),
    positive (m, d))}`.
    """
    return Element(
        "mining",
        "A heat map of distances between anchors and positives, with sliders for the"
        " margin, beta and the pair; it shows the pair, its hardest negative as"
        " pictures, and the loss.",
        {
            "pairs": len(anchors),
            "sheet": sheet(torch.cat([anchors, positives]), columns=len(anchors)),
            "embeddings": [
                {"name": name, "distances": pairwise_distances(*pair)}
                for name, pair in embeddings.items()
            ],
        },
    )
