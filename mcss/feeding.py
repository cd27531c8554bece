"""From index batches to tensors: the images and targets of each training step."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

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


class Feeder:
    """The batches of a training run, each a function of the index batches and the step
    alone.

    store: a `Store`.
    pairs: a `SameSubjectPairs`, or None for the Baseline, which has no metric loss.
    labelled: a `LabelledImages`, or None without the pose loss.
    rank, world: of `world` processes that train together, this is number `rank`, and
    takes its share of every batch.
    """

    def __init__(self, store, pairs, labelled, device="cpu", rank=0, world=1):
        self.store, self.pairs, self.labelled = store, pairs, labelled
        self.device, self._share = device, slice(rank, None, world)
        self._epoch = None, None

    def batch(self, step):
        """The `Batch` of one step."""
        files, m, targets = [], 0, None
        if self.pairs:
            batch = self._pairs_of(step)
            subjects = np.broadcast_to(batch.subject, len(batch.frames))[self._share]
            frames, m = batch.frames[self._share], len(subjects)
            for views in (batch.anchor_views, batch.positive_views):
                files += self._files(subjects, frames, views[self._share])
        if self.labelled:
            batch = self.labelled.batch(step)
            files += self._files(*(column[self._share] for column in batch))
            # non_blocking: or this thread would wait for the steps in the queue
            targets = self.labelled.targets(step)[self._share]
            targets = targets.to(self.device, non_blocking=True)
        images = self.store.decode(files, self.device)
        return Batch(images.to(self.device), m, targets)

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
