"""What a rival knows of the pictures of a store, in its own frame and in that of MCSS.

Rivals predict in the frame of each picture's camera, MCSS in the canonical one, where
the person always faces the same way. Errors in two frames are two tasks: only PA-MPJPE
compares. So a rival's prediction and the truth are also turned into the world by the
camera's rotation, which is known for this alone, and Eq. 3 is applied to each.
"""

import numpy as np
import torch

from ..canonical import canonical_pose
from ..data import Split
from ..engine.precision import autocast, resolve
from ..inference import Predictions, batches_of
from ..targets import truth_of
from .cameras import rotate, rotations


def predict(model, store, split="test", target="camera", batch_size=256, device=None):
    """`Predictions` of a rival for every picture of a split, as those of MCSS that
    `mcss.inference.predict` makes. target: what poses and truth are given in, 'camera'
    or 'canonical'; what the rival was trained with.
    """
    model.check_store(store)
    split = split if isinstance(split, Split) else store.splits[split]
    device = device or next(model.parameters()).device
    training, rows = model.training, []
    model.to(device).eval()
    with torch.inference_mode(), autocast(resolve("auto", device), device):
        for subject, frames, views in batches_of(store, split, split.views, batch_size):
            output = model(model.inputs(store, subject, frames, views, device))
            rows.append(
                (
                    output.embedding.float().cpu(),
                    output.pose.float().cpu(),
                    truth_in(store, subject, frames, views, target),
                    np.full(len(frames), subject, dtype=object),
                    frames,
                    views,
                )
            )
    model.train(training)
    columns = list(zip(*rows))
    # a tensor of inference mode would refuse to take part in training
    tensors = [torch.cat(column).clone() for column in columns[:3]]
    return Predictions(*tensors, *map(np.concatenate, columns[3:]))


def truth_in(store, subject, frames, views, target="camera"):
    """`(n, 16, 3)` mm: the true poses of pictures, in the frame `target`."""
    if target != "camera":
        return truth_of(store, subject, frames, target)
    return rotate(
        truth_of(store, subject, frames, "global"),
        rotations(store, subject, frames, views),
    )


def rotations_of(predictions, store):
    """R `(n, 3, 3)` of each picture of some `Predictions`: world to camera."""
    R = torch.empty(len(predictions.views), 3, 3)
    for subject in dict.fromkeys(predictions.subjects):
        rows = np.flatnonzero(predictions.subjects == subject)
        of = predictions.frames[rows], predictions.views[rows]
        R[rows] = rotations(store, subject, *of)
    return R


def in_canonical(predictions, store):
    """The same `Predictions`, poses and truth turned from the camera's frame into the
    world and then as Eq. 3 does, each by its own heading.
    """
    back = rotations_of(predictions, store).mT
    poses, truth = (
        canonical_pose(rotate(pose, back))
        for pose in (predictions.poses, predictions.truth)
    )
    return predictions._replace(poses=poses, truth=truth)


def in_world(predictions, store):
    """The same `Predictions`, embeddings that are points in space turned from the
    camera's frame into the world, for a retrieval that knows the cameras.
    """
    points = predictions.embeddings.unflatten(1, (-1, 3))
    turned = rotate(points, rotations_of(predictions, store).mT)
    return predictions._replace(embeddings=turned.flatten(1))
