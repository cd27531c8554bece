"""What a rival is: a network that learns something from pairs of views, and a pose from
labelled pictures.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from ..model import MCSS, Output


class Need(NamedTuple):
    """Something that a method may be given besides pictures."""

    words: str
    of: Callable  #: from a store and subjects to whether it is there for all of them


def _two_views(store, subjects):
    return all((store.present(s).sum(1) >= 2).any() for s in subjects)


def _rotations(store, subjects):
    return store.calibration is not None and all(
        store.calibration.of_clip(s, clip.source)
        for s in subjects
        for clip in store.clips(s)
    )


def _background(store, subjects):
    return all(np.isfinite(store.crops(s)[store.present(s)]).all() for s in subjects)


def _joints(store, subjects):
    known = all(store.poses(s) is not None for s in subjects)
    return known and _rotations(store, subjects)


NEEDS = {
    "two views": Need("two views of one instant", _two_views),
    "rotations": Need("a calibration (how the cameras are turned)", _rotations),
    "background": Need(
        "the crops' places in the camera's image, to estimate the empty room",
        _background,
    ),
    "2D joints": Need(
        "2D joints (here the projected poses: a calibration and poses)", _joints
    ),
}


class Rival(MCSS):
    """F of `mcss.model`, with a G and an H of the rival's own; G gives what the method
    learns, and H the pose from it, normalised by `pose_mean` and `pose_std`.

    A rival also has, as data:

    `name`, `title`, `source`   for tables; source: a key of references.bib
    `needs`         what it is given besides pictures when it trains, keys of NEEDS
    `needs_at_test` the same at test time
    `figures`       names of the numbers that its `pretext` gives a step
    `staged`        first the pretext, then the pose; False: both in each step
    `frozen`        names of the parts that stay as they are while the pose is learned
    `pose_lr_factor` how many times faster H learns
    `points`        whether its embedding is points in space, which a camera turns
    """

    name = title = source = ""
    needs = needs_at_test = figures = frozen = ()
    staged, points, pose_lr_factor = True, False, 1.0

    def __init__(self, image_size=224, embedding_dim=128, pretrained=False, **own):
        super().__init__(
            image_size=image_size, embedding_dim=embedding_dim, pretrained=pretrained
        )
        self.settings = {
            "image_size": image_size,
            "embedding_dim": embedding_dim,
            **own,
        }
        #: how many numbers F gives
        self.features = self.G[0].in_features

    def draw(self, feeder, batch, rng):
        """What one step is given besides the pictures: (frames `(2 m,)`, views `(2 m,)`
        of the pictures, first all anchors, then all partners; dict of tensors, with
        'inputs' among them if the network sees something else than the pictures).

        feeder: a `mcss.rivals.feeding.RivalFeeder`. batch: a `PairBatch` of m pairs.
        rng: the step's own.
        """
        frames = np.concatenate([batch.frames, batch.frames])
        return frames, np.concatenate([batch.anchor_views, batch.positive_views]), {}

    def inputs(self, store, subject, frames, views, device="cpu"):
        """What the network sees of some pictures: `(n, c, h, w)`."""
        return store.images(subject, frames, views, device=device)

    def pretext(self, inputs, given):
        """(loss, figures `(len(self.figures),)`) of one step; for a rival whose
        `losses` are the usual ones.

        inputs: `(2 m, c, h, w)`; given: as `draw` made it.
        """
        raise NotImplementedError

    def losses(self, batch, progress, config):
        """(loss, figures and pose loss) of one step: of the pretext, or of the pose.

        batch: a `RivalBatch`. progress: the share of the steps that is done.
        """
        inputs, given, targets = batch
        if targets is None:
            loss, figures = self.pretext(inputs, given)
            return loss, torch.cat([figures, figures.new_zeros(1)])
        pose = self.pose_loss(self.regress(self.embed(inputs)), targets)
        figures = pose.new_zeros(len(self.figures))
        return config.pose_weight * pose, torch.cat([figures, pose.detach()[None]])

    def pose_loss(self, normalised, targets):
        """L_pose of MCSS, for all rivals alike: L1, in standard deviations."""
        return (normalised - targets).abs().mean()

    def look(self, inputs):
        """F of pictures `(n, 3, h, w)`, uint8 or in [0, 1]: `(n, self.features)`."""
        inputs = inputs if inputs.is_floating_point() else inputs.float() / 255
        return self.F((inputs - self.image_mean) / self.image_std)

    def embed(self, inputs):
        """What H reads and retrieval compares: `(n, d)`."""
        return self.G(self.look(inputs)).float()

    def forward(self, inputs):
        """`Output(embedding (n, d), pose (n, 16, 3) in mm)`."""
        embedding = self.embed(inputs)
        return Output(
            embedding, self.regress(embedding) * self.pose_std + self.pose_mean
        )

    def begin_pose(self):
        """From here on the parts named in `frozen` stay as they are, their BatchNorm
        statistics too (in the published code of Rhodin et al. those drift).
        """
        for name in self.frozen:
            self.get_submodule(name).requires_grad_(False).eval()


def latent_layer(inputs, outputs):
    """G as in MCSS: a linear layer and BatchNorm without affine parameters. Without it
    what all pictures have in common drowns the little that differs. (Rhodin et al.,
    ECCV 2018, have BatchNorm and a sigmoid before their linear layer.)
    """
    return nn.Sequential(
        nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs, affine=False)
    )


def head(inputs, hidden):
    """H as in Rhodin et al. (ECCV 2018), without their dropout: two hidden layers of
    ReLU and BatchNorm, then 48 numbers.
    """
    layers = []
    for before in (inputs, hidden):
        layers += [nn.Linear(before, hidden), nn.ReLU(), nn.BatchNorm1d(hidden)]
    return nn.Sequential(*layers, nn.Linear(hidden, 48))
