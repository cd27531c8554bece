"""Running a trained network over the images of a store."""

from typing import NamedTuple

import numpy as np
import torch

from .canonical import canonical_pose
from .data import Split
from .engine.precision import autocast, resolve
from .skeleton import root_relative


class Predictions(NamedTuple):
    """One row an image, on the CPU."""

    embeddings: torch.Tensor  #: (n, d) float32
    poses: torch.Tensor  #: (n, 16, 3) predicted, mm
    truth: (
        torch.Tensor
    )  #: (n, 16, 3) canonical ground truth, mm; NaN where the store has none
    subjects: np.ndarray  #: (n,) names
    frames: np.ndarray  #: (n,) frame numbers
    views: np.ndarray  #: (n,) views, counted from 0


def predict(
    model,
    store,
    split="test",
    views=None,
    target="canonical",
    batch_size=256,
    device=None,
):
    """Embeds every image of a split and predicts its pose: `Predictions`, ordered by
    subject, frame, view.

    split: a name or a `Split`. views: which of the split's, None for all. target:
    'canonical' or 'global', what `truth` is given in. The network's mode is left as it
    was.
    """
    split = split if isinstance(split, Split) else store.splits[split]
    views = list(split.views if views is None else views)
    device = device or next(model.parameters()).device
    precision = resolve("auto", device)
    training = model.training
    model.to(device).eval()
    rows, truths, embeddings, poses = [], [], [], []
    with torch.inference_mode(), autocast(precision, device):
        for subject in split.subjects:
            chosen = np.asarray(split.frames[subject])
            frame, view = np.nonzero(store.present(subject)[chosen][:, views])
            frame, view = chosen[frame], np.asarray(views)[view]
            truths.append(truth_of(store, subject, frame, target))
            rows.append((np.full(len(frame), subject, dtype=object), frame, view))
            for start in range(0, len(frame), batch_size):
                part = slice(start, start + batch_size)
                output = model(
                    store.images(subject, frame[part], view[part], device=device)
                )
                embeddings.append(output.embedding.float().cpu())
                poses.append(output.pose.float().cpu())
    model.train(training)
    subjects, frames, views = (np.concatenate(column) for column in zip(*rows))
    return Predictions(
        torch.cat(embeddings).clone(),
        torch.cat(poses).clone(),
        torch.cat(truths),
        subjects,
        frames,
        views,
    )


def truth_of(store, subject, frames, target="canonical"):
    """`(n, 16, 3)` root-relative truth in mm of the frames `(n,)`, canonical or global;
    NaN where there is none.
    """
    world = store.poses(subject)
    if world is None:
        return torch.full((len(frames), 16, 3), torch.nan)
    pose = root_relative(world[torch.as_tensor(frames)])
    if target == "canonical":
        known = ~pose.isnan().flatten(1).any(1)
        try:
            pose[known] = canonical_pose(pose[known])
        except ValueError as error:
            raise ValueError(f"{store.path}, subject {subject}: {error}") from None
    elif target != "global":
        raise ValueError(f"target must be 'canonical' or 'global', not {target!r}")
    return pose
