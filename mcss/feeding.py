"""From index batches to tensors: the images and targets of each training step."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import torch

from .augmenting import augmented
from .engine.pictures import FromDisk
from .engine.workers import ahead

#: Batches decoded ahead by a thread.
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


class Plan(NamedTuple):
    """A `Batch` before any picture is read."""

    rows: list  #: (subject, frame, view) of every picture
    pairs: int
    groups: list
    targets: torch.Tensor | None
    flipped: torch.Tensor | None  #: (n,) bool, the pictures that are mirrored
    rng: np.random.Generator  #: for what else is changed


class Feeder:
    """The batches of a training run, each a function of the index batches and the step
    alone.

    store: a `Store`.
    pairs: a `SameSubjectPairs`, or None for the Baseline, which has no metric loss.
    labelled: a `LabelledImages`, or None without the pose loss.
    rank, world: of `world` processes that train together, this is number `rank`, and
    takes its share of every batch.
    changes: a `Changes`.
    pictures: a function that gives what the pictures come from, one of
    `mcss.engine.pictures`, called when the first is needed; None: from disk.
    workers: processes that read ahead; 0: a thread.
    """

    def __init__(
        self,
        store,
        pairs,
        labelled,
        device="cpu",
        rank=0,
        world=1,
        changes=Changes(),
        pictures=None,
        workers=0,
    ):
        self.pairs, self.labelled = pairs, labelled
        self.device, self._share = device, slice(rank, None, world)
        self.changes, self._epoch = changes, (None, None)
        self._pictures = pictures or partial(FromDisk, store, device)
        self.workers = workers

    @cached_property
    def pictures(self):
        """Where the pictures come from."""
        return self._pictures()

    def batch(self, step):
        """The `Batch` of one step."""
        return self.finish(*self.read(step))

    def read(self, step):
        """What main memory and the disk give for a step: its `Plan`, whose rows are
        done with, and what `pictures` makes of them.
        """
        plan = self.plan(step)
        return plan._replace(rows=()), self.pictures.read(plan.rows)

    def plan(self, step):
        """The `Plan` of one step."""
        rows, m, groups, targets, flipped = [], 0, [], None, []
        rng = np.random.default_rng([self.changes.seed, 2, step])
        if self.pairs:
            batch = self._pairs_of(step)
            subjects = np.broadcast_to(batch.subject, len(batch.frames))[self._share]
            frames, m = batch.frames[self._share], len(subjects)
            for views in (batch.anchor_views, batch.positive_views):
                rows += zip(subjects, frames, views[self._share])
            groups = _lengths_of_runs(subjects)
            # a mirrored pair is a pair of another pose: both views or none
            flipped += 2 * [rng.random(len(batch.frames))[self._share] < 0.5]
        if self.labelled:
            batch = self.labelled.batch(step)
            rows += zip(*(column[self._share] for column in batch))
            mirror = None
            if self.changes.mirror:
                mirror = rng.random(len(batch.frames)) < 0.5
                flipped.append(mirror[self._share])
            targets = self.labelled.targets(step, mirror)[self._share]
        mirrored = None
        if self.changes.mirror:
            mirrored = torch.from_numpy(np.concatenate(flipped))
        return Plan(rows, m, groups, targets, mirrored, rng)

    def finish(self, plan, read):
        """The `Batch` on the device, of what `read` gives."""
        images, m, targets = self.pictures.take(read), plan.pairs, plan.targets
        if targets is not None:
            # non_blocking: or this thread would wait for the steps in the queue
            targets = targets.to(self.device, non_blocking=True)
        if plan.flipped is not None:
            of_these = plan.flipped.to(self.device, non_blocking=True)
            images = torch.where(of_these[:, None, None, None], images.flip(-1), images)
        if self.changes.augment:
            same = 2 if self.changes.augment == "same" else 1
            parts = (images[: 2 * m], same), (images[2 * m :], 1)
            images = torch.cat(
                [augmented(part, plan.rng, n) for part, n in parts if len(part)]
            )
        return Batch(images, m, targets, plan.groups)

    def _pairs_of(self, step):
        epoch, place = divmod(step, len(self.pairs))
        if self._epoch[0] != epoch:
            self._epoch = epoch, self.pairs.epoch(epoch)
        return self._epoch[1][place]

    @contextmanager
    def prefetch(self, start, stop):
        """A context that gives an iterator over the batches of steps start to stop - 1,
        made ahead by a thread, or read ahead by processes.
        """
        if start < stop and self.workers:
            _ = self.pictures  # or each process would make it
            pinned = torch.device(self.device).type == "cuda"
            with ahead(self.read, range(start, stop), self.workers, pinned) as read:
                yield (self.finish(*each) for each in read)
            return
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
