"""Mini-batch selection (Section 3.1.1): pairs of one subject that are never nearly the
same instant.
"""

import math
from typing import NamedTuple

import numpy as np

from .data import Split

#: Instants that are dealt out together; more than that are dealt in several pools, so
#: that the time grows with their number only.
POOL = 1 << 14


class PairBatch(NamedTuple):
    """m pairs of one subject: the same instant seen from two different views."""

    subject: str  #: of all; one a pair in a mixed batch
    #: (m,) frame numbers, no two the same instant nor nearer than the gap within one
    #: clip
    frames: np.ndarray
    anchor_views: np.ndarray  #: (m,)
    positive_views: np.ndarray  #: (m,), different from anchor_views


class LabelledBatch(NamedTuple):
    """n labelled images, of any subject and view."""

    subjects: list
    frames: np.ndarray
    views: np.ndarray


class SameSubjectPairs:
    """Index batches of anchor-positive pairs, each batch of one subject only.

    Anchors, positives and so all negatives of a batch share the person and mostly the
    background, so neither can
    be used to tell them apart: only the pose is left. An epoch shows each instant of
    the split once, as one pair in two views drawn at random; a subject's instants are
    dealt out evenly, so batches have `pairs` pairs or slightly fewer. If a clip is so
    dense that keeping the gap takes more batches than that, batches get smaller;
    `smallest` is about the size of the smallest.

    store: a `Store`. split: the name of one of its splits, or a `Split`. pairs: m, the
    most pairs in a batch.
    gap: seconds that two instants of one clip must lie apart to share a batch (the
    paper's supplement has the figure; nobody has the supplement). seed: two objects
    with the same seed yield the same batches.

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
        self._subjects = {
            subject: self._instants(store, subject) for subject in self.split.subjects
        }
        counts = {
            s: _batches_for(frames, clips, pairs, self.gap_frames)
            for s, (frames, clips, _) in self._subjects.items()
        }
        self.smallest = min(
            len(self._subjects[s][0]) // count for s, count in counts.items()
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
        views, frames = self.split.views, np.unique(self.split.frames[subject])
        present = store.present(subject)[frames][:, views]
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
        batches = [
            batch
            for subject in self._subjects
            for batch in self._batches_of(subject, rng)
        ]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _batches_of(self, subject, rng, count=None):
        frames, clips, present = self._subjects[subject]
        count = count or _batches_for(frames, clips, self.pairs, self.gap_frames)
        for pool, share in _pools(frames, clips, self.gap_frames, rng, count):
            for chosen in deal(
                frames[pool], clips[pool], self.pairs, self.gap_frames, rng, share
            ):
                chosen = pool[chosen]
                # two different views of those present: the two largest of random
                # numbers
                order = np.argsort(
                    np.where(present[chosen], rng.random(present[chosen].shape), -1), 1
                )
                views = np.asarray(self.split.views)[order[:, -2:]]
                yield PairBatch(subject, frames[chosen], views[:, 0], views[:, 1])

    def __iter__(self):
        return iter(self.epoch(0))

    def __len__(self):
        """Batches in an epoch."""
        return self._batches


class MixedSubjectPairs(SameSubjectPairs):
    """What Section 3.1.1 advises against: every subject in every batch, so that most
    negatives are other people.

    Arguments and result as of `SameSubjectPairs`, and as many batches an epoch; but
    `PairBatch.subject` holds the subject of each pair, and a batch may have a few pairs
    more or less, since every subject is dealt out evenly.
    """

    def epoch(self, number=0):
        """The batches of one epoch: a list of `PairBatch`."""
        rng = np.random.default_rng([self.seed, number])
        shares = [
            [*self._batches_of(subject, rng, len(self))] for subject in self._subjects
        ]
        batches = []
        for parts in zip(
            *([share[i] for i in rng.permutation(len(self))] for share in shares)
        ):
            subjects = np.repeat(
                [part.subject for part in parts], [len(part.frames) for part in parts]
            )
            batches.append(
                PairBatch(
                    subjects,
                    *(np.concatenate(column) for column in list(zip(*parts))[1:]),
                )
            )
        return batches


def _batches_for(frames, clips, pairs, gap):
    spare = 2 * (len(frames) // POOL)  # pools are not quite even
    return max(math.ceil(len(frames) / pairs) + spare, _fewest(frames, clips, gap))


def _fewest(frames, clips, gap):
    """Batches that keeping the gap takes."""
    if gap <= 1:
        return 1
    # The densest stretch of gap frames needs a batch for each of its instants; one
    # batch more leaves room.
    ends = np.searchsorted(frames, frames + gap)
    same_clip = np.searchsorted(clips, clips, "right")
    densest = int((np.minimum(ends, same_clip) - np.arange(len(frames))).max())
    return densest + 1 if densest > 1 else 1


def _pools(frames, clips, gap, rng, count):
    """Index arrays into frames, each with its share of the `count` batches: one, or, of
    many instants, about POOL in each.

    Stretches of a clip are put into pools at random. Any two pools may hold neighbours
    in time; no batch mixes pools.
    """
    n = len(frames)
    pools = (
        min(-(-n // POOL), count // (2 * _fewest(frames, clips, gap)))
        if n > POOL
        else 1
    )
    if pools <= 1:
        yield np.arange(n), count
        return
    place = np.arange(n) - np.searchsorted(clips, clips)  # in its clip
    stretch = np.cumsum(place % (POOL // 16) == 0) - 1
    pool = (rng.permutation(stretch[-1] + 1) % pools)[stretch]
    sizes = np.bincount(pool, minlength=pools)
    shares = np.diff(np.round(np.cumsum(sizes) * count / n).astype(int), prepend=0)
    for part, share in zip(
        np.split(np.argsort(pool, kind="stable"), np.cumsum(sizes)[:-1]), shares
    ):
        yield part, share


def deal(frames, clips, pairs, gap, rng, count=None):
    """Deals instants into even batches at random, any two of one clip in one batch at
    least `gap` frames apart.

    frames: `(n,)` ascending; clips: `(n,)`. count: how many batches; None for as many
    as batches of `pairs` need. Returns a list of `count` index arrays into frames.
    """
    count = count or _batches_for(frames, clips, pairs, gap)
    held, last = np.zeros(count, int), np.empty(count, int)
    batch_of = np.empty(len(frames), int)
    for clip in rng.permutation(np.unique(clips)):
        last[:] = (
            -gap - 1
        )  # of each batch, the latest frame of this clip, counted from its start
        members = np.flatnonzero(clips == clip)
        for index in members:
            frame = frames[index] - frames[members[0]]
            free = frame - last >= gap
            # the emptiest of the batches that may take it, ties broken at random
            weight = np.where(free, held + rng.random(count), np.inf)
            batch = int(weight.argmin())
            batch_of[index] = batch
            held[batch] += 1
            last[batch] = frame
    order = np.argsort(batch_of, kind="stable")
    return np.split(order, np.cumsum(held)[:-1])


class LabelledImages:
    """Batches of labelled images for the pose loss, without end: each image once before
    any comes again.

    store, split, seed: as in `SameSubjectPairs`. subjects, views: which of the split's
    are labelled, None for all; views are counted from 0. share: the share of the
    labelled subjects' instants that is labelled, in one run from the start of each
    clip, as an annotator would do it. size: n, images in a batch.

    `batch(step)` is a function of the arguments and the step alone. Raises `ValueError`
    for a subject or view the split does not have, and for subjects without poses.
    """

    def __init__(
        self,
        store,
        split="train",
        subjects=None,
        views=None,
        share=1.0,
        size=22,
        seed=0,
    ):
        split = split if isinstance(split, Split) else store.splits[split]
        self.subjects = list(split.subjects if subjects is None else subjects)
        views = list(split.views if views is None else views)
        unknown = [s for s in self.subjects if s not in split.subjects]
        if unknown or not self.subjects:
            raise ValueError(
                f"labels for {unknown or 'no subject'}: this split trains on"
                f" {', '.join(split.subjects)}"
            )
        if not views or set(views) - set(split.views):
            raise ValueError(
                f"labels from views {views}: this split trains on views"
                f" {list(split.views)}"
            )
        if not 0 < share <= 1:
            raise ValueError(f"share of labelled frames must be in (0, 1], not {share}")
        rows = []
        self.poses = {}  #: subject -> (T, 17, 3) world mm
        for s, subject in enumerate(self.subjects):
            poses = store.poses(subject)
            if poses is None:
                raise ValueError(
                    f"subject {subject} has no poses in this store, so it cannot give"
                    " labels"
                )
            self.poses[subject] = poses
            wanted = np.zeros(len(poses), bool)
            for clip in store.clips(subject):
                inside = np.unique(split.frames[subject])
                inside = inside[(inside >= clip.start) & (inside < clip.stop)]
                wanted[inside[: math.ceil(share * len(inside))]] = True
            wanted &= ~np.isnan(poses.numpy()).any((1, 2))
            frame, view = np.nonzero(wanted[:, None] & store.present(subject)[:, views])
            rows.append(
                np.stack([np.full(len(frame), s), frame, np.asarray(views)[view]], 1)
            )
        self.rows = np.concatenate(
            rows
        )  #: (N, 3): subject (index), frame, view of every labelled image
        if len(self.rows) < 2:
            raise ValueError(
                "fewer than two labelled images: take more subjects, views or a larger"
                " share"
            )
        self.size, self.seed = size, seed
        self._order = None, None

    def batch(self, step):
        """The labelled images of one training step, a `LabelledBatch` of `size` images."""
        places = np.arange(step * self.size, (step + 1) * self.size)
        rows = np.stack(
            [
                self.rows[self._cycle(place // len(self.rows))[place % len(self.rows)]]
                for place in places
            ]
        )
        return LabelledBatch(
            [self.subjects[s] for s in rows[:, 0]], rows[:, 1], rows[:, 2]
        )

    def _cycle(self, number):
        if self._order[0] != number:
            self._order = (
                number,
                np.random.default_rng([self.seed, 1, number]).permutation(
                    len(self.rows)
                ),
            )
        return self._order[1]
