"""Where the limbs of a person lie in a picture: joints, and a map a limb."""

import math

import numpy as np
import torch

from ..skeleton import BONES

SIZE = 64  #: pixels of a map, as in Chen et al. (CVPR 2019)


def joints_2d(store, subject, frames, views, noise=0.0):
    """Where the 17 joints lie, `(n, 17, 2)`, as shares of the picture's side, float32;
    each off by `noise` on average in each direction, always alike for one picture.
    """
    frames = np.asarray(frames)
    views = np.broadcast_to(np.asarray(views), frames.shape)
    world = store.poses(subject)[torch.from_numpy(frames)]
    found = torch.empty(len(frames), world.shape[1], 2)
    for view in np.unique(views):
        rows = np.flatnonzero(views == view)
        pixels = store.calibration.project(world[rows], subject, frames[rows], view)
        found[rows] = (pixels / store.image_size).float()
    shaken = [
        np.random.default_rng([f, v]).normal(size=(17, 2))
        for f, v in zip(frames, views)
    ]
    # sqrt(pi / 2): a normal number of unit variance is off by sqrt(2 / pi) on average
    return (
        found + noise * math.sqrt(math.pi / 2) * torch.tensor(np.stack(shaken)).float()
    )


def maps(joints, size=SIZE, width=2.0):
    """S: for each limb a map that is 1 within half of `width` pixels of it, else 0.

    joints: `(n, 17, 2)`, shares of the side. Returns `(n, 16, size, size)` float32.
    """
    a, b = (size * joints[:, list(ends)] for ends in zip(*BONES))
    along = b - a  # (n, 16, 2)
    length = along.norm(dim=-1, keepdim=True).clamp_min(1e-3)
    along = along / length
    across = torch.stack([-along[..., 1], along[..., 0]], -1)
    centre = torch.arange(size) + 0.5

    def coordinate(axis):
        """Of each pixel, along a limb's axis from its first end, in pixels."""
        x, y = (axis[..., k, None] * (centre - a[..., k, None]) for k in (0, 1))
        return y[..., :, None] + x[..., None, :]

    place, aside = coordinate(along), coordinate(across)
    inside = (aside.abs() <= width / 2) & (place >= -width / 2)
    return (inside & (place <= length[..., None] + width / 2)).float()
