"""The labelled images and what H has to predict for them (Sections 3.2 and 4)."""

import math
from typing import NamedTuple

import numpy as np
import torch

from .canonical import canonical_pose, mirrored
from .data import Split
from .skeleton import POSE_JOINTS, root_relative

#: mm; a coordinate that never varies (the canonical left hip's y) is not blown up.
SMALLEST_STD = 1.0


def truth_of(store, subject, frames, target="canonical"):
    """`(n, 16, 3)` root-relative truth in mm of the frames `(n,)`, canonical or global;
    NaN where there is none.
    """
    if target not in ("canonical", "global"):
        raise ValueError(f"target must be 'canonical' or 'global', not {target!r}")
    world = store.poses(subject)
    if world is None:
        return torch.full((len(frames), POSE_JOINTS, 3), torch.nan)
    pose = root_relative(world[torch.as_tensor(frames)])
    if target == "canonical":
        known = ~pose.isnan().flatten(1).any(1)
        try:
            pose[known] = canonical_pose(pose[known])
        except ValueError as error:
            raise ValueError(f"{store.path}, subject {subject}: {error}") from None
    return pose


class LabelledBatch(NamedTuple):
    """n labelled images, of any subject and view."""

    subjects: list
    frames: np.ndarray
    views: np.ndarray


class LabelledImages:
    """Batches of labelled images for the pose loss, without end: each image once before
    any comes again.

    store, split, seed: as in `SameSubjectPairs`.
    subjects, views: which of the split's are labelled, None for all; views are counted
    from 0.
    share: the share of the labelled subjects' instants that is labelled, in one run
    from the start of each clip, as an annotator would do it.
    size: n, images in a batch. target: 'canonical' or 'global'.

    `batch(step)` is a function of the arguments and the step alone. `mean` and `std`
    `(16, 3)` in mm are those of the labelled instants, for each coordinate. Raises
    `ValueError` for a subject or view the split does not have, and for subjects without
    poses.
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
        target="canonical",
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
        rows, self._poses = [], []
        for number, subject in enumerate(self.subjects):
            frames = np.flatnonzero(_first_of_each_clip(store, split, subject, share))
            truth = truth_of(store, subject, frames, target)
            known = ~truth.isnan().flatten(1).any(1)
            if not known.any():
                raise ValueError(
                    f"subject {subject} has no poses in this store, so it cannot give"
                    " labels: leave it out of label_subjects, or train without any"
                    " label, TrainingConfig(pose_loss=False)"
                )
            poses = torch.full((store.length(subject), *truth.shape[1:]), torch.nan)
            poses[frames] = truth
            labelled = np.zeros(len(poses), bool)
            labelled[frames[known]] = True
            shown = labelled[:, None] & store.present(subject)[:, views]
            frame, view = np.nonzero(shown)
            person = np.full(len(frame), number)
            rows.append(np.stack([person, frame, np.asarray(views)[view]], 1))
            self._poses.append(poses)
        #: (N, 3): subject (index), frame, view of every labelled image
        self.rows = np.concatenate(rows)
        if len(self.rows) < 2:
            raise ValueError(
                "fewer than two labelled images: take more subjects, views or a larger"
                " share"
            )
        instants = np.unique(self.rows[:, :2], axis=0)
        #: (n, 16, 3) mm, the pose of every labelled instant
        self.poses = torch.stack([self._poses[s][frame] for s, frame in instants])
        self.mean = self.poses.mean(0)
        self.std = self.poses.std(0).clamp_min(SMALLEST_STD)
        self.size, self.seed = size, seed
        self._order = None, None

    @classmethod
    def of(cls, store, config):
        """Those that a `TrainingConfig` names."""
        return cls(
            store,
            config.split,
            config.label_subjects,
            config.label_views,
            config.label_share,
            config.labelled,
            config.seed,
            target=config.target,
        )

    def batch(self, step):
        """The labelled images of one training step, a `LabelledBatch` of `size`."""
        rows = self._rows_of(step)
        names = [self.subjects[s] for s in rows[:, 0]]
        return LabelledBatch(names, rows[:, 1], rows[:, 2])

    def targets(self, step, flipped=None):
        """What H has to predict for `batch(step)`: `(size, 16, 3)`, in standard
        deviations from the mean pose.

        flipped: `(size,)` bool, the images that are mirrored, if any.
        """
        rows = self._rows_of(step)
        poses = torch.stack([self._poses[s][frame] for s, frame, _ in rows])
        if flipped is not None:
            flipped = torch.as_tensor(flipped)[:, None, None]
            poses = torch.where(flipped, mirrored(poses), poses)
        return (poses - self.mean) / self.std

    def _rows_of(self, step):
        turns, places = divmod(
            np.arange(step * self.size, (step + 1) * self.size), len(self.rows)
        )
        return self.rows[[self._cycle(t)[p] for t, p in zip(turns, places)]]

    def _cycle(self, number):
        if self._order[0] != number:
            rng = np.random.default_rng([self.seed, 1, number])
            self._order = number, rng.permutation(len(self.rows))
        return self._order[1]


def _first_of_each_clip(store, split, subject, share):
    """`(T,)` bool: of each clip's frames in the split, the first `share`."""
    chosen = np.zeros(store.length(subject), bool)
    frames = np.unique(split.frames[subject])
    for clip in store.clips(subject):
        inside = frames[(frames >= clip.start) & (frames < clip.stop)]
        chosen[inside[: math.ceil(share * len(inside))]] = True
    return chosen
