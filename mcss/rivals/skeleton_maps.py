"""Skeleton maps: draw the 2D skeleton that another camera sees (Chen et al.,
"Weakly-Supervised Discovery of Geometry-Aware Representation for 3D Human Pose
Estimation", CVPR 2019; [6] of the paper).

Where novel-view synthesis draws pixels, this draws limbs: no looks, no background. The
price is 2D joints in every picture. There a detector finds them; ours are projected
from the true poses and shaken, an upper bound for any detector.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ..skeleton import BONES
from .base import Rival, latent_layer
from .cameras import relative, rotate, rotations
from .decoder import Decoder
from .limbs import SIZE, joints_2d, maps


class SkeletonMaps(Rival):
    """Encoder G_i = G(F(S_i)), points in space; decoder D; H, one linear layer.

    L = BCE(D(R_ij G_i), S_j) + consistency || R_ij G_i - G_j ||^2 / || G ||^2, limbs
    and the rest balanced half-way (norms, weights and scales are not published).
    S: `(16, 64, 64)`, a map a limb. points, width: as in `NovelView`.
    sees: 'skeleton', the encoder sees S_i, as there; 'picture': it sees the picture, as
    all others do, and 2D joints are only drawn, so none are needed at test time.
    noise: by how much each joint is off, a share of the picture's side. limb: the width
    of a limb in pixels of the map.
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
        consistency=0.1,
        limb=2.0,
        **more,
    ):
        own = {"points": points, "width": width, "sees": sees, "noise": noise}
        own |= {"consistency": consistency, "limb": limb}
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
        self.G = latent_layer(self.features, 3 * points)
        self.D = Decoder(3 * points, len(BONES), SIZE, width)
        self.H = nn.Linear(3 * points, 48)

    def inputs(self, store, subject, frames, views, device="cpu"):
        """Maps `(n, 16, 64, 64)`, or the pictures where it sees those."""
        if self.settings["sees"] == "picture":
            return super().inputs(store, subject, frames, views, device)
        noise = self.settings["noise"]
        joints = joints_2d(store, subject, frames, views, noise)
        return maps(joints, width=self.settings["limb"]).to(device)

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
        joints = joints_2d(feeder.store, batch.subject, frames, views, noise)
        drawn = maps(joints, width=self.settings["limb"])
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
