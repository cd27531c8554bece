"""View consistency: all cameras should see one pose (Rhodin et al., "Learning Monocular
3D Human Pose Estimation from Multi-view Images", CVPR 2018; [40] of the paper).

The network predicts poses in each camera's own frame. Turned into the world, those of
one instant should be the same. A constant is the same everywhere, so the predictions
may not wander far from those that labels alone had led to.
"""

import copy

import torch
from torch.nn.functional import normalize

from .base import Rival
from .cameras import rotate, rotations


class ViewConsistency(Rival):
    """The Baseline's own network with L = L_pose + lambda_m L_m + lambda_r L_r.

    With p~_v = R_v^T p_v, of unit size, over the views of one instant:
    L_m = mean_v || p~_v - mean p~ ||^2, and L_r = || f(x) - f_0(x) ||^2, f_0 being f
    after the warm-up on labels. The abstract names the terms; these forms of them are
    our reading. agreement, drift: lambda_m, lambda_r. warm_up: the share of the steps.
    """

    name = "view_consistency"
    title = "View consistency (Rhodin, CVPR 2018)"
    source = "rhodin2018multiview"
    needs = ("two views", "rotations")
    figures = ("pretext_loss", "disagreement", "drift")
    staged, pose_lr_factor = False, None  # None: the configuration's

    def __init__(self, image_size=224, agreement=1.0, drift=0.1, warm_up=1 / 3, **more):
        own = {"agreement": agreement, "drift": drift, "warm_up": warm_up}
        super().__init__(image_size, **more, **own)
        self.f_0 = torch.nn.ModuleDict({k: getattr(self, k) for k in "FGH"})
        self.f_0 = copy.deepcopy(self.f_0).requires_grad_(False)

    def train(self, mode=True):
        """f_0 never trains."""
        super().train(mode)
        self.f_0.eval()
        return self

    def embed(self, images):
        """phi, of unit length, as in MCSS."""
        return normalize(self.G(self.look(images)).float(), dim=1)

    def remember(self):
        """Makes the network as it is now f_0."""
        for name, part in self.f_0.items():
            part.load_state_dict(getattr(self, name).state_dict())

    @torch.no_grad()
    def at_first(self, images):
        """f_0(x): `(n, 16, 3)`, standard deviations from the mean pose."""
        features = self.f_0["F"](
            (images.float() / 255 - self.image_mean) / self.image_std
        )
        embedding = normalize(self.f_0["G"](features).float(), dim=1)
        return self.f_0["H"](embedding).float().unflatten(1, (-1, 3))

    def draw(self, feeder, batch, rng):
        """R of each picture: from the world to its camera."""
        frames, views, _ = super().draw(feeder, batch, rng)
        R = rotations(feeder.store, batch.subject, frames, views)
        return frames, views, {"R": R}

    def losses(self, batch, progress, config):
        """L_pose of the labelled pictures and, after the warm-up, both other terms of
        the pairs: (loss, figures). All pictures go through the network together.
        """
        images, given, targets = batch
        normalised = self.regress(self.embed(images))
        of_pairs, labelled = normalised.split([len(given["R"]), len(targets)])
        pose = self.pose_loss(labelled, targets)
        poses = of_pairs * self.pose_std + self.pose_mean
        disagreement = view_disagreement(poses, given["R"])
        if progress < self.settings["warm_up"]:
            self.remember()  # the last one before the agreement sets in stays
            more = drift = torch.zeros_like(pose)
        else:
            more = self.settings["agreement"] * disagreement
            drift = torch.zeros_like(pose)
            if self.settings["drift"]:
                first = self.at_first(images[: len(of_pairs)])
                drift = (of_pairs - first).square().mean()
                more = more + self.settings["drift"] * drift
        loss = config.pose_weight * pose + more
        return loss, torch.stack([more, disagreement, drift, pose]).detach()


def view_disagreement(poses, R):
    """L_m: 0 where both views of each instant predict one pose of the world.

    poses: `(2 m, 16, 3)` in the frames of their cameras, any unit, first the m anchors,
    then their partners. R: `(2 m, 3, 3)`. A scalar; poses count by their shape, so
    that it cannot be lowered by making them small.
    """
    world = normalize(rotate(poses, R.mT).flatten(1), dim=1)  # R^T p_v of each row
    anchors, partners = world.chunk(2)
    mean = (anchors + partners) / 2
    of_views = (anchors - mean).square() + (partners - mean).square()
    return (of_views / 2).sum(1).mean()
