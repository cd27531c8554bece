"""Element 4: the rules of mini-batch selection, switched on and off (Section 3.1.1)."""

import numpy as np
import torch

from ...ablations import MixedSubjectPairs
from ...batches import SameSubjectPairs
from ...metrics import pairwise_pa_mpjpe
from ...mining import pairwise_distances
from ...skeleton import root_relative
from .element import Element, sheet

#: mm of PA-MPJPE under which a negative counts as a near-duplicate of the pair.
ALIKE = 40


def clothes(images):
    """What hardly holds a pose: the average colour of the upper and of the lower half
    of the person, `(n, 6)`.
    """
    h = images.shape[-1]
    middle = images[:, :, h // 4 : 3 * h // 4, 2 * h // 5 : 3 * h // 5].float()
    return torch.cat([half.mean((2, 3)) for half in middle.chunk(2, dim=2)], 1)


def answered(anchors, positives):
    """The share of anchors whose clothes are nearer to those of their own positive than
    to three quarters of the others.
    """
    D = pairwise_distances(clothes(anchors), clothes(positives))
    return ((D < D.diagonal()[:, None]).float().mean(1) < 0.25).float().mean().item()


def batch_rules(store, gap=0.5, pairs=12, batches=12, shown=6):
    """gap: seconds. Shares are averaged over `batches` batches; `shown` pairs of the
    first are drawn.
    """
    states = []
    for sampler in (MixedSubjectPairs, SameSubjectPairs):
        dealt = sampler(store, pairs=pairs, gap=gap).epoch(0)[:batches]
        states.append(
            [
                _state(store, some, shown)
                for some in ([as_filmed(store, batch) for batch in dealt], dealt)
            ]
        )
    return Element(
        "batch_rules",
        "A mini-batch as pictures, with a switch for the same-subject rule and one for"
        " the time gap, and what share of the pairs could be told by clothes alone.",
        {"gap": gap, "batches": states, "alike": ALIKE},
    )


def as_filmed(store, batch):
    """The batch without the gap: of each person in it, a stretch of video in place of
    instants far apart.
    """
    subjects, frames = (
        np.broadcast_to(batch.subject, len(batch.frames)),
        batch.frames.copy(),
    )
    for subject in np.unique(subjects):
        own = np.flatnonzero(subjects == subject)
        clip = next(
            clip
            for clip in store.clips(subject)
            if clip.start <= frames[own[0]] < clip.stop
        )
        frames[own] = min(frames[own[0]], clip.stop - len(own)) + np.arange(len(own))
    return batch._replace(frames=frames)


def _state(store, batches, shown):
    colour, duplicates = [], []
    for number, batch in enumerate(batches):
        m = len(batch.frames)
        subjects = np.broadcast_to(batch.subject, m)
        anchors, positives = (
            _images(store, subjects, batch.frames, views)
            for views in (batch.anchor_views, batch.positive_views)
        )
        poses = torch.stack(
            [root_relative(store.poses(s)[f]) for s, f in zip(subjects, batch.frames)]
        )
        between = pairwise_pa_mpjpe(poses, poses).fill_diagonal_(torch.inf)
        colour.append(answered(anchors, positives))
        duplicates.append((between.amin(1) < ALIKE).float().mean().item())
        if number == 0:
            rows = torch.randperm(m, generator=torch.Generator().manual_seed(0))[
                :shown
            ].tolist()
            # of a pair and its near-duplicate show both, or the frame would say nothing
            rows = list(
                dict.fromkeys(
                    x
                    for i in rows
                    for x in (
                        [i, int(between[i].argmin())]
                        if between[i].amin() < ALIKE
                        else [i]
                    )
                )
            )[:shown]
            nearest, twin = between[rows][:, rows].min(1)
            pictures = torch.stack(
                [picture[i] for i in rows for picture in (anchors, positives)]
            )
            first = {
                "sheet": sheet(pictures, columns=shown),
                "names": subjects[rows].tolist(),
                "nearest": nearest.clamp_max(9999),
                "twin": twin,
            }
    return first | {"colour": np.mean(colour), "duplicates": np.mean(duplicates)}


def _images(store, subjects, frames, views):
    return torch.cat(
        [store.images(s, [f], [v]) for s, f, v in zip(subjects, frames, views)]
    )
