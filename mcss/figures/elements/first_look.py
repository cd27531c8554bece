"""The book's first picture: a person moves before four cameras, and the embedding tells
the instants apart, whatever the camera.
"""

import numpy as np
import torch
from torch.nn.functional import interpolate

from ...skeleton import root_relative
from .element import Element, joints, sheet

#: Of a picture in pixels: all of a clip weigh less than 300 kB.
SIZE = 112


def first_look(store, subject, clip, embed):
    """An `Element` that plays by itself: the pictures and poses of a clip, and how far
    each instant is from another one in the embedding.

    clip: one of `store.clips(subject)`. embed: images `(n, 3, h, w)` -> `(n, d)`.

    Distances are means over all pairs of different cameras. The other instant is one
    of the two that are farthest from each other.
    """
    frames, views = np.arange(clip.start, clip.stop), len(store.view_names)
    order = np.repeat(frames, views), np.tile(np.arange(views), len(frames))
    images = store.images(subject, *order)
    with torch.inference_mode():
        distances = between_instants(embed(images), views)
    other = int(distances.amax(1).argmax())
    small = interpolate(images.float(), (SIZE, SIZE), mode="area").round().byte()
    return Element(
        "first_look",
        "A moving person from four cameras, playing by itself: the four pictures of"
        " each instant, the skeleton that they share, and two curves. The distance in"
        " the embedding among the four pictures stays small; that to another instant"
        " is large except near it.",
        {
            "sheet": sheet(small, columns=views, quality=70),
            "joints": joints(
                root_relative(store.poses(subject)[torch.from_numpy(frames)])
            ),
            "seconds": (frames - clip.start) / store.fps,
            "among": distances.diagonal(),
            "apart": distances[other],
            "other": other,
            "views": views,
        },
    )


def between_instants(embeddings, views):
    """Mean distances `(T, T)` between instants, over the pairs of different cameras.

    embeddings: `(T * views, d)`, instant by instant.
    """
    n = len(embeddings) // views
    D = torch.cdist(embeddings, embeddings).reshape(n, views, n, views)
    different = ~torch.eye(views, dtype=torch.bool)
    return D.permute(0, 2, 1, 3)[:, :, different].mean(-1)
