"""From index batches to tensors: what one training step eats, decoded ahead of it by a
thread of its own.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from .batches import LabelledImages, MixedSubjectPairs, SameSubjectPairs
from .inference import truth_of

#: Batches decoded ahead.
AHEAD = 2
#: mm; a coordinate that never varies (the canonical left hip's y) is not blown up.
SMALLEST_STD = 1.0


class Batch(NamedTuple):
    """One step's images in one tensor: anchors, positives, labelled; and the labelled
    images' targets.
    """

    images: torch.Tensor  #: (2 pairs + labelled, 3, h, w) uint8
    pairs: int
    targets: (
        torch.Tensor | None
    )  #: (labelled, 16, 3), standard deviations from the mean pose


class Feeder:
    """The batches of a training run, each a function of the configuration and the step
    alone.

    store: a `Store`; config: a `mcss.training.TrainingConfig`. `pose_mean`, `pose_std`
    (16, 3) in mm: per coordinate, over the labelled instants. The Baseline (no metric
    loss) gets the same labelled batches, and the same number of steps, as a run with
    the metric loss.

    rank, world: of `world` processes that train together, this is number `rank`, and
    takes its share of every batch.
    """

    def __init__(self, store, config, device="cpu", rank=0, world=1):
        self.store, self.config, self.device = store, config, device
        self._share = slice(rank, None, world)
        pairs = SameSubjectPairs if config.same_subject else MixedSubjectPairs
        self._pairs = pairs(store, config.split, config.pairs, config.gap, config.seed)
        sizes = [self._pairs.smallest] * config.metric_loss + [
            config.labelled
        ] * config.pose_loss
        if min(sizes) < 2 * world:
            raise ValueError(
                f"batches of {self._pairs.smallest} pairs and {config.labelled}"
                f" labelled images do not give {world} processes two each"
            )
        self.steps_per_epoch = len(self._pairs)
        self.steps = config.epochs * self.steps_per_epoch
        self._epoch = None, None
        if config.pose_loss:
            self._labelled = LabelledImages(
                store,
                config.split,
                config.label_subjects,
                config.label_views,
                config.label_share,
                config.labelled,
                config.seed,
            )
            self._normalise_targets()

    def _normalise_targets(self):
        rows = self._labelled.rows
        poses = {}
        for s, subject in enumerate(self._labelled.subjects):
            frames = np.unique(rows[rows[:, 0] == s, 1])
            poses[subject] = (
                frames,
                truth_of(self.store, subject, frames, self.config.target),
            )
        every = torch.cat([pose for _, pose in poses.values()])
        self.pose_mean, self.pose_std = (
            every.mean(0),
            every.std(0).clamp_min(SMALLEST_STD),
        )
        self._targets = {
            s: (frames, (pose - self.pose_mean) / self.pose_std)
            for s, (frames, pose) in poses.items()
        }

    def batch(self, step):
        """The `Batch` of one step."""
        files, m, targets = [], 0, None
        if self.config.metric_loss:
            epoch, place = divmod(step, self.steps_per_epoch)
            if self._epoch[0] != epoch:
                self._epoch = epoch, self._pairs.epoch(epoch)
            pairs = self._epoch[1][place]
            subjects, frames = (
                np.broadcast_to(pairs.subject, len(pairs.frames))[self._share],
                pairs.frames[self._share],
            )
            m = len(frames)
            for views in (pairs.anchor_views, pairs.positive_views):
                files += self._files(subjects, frames, views[self._share])
        if self.config.pose_loss:
            labelled, targets = (
                [column[self._share] for column in self._labelled.batch(step)],
                [],
            )
            files += self._files(*labelled)
            for subject, frame, _ in zip(*labelled):
                frames, poses = self._targets[subject]
                targets.append(poses[np.searchsorted(frames, frame)])
            targets = torch.stack(targets).to(
                self.device, non_blocking=True
            )  # or this thread would wait for the steps in the queue
        images = self.store.decode(files, self.device)
        return Batch(images.to(self.device), m, targets)

    def _files(self, subjects, frames, views):
        return [
            file
            for s, frame, view in zip(subjects, frames, views)
            for file in self.store.encoded(s, frame, view)
        ]

    @contextmanager
    def prefetch(self, start=0):
        """A context that gives an iterator over the batches from step `start` on, made
        ahead by a thread.
        """
        with ThreadPoolExecutor(1) as thread:
            yield self._ahead(thread, start)
            thread.shutdown(
                wait=True, cancel_futures=True
            )  # an error in the step leaves nothing running

    def _ahead(self, thread, start):
        waiting = [
            thread.submit(self.batch, step)
            for step in range(start, min(start + AHEAD, self.steps))
        ]
        for step in range(start, self.steps):
            batch = waiting.pop(0).result()
            if step + AHEAD < self.steps:
                waiting.append(thread.submit(self.batch, step + AHEAD))
            yield batch
