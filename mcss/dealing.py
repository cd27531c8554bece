"""Dealing instants into mini-batches, so that no batch holds two that lie close in
time (Section 3.1.1). Only frame and clip numbers here; what they show comes later.
"""

import math

import numpy as np

#: Instants that are dealt out together; more than that are dealt in several pools, so
#: that the time grows with their number only.
POOL = 1 << 14


def deal(frames, clips, pairs, gap, rng, count=None):
    """Deals instants into even batches at random, any two of one clip in one batch at
    least `gap` frames apart.

    frames: `(n,)` ascending; clips: `(n,)`, the clip of each. count: how many batches;
    None for as many as batches of `pairs` need. Returns a list of `count` index arrays
    into frames.
    """
    count = count or batches_for(frames, clips, pairs, gap)
    held, last = np.zeros(count, int), np.empty(count, int)
    batch_of = np.empty(len(frames), int)
    for clip in rng.permutation(np.unique(clips)):
        members = np.flatnonzero(clips == clip)
        last[:] = -gap - 1  # of each batch, its latest frame, from the clip's start
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


def batches_for(frames, clips, pairs, gap):
    """How many batches of at most `pairs` instants it takes. Arguments as of `deal`."""
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


def pools(frames, clips, gap, rng, count):
    """Index arrays into frames, each with its share of the `count` batches: one, or, of
    many instants, about POOL in each.

    Stretches of a clip are put into pools at random. Any two pools may hold neighbours
    in time; no batch mixes pools.
    """
    n = len(frames)
    fewest = _fewest(frames, clips, gap)
    number = min(-(-n // POOL), count // (2 * fewest)) if n > POOL else 1
    if number <= 1:
        yield np.arange(n), count
        return
    in_clip = np.arange(n) - np.searchsorted(clips, clips)
    stretch = np.cumsum(in_clip % (POOL // 16) == 0) - 1
    pool = (rng.permutation(stretch[-1] + 1) % number)[stretch]
    sizes = np.bincount(pool, minlength=number)
    shares = np.round(np.cumsum(sizes) * count / n).astype(int)
    members = np.split(np.argsort(pool, kind="stable"), np.cumsum(sizes)[:-1])
    yield from zip(members, np.diff(shares, prepend=0))
