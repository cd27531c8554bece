"""The batches of a rival: those of MCSS, and what the rival is given besides."""

import functools
from typing import NamedTuple

import numpy as np
import torch

from ..feeding import Feeder
from ..targets import SMALLEST_STD, LabelledImages
from .background import Backgrounds
from .cameras import rotate, rotations


class CameraLabels(LabelledImages):
    """Labelled pictures whose targets are poses in the frame of their own camera.

    Arguments, batches and errors as of `LabelledImages`.
    """

    def __init__(self, store, *arguments, target="camera"):
        super().__init__(store, *arguments, target="global")
        self.store = store
        poses = self._in_camera(self.rows)
        self.mean, self.std = poses.mean(0), poses.std(0).clamp_min(SMALLEST_STD)

    def targets(self, step):
        """`(size, 16, 3)`, standard deviations from the mean pose."""
        return (self._in_camera(self._rows_of(step)) - self.mean) / self.std

    def _in_camera(self, rows):
        found = torch.empty(len(rows), *self._poses[0].shape[1:])
        for number, subject in enumerate(self.subjects):
            of = np.flatnonzero(rows[:, 0] == number)
            if len(of):
                frames, views = rows[of, 1], rows[of, 2]
                R = rotations(self.store, subject, frames, views)
                found[of] = rotate(self._poses[number][frames], R)
        return found


class RivalBatch(NamedTuple):
    """One step of a rival's training."""

    inputs: torch.Tensor  #: what the network sees: of the pairs, then of the labelled
    given: dict | None  #: what the rival drew for the pairs; None without any
    #: (labelled, 16, 3), standard deviations from the mean pose; None without labels
    targets: torch.Tensor | None


class RivalFeeder(Feeder):
    """The batches of a rival's training: pairs, then labels, or both in each step.

    config: a `RivalConfig`; what it leaves out, pairs or labels, has no steps.
    """

    def __init__(self, store, rival, pairs, labelled, config, device="cpu"):
        super().__init__(store, pairs, labelled, device)
        self.store, self.rival = store, rival
        self.split, self.seed = pairs.split, pairs.seed
        self.each = config.epochs * len(pairs)  #: steps that a stage has
        both = not rival.staged
        #: how many steps have pairs, and how many labels
        self.pretext = self.each * (config.metric_loss or both)
        self.pose = self.each * (config.pose_loss or both)
        self.steps = self.each if both else self.pretext + self.pose

    @functools.cached_property
    def backgrounds(self):
        """The empty rooms, estimated when first asked for."""
        return Backgrounds(self.store, self.split)

    def batch(self, step):
        """The `RivalBatch` of a step, a function of the arguments and it alone."""
        inputs, given, targets = [], None, None
        if step < self.pretext:
            batch, rng = (
                self._pairs_of(step),
                np.random.default_rng([self.seed, 7, step]),
            )
            frames, views, given = self.rival.draw(self, batch, rng)
            given = {name: value.to(self.device) for name, value in given.items()}
            seen = given.pop("inputs", None)
            if seen is None:
                seen = self._inputs(batch.subject, frames, views)
            inputs.append(seen)
        if step >= self.pretext or not self.rival.staged:
            number = step % self.each
            subjects, frames, views = self.labelled.batch(number)
            subjects, at = np.array(subjects), np.arange(len(frames))
            parts = [(s, at[subjects == s]) for s in dict.fromkeys(subjects)]
            seen = [self._inputs(s, frames[i], views[i]) for s, i in parts]
            order = np.argsort(np.concatenate([i for _, i in parts]))
            inputs.append(torch.cat(seen)[torch.from_numpy(order)])
            targets = self.labelled.targets(number).to(self.device)
        return RivalBatch(torch.cat(inputs), given, targets)

    def _inputs(self, subject, frames, views):
        return self.rival.inputs(self.store, subject, frames, views, self.device)
