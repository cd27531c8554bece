"""Element 4: the rules of mini-batch selection, switched on and off (Section 3.1.1)."""

import numpy as np
import torch

from ...ablations import MixedSubjectPairs
from ...batches import SameSubjectPairs
from ...experiments.shortcuts import SAME_POSE_MM, answered
from ...metrics import pairwise_pa_mpjpe
from ...skeleton import root_relative
from .element import Element, sheet


def batch_rules(store, gap=0.5, pairs=12, batches=12, shown=6):
    """An `Element`: batches under the four combinations of the two rules.

    gap: seconds. pairs: in a batch. Shares are averaged over `batches` batches; `shown`
    pairs of the first are drawn.
    """
    states = []
    for sampler in (MixedSubjectPairs, SameSubjectPairs):
        dealt = sampler(store, pairs=pairs, gap=gap).epoch(0)[:batches]
        filmed = [as_filmed(store, batch) for batch in dealt]
        states.append([_state(store, rule, shown) for rule in (filmed, dealt)])
    return Element(
        "batch_rules",
        "A mini-batch as pictures, with a switch for the same-subject rule and one for"
        " the time gap, and what share of the pairs could be told by clothes alone.",
        {"gap": gap, "batches": states, "alike": SAME_POSE_MM},
    )


def as_filmed(store, batch):
    """The batch without the gap: of each person in it, a stretch of video in place of
    instants far apart.
    """
    subjects = np.broadcast_to(batch.subject, len(batch.frames))
    frames = batch.frames.copy()
    for subject in np.unique(subjects):
        own = np.flatnonzero(subjects == subject)
        start = frames[own[0]]
        clip = next(c for c in store.clips(subject) if c.start <= start < c.stop)
        frames[own] = min(start, clip.stop - len(own)) + np.arange(len(own))
    return batch._replace(frames=frames)


def _state(store, batches, shown):
    """What the figure shows of batches under one combination of the rules: shares over
    all of them, pictures of the first.
    """
    parts = [_pairs_of(store, batch) for batch in batches]
    colour = [answered(anchors, positives) for anchors, positives, _ in parts]
    duplicates = [
        (between.amin(1) < SAME_POSE_MM).float().mean().item() for *_, between in parts
    ]
    anchors, positives, between = parts[0]
    rows = _rows_shown(between, shown)
    nearest, twin = between[rows][:, rows].min(1)
    pictures = [picture[i] for i in rows for picture in (anchors, positives)]
    names = np.broadcast_to(batches[0].subject, len(anchors))[rows]
    return {
        "sheet": sheet(torch.stack(pictures), columns=shown),
        "names": names.tolist(),
        "nearest": nearest.clamp_max(9999),
        "twin": twin,
        "colour": np.mean(colour),
        "duplicates": np.mean(duplicates),
    }


def _pairs_of(store, batch):
    """(anchors, positives, between): the images of a batch, `(m, 3, h, w)` each, and
    the PA-MPJPE between its pairs in mm, `(m, m)`, inf on the diagonal.
    """
    subjects = np.broadcast_to(batch.subject, len(batch.frames))
    anchors, positives = (
        torch.cat(
            [
                store.images(s, [f], [v])
                for s, f, v in zip(subjects, batch.frames, views)
            ]
        )
        for views in (batch.anchor_views, batch.positive_views)
    )
    poses = torch.stack(
        [root_relative(store.poses(s)[f]) for s, f in zip(subjects, batch.frames)]
    )
    between = pairwise_pa_mpjpe(poses, poses).fill_diagonal_(torch.inf)
    return anchors, positives, between


def _rows_shown(between, shown):
    """`shown` pairs of a batch, drawn at random; after one with a near-duplicate stands
    that one, for alone the frame would say nothing.
    """
    order = torch.randperm(len(between), generator=torch.Generator().manual_seed(0))
    rows = []
    for i in order[:shown].tolist():
        rows.append(i)
        if between[i].amin() < SAME_POSE_MM:
            rows.append(int(between[i].argmin()))
    return list(dict.fromkeys(rows))[:shown]
