"""From index batches to tensors: the images and targets of each training step."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from .augmenting import augmented

#: Batches decoded ahead.
AHEAD = 2


class Batch(NamedTuple):
    """One step's images in one tensor: anchors, positives, labelled; and the labelled
    images' targets.
    """

    images: torch.Tensor  #: (2 pairs + labelled, 3, h, w) uint8
    pairs: int
    #: (labelled, 16, 3), standard deviations from the mean pose
    targets: torch.Tensor | None
    groups: list = ()  #: how many pairs each subject has, in order


class Changes(NamedTuple):
    """What is changed in the pictures of a training, at random."""

    mirror: bool = False  #: half of the pairs and of the labelled images
    augment: str = ""  #: 'same' or 'different' changes in the two views of a pair
    seed: int = 0


class Feeder:
    """The batches of a training run, each a function of the index batches and the step
    alone.

    store: a `Store`.
    pairs: a `SameSubjectPairs`, or None for the Baseline, which has no metric loss.
    labelled: a `LabelledImages`, or None without the pose loss.
    rank, world: of `world` processes that train together, this is number `rank`, and
    takes its share of every batch.
    changes: a `Changes`.
    """

    def __init__(
        self, store, pairs, labelled, device="cpu", rank=0, world=1, changes=Changes()
    ):
        self.store, self.pairs, self.labelled = store, pairs, labelled
        self.device, self._share = device, slice(rank, None, world)
        self.changes, self._epoch = changes, (None, None)

    def batch(self, step):
        """The `Batch` of one step."""
        files, m, groups, targets, flipped = [], 0, [], None, []
        rng = np.random.default_rng([self.changes.seed, 2, step])
        if self.pairs:
            batch = self._pairs_of(step)
            subjects = np.broadcast_to(batch.subject, len(batch.frames))[self._share]
            frames, m = batch.frames[self._share], len(subjects)
            for views in (batch.anchor_views, batch.positive_views):
                files += self._files(subjects, frames, views[self._share])
            groups = _lengths_of_runs(subjects)
            # a mirrored pair is a pair of another pose: both views or none
            flipped += 2 * [rng.random(len(batch.frames))[self._share] < 0.5]
        if self.labelled:
            batch = self.labelled.batch(step)
            files += self._files(*(column[self._share] for column in batch))
            mirror = None
            if self.changes.mirror:
                mirror = rng.random(len(batch.frames)) < 0.5
                flipped.append(mirror[self._share])
            # non_blocking: or this thread would wait for the steps in the queue
            targets = self.labelled.targets(step, mirror)[self._share]
            targets = targets.to(self.device, non_blocking=True)
        images = self.store.decode(files, self.device).to(self.device)
        if self.changes.mirror:
            of_these = torch.from_numpy(np.concatenate(flipped)).to(self.device)
            images = torch.where(of_these[:, None, None, None], images.flip(-1), images)
        if self.changes.augment:
            same = 2 if self.changes.augment == "same" else 1
            parts = (images[: 2 * m], same), (images[2 * m :], 1)
            images = torch.cat(
                [augmented(part, rng, n) for part, n in parts if len(part)]
            )
        return Batch(images, m, targets, groups)

    def _pairs_of(self, step):
        epoch, place = divmod(step, len(self.pairs))
        if self._epoch[0] != epoch:
            self._epoch = epoch, self.pairs.epoch(epoch)
        return self._epoch[1][place]

    def _files(self, subjects, frames, views):
        return [
            file
            for subject, frame, view in zip(subjects, frames, views)
            for file in self.store.encoded(subject, frame, view)
        ]

    @contextmanager
    def prefetch(self, start, stop):
        """A context that gives an iterator over the batches of steps start to stop - 1,
        made ahead by a thread.
        """
        with ThreadPoolExecutor(1) as thread:
            yield self._ahead(thread, start, stop)
            # an error in the step leaves nothing running
            thread.shutdown(wait=True, cancel_futures=True)

    def _ahead(self, thread, start, stop):
        waiting = [
            thread.submit(self.batch, step)
            for step in range(start, min(start + AHEAD, stop))
        ]
        for step in range(start, stop):
            batch = waiting.pop(0).result()
            if step + AHEAD < stop:
                waiting.append(thread.submit(self.batch, step + AHEAD))
            yield batch


def _lengths_of_runs(names):
    """How often each name of `names` `(n,)` comes in a row."""
    starts = np.flatnonzero(np.r_[True, names[1:] != names[:-1]])
    return np.diff(np.r_[starts, len(names)]).tolist()
