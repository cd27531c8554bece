"""What a batch could be solved by without looking at the pose (Section 3.1.1)."""

import torch

from ..mining import pairwise_distances

#: Two images show the same pose if their PA-MPJPE is below this many mm.
SAME_POSE_MM = 60


def clothes(images):
    """What hardly holds a pose: the average colour of the upper and of the lower half
    of the person. images: `(n, 3, h, w)`. Returns `(n, 6)`.
    """
    h = images.shape[-1]
    middle = images[:, :, h // 4 : 3 * h // 4, 2 * h // 5 : 3 * h // 5].float()
    return torch.cat([half.mean((2, 3)) for half in middle.chunk(2, dim=2)], 1)


def answered(anchors, positives):
    """The share of anchors whose clothes are nearer to those of their own positive than
    to three quarters of the others: a quarter by chance.

    anchors, positives: images `(m, 3, h, w)`, row by row the pairs of a batch.
    """
    D = pairwise_distances(clothes(anchors), clothes(positives))
    return ((D < D.diagonal()[:, None]).float().mean(1) < 0.25).float().mean().item()
