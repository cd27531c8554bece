"""Element 5: a training through time, its curves and the embedding of the same few
images after some of its steps (Section 4).
"""

import torch

from ..averages import smoothed
from .element import Element

CURVES = {
    "losses": {"metric_loss": "metric loss", "pose_loss": "pose loss"},
    "distances": {
        "positive_distance": "of positives",
        "negative_distance": "of negatives",
    },
}


def training_film(history, snapshots, instants, every=5):
    """An `Element`: curves of a training, and maps of an embedding as it forms.

    history: of `train`. snapshots: `{step: embeddings (n, d)}` of the same n images.
    instants: the name of the instant of each image, n texts. every: steps between two
    points of a curve.

    Each snapshot is drawn in the two directions in which its embeddings spread most,
    turned to fit the snapshot after it.
    """
    names = list(dict.fromkeys(instants))
    groups = torch.tensor([names.index(name) for name in instants])
    same = groups[:, None] == groups
    others = ~torch.eye(len(groups), dtype=torch.bool)
    drawn, following = [], None
    for step, embeddings in sorted(snapshots.items(), reverse=True):
        centred = embeddings.double() - embeddings.double().mean(0)
        points = centred @ torch.linalg.svd(centred, full_matrices=False).Vh[:2].T
        if following is not None:
            U, _, Vh = torch.linalg.svd(points.T @ following)
            points = points @ U @ Vh
        following, D = points, torch.cdist(embeddings, embeddings)
        drawn.append(
            {
                "step": step,
                "points": points,
                "positive": D[same & others].mean(),
                "negative": D[~same].mean(),
            }
        )
    last = len(history["metric_loss"]) - 1
    steps = sorted({*range(0, last, every), last})
    curves = {
        kind: {name: smoothed(history[key])[steps] for key, name in of.items()}
        for kind, of in CURVES.items()
    }
    return Element(
        "training",
        "A slider through the steps of a training: its curves, and a map of test"
        " pictures, in which views of one instant come together, as measured by the"
        " distances between instants.",
        {
            "steps": steps,
            "curves": curves,
            "looks": drawn[::-1],
            "groups": groups,
            "names": names,
        },
    )
