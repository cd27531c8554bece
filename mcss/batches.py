"""Mini-batch selection (Section 3.1.1): pairs of one subject that are never nearly the
same instant.
"""

import math
from typing import NamedTuple

import numpy as np

from .data import Split
from .dealing import batches_for, deal, pools


class PairBatch(NamedTuple):
    """m pairs of one subject: the same instant seen from two different views."""

    subject: str  #: of all; one a pair in a mixed batch
    #: (m,) frame numbers, no two the same instant nor nearer than the gap in one clip
    frames: np.ndarray
    anchor_views: np.ndarray  #: (m,)
    positive_views: np.ndarray  #: (m,), different from anchor_views


class SameSubjectPairs:
    """Index batches of anchor-positive pairs, each batch of one subject only.

    Anchors, positives and so all negatives of a batch share the person and mostly the
    background, so neither can be used to tell them apart: only the pose is left. An
    epoch shows each instant of the split once, as one pair in two views drawn at
    random; a subject's instants are dealt out evenly, so batches have `pairs` pairs or
    slightly fewer. If a clip is so dense that keeping the gap takes more batches than
    that, batches get smaller; `smallest` is about the size of the smallest.

    store: a `Store`.
    split: the name of one of its splits, or a `Split`.
    pairs: m, the most pairs in a batch.
    gap: seconds that two instants of one clip must lie apart to share a batch (the
    paper's supplement has the figure; nobody has the supplement).
    seed: two objects with the same seed yield the same batches.

    `epoch(e)` is a list of `PairBatch`, a function of the arguments and e alone;
    iterating yields epoch 0. Raises `ValueError` for a subject with fewer than two
    views or with fewer instants than a batch takes.
    """

    def __init__(self, store, split="train", pairs=66, gap=0.5, seed=0):
        self.split = split if isinstance(split, Split) else store.splits[split]
        self.pairs, self.seed = pairs, seed
        self.gap_frames = max(1, math.ceil(gap * store.fps - 1e-9))
        if pairs < 2:
            raise ValueError(
                f"pairs must be at least 2, not {pairs}: a single pair has no negative"
            )
        self._subjects = {s: self._instants(store, s) for s in self.split.subjects}
        counts = {
            subject: batches_for(frames, clips, pairs, self.gap_frames)
            for subject, (frames, clips, _) in self._subjects.items()
        }
        self.smallest = min(
            len(self._subjects[subject][0]) // count
            for subject, count in counts.items()
        )
        self._batches = sum(counts.values())
        if self.smallest < 2:
            raise ValueError(
                f"a gap of {gap} s leaves less than two pairs a batch: take a smaller"
                " gap, or longer clips"
            )

    def _instants(self, store, subject):
        """(frames, clip of each, which of the split's views show each) of the instants
        that have a pair.
        """
        frames = np.unique(self.split.frames[subject])
        present = store.present(subject)[frames][:, self.split.views]
        usable = present.sum(1) >= 2
        if not usable.any():
            raise ValueError(
                f"subject {subject} is never seen in two views at once: a pair needs"
                " two; leave the subject out"
            )
        if usable.sum() < self.pairs:
            raise ValueError(
                f"subject {subject} has {usable.sum()} distinct instants seen in two"
                f" views, a batch needs {self.pairs}: take fewer pairs, or leave the"
                " subject out"
            )
        starts = [clip.start for clip in store.clips(subject)]
        frames = frames[usable]
        return frames, np.searchsorted(starts, frames, "right"), present[usable]

    def epoch(self, number=0):
        """The batches of one epoch, subjects mixed: a list of `PairBatch`."""
        rng = np.random.default_rng([self.seed, number])
        batches = [b for subject in self._subjects for b in self.deal(subject, rng)]
        return [batches[i] for i in rng.permutation(len(batches))]

    def deal(self, subject, rng, count=None):
        """The batches of one subject, `count` of them or as many as are needed."""
        frames, clips, present = self._subjects[subject]
        gap = self.gap_frames
        count = count or batches_for(frames, clips, self.pairs, gap)
        for pool, share in pools(frames, clips, gap, rng, count):
            for chosen in deal(frames[pool], clips[pool], self.pairs, gap, rng, share):
                chosen = pool[chosen]
                # two different views of those present: the two largest of random
                # numbers
                draw = rng.random(present[chosen].shape)
                order = np.argsort(np.where(present[chosen], draw, -1), 1)
                views = np.asarray(self.split.views)[order[:, -2:]]
                yield PairBatch(subject, frames[chosen], views[:, 0], views[:, 1])

    def __iter__(self):
        return iter(self.epoch(0))

    def __len__(self):
        """Batches in an epoch."""
        return self._batches
