"""Skeleton maps: draw the 2D skeleton that another camera sees (Chen et al.,
"Weakly-Supervised Discovery of Geometry-Aware Representation for 3D Human Pose
Estimation", CVPR 2019; [6] of the paper).

Where novel-view synthesis draws pixels, this draws limbs: no looks, no background. The
price is 2D joints in every picture. There a detector finds them; ours are projected
from the true poses and shaken, an upper bound for any detector.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ..skeleton import BONES
from .base import Rival
from .cameras import relative, rotate, rotations
from .decoder import Decoder

SIZE = 64  #: pixels of a map, as there


class SkeletonMaps(Rival):
    """Encoder G_i = G(F(S_i)), points in space; decoder D; H, one linear layer.

    L = BCE(D(R_ij G_i), S_j) + consistency || R_ij G_i - G_j ||^2 / || G ||^2, limbs
    and the rest balanced half-way (norms, weights and scales are not published).
    S: `(16, 64, 64)`, a map a limb. points, width: as in `NovelView`.
    sees: 'skeleton', the encoder sees S_i, as there; 'picture': it sees the picture, as
    all others do, and 2D joints are only drawn, so none are needed at test time.
    noise: by how much each joint is off, a share of the picture's side.
    Their virtual cameras are left out: they take 3D.
    """

    name = "skeleton_maps"
    title = "Skeleton maps (Chen, CVPR 2019)"
    source = "chen2019weakly"
    needs = ("two views", "rotations", "2D joints")
    needs_at_test = ("2D joints",)
    figures = ("pretext_loss", "overlap", "inconsistency")
    frozen = ("F", "G")
    points = True

    def __init__(
        self,
        image_size=224,
        points=200,
        width=128,
        sees="skeleton",
        noise=0.015,
        consistency=1.0,
        **more,
    ):
        own = {"points": points, "width": width, "sees": sees, "noise": noise}
        own["consistency"] = consistency
        if sees not in ("skeleton", "picture"):
            raise ValueError(f"sees must be 'skeleton' or 'picture', not {sees!r}")
        size = image_size if sees == "picture" else SIZE
        super().__init__(size, 3 * points, **more, **own)
        del self.settings["embedding_dim"]
        self.settings["image_size"] = image_size
        if sees == "skeleton":
            self.F[0].conv1 = nn.Conv2d(len(BONES), 64, 7, 2, 3, bias=False)
        else:
            self.needs_at_test = ()
        self.G = nn.Linear(self.features, 3 * points)
        self.D = Decoder(3 * points, len(BONES), SIZE, width)
        self.H = nn.Linear(3 * points, 48)

    def inputs(self, store, subject, frames, views, device="cpu"):
        """Maps `(n, 16, 64, 64)`, or the pictures where it sees those."""
        if self.settings["sees"] == "picture":
            return super().inputs(store, subject, frames, views, device)
        noise = self.settings["noise"]
        return maps(joints_2d(store, subject, frames, views, noise)).to(device)

    def look(self, inputs):
        """F of maps, which need no normalisation, or of pictures."""
        if self.settings["sees"] == "picture":
            return super().look(inputs)
        return self.F(inputs)

    def draw(self, feeder, batch, rng):
        """R_ij from each picture's camera to its partner's, and the partner's S_j."""
        frames, views, _ = super().draw(feeder, batch, rng)
        partner = np.roll(np.arange(len(frames)), len(batch.frames))
        R = rotations(feeder.store, batch.subject, frames, views)
        noise = self.settings["noise"]
        drawn = maps(joints_2d(feeder.store, batch.subject, frames, views, noise))
        given = {"R": relative(R, R[partner]), "maps": drawn[partner]}
        if self.settings["sees"] == "skeleton":
            given["inputs"] = drawn
        return frames, views, given

    def pretext(self, inputs, given):
        """Both terms of L; 'overlap': intersection by union of drawn and true limbs."""
        G = self.embed(inputs).unflatten(1, (-1, 3))
        turned = rotate(G, given["R"])
        drawn, true = self.D(turned.flatten(1)).float(), given["maps"]
        # limbs are thin: else to draw nothing would be nearly right
        weight = (true.numel() / true.sum().clamp_min(1)).sqrt()
        bce = binary_cross_entropy_with_logits(drawn, true, pos_weight=weight)
        partner = G.roll(len(G) // 2, 0)
        # by the size of the points, which else would shrink to nothing
        apart = (turned - partner).square().mean() / G.square().mean()
        loss = bce + self.settings["consistency"] * apart
        return loss, torch.stack([loss, overlap(drawn > 0, true > 0), apart]).detach()


def overlap(a, b):
    """Intersection by union of bool maps `(n, 16, h, w)`, over all of them."""
    return (a & b).sum() / (a | b).sum().clamp_min(1)


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
