"""BatchNorm at test time: which pictures its statistics come from.

Training normalises by the batch; testing by running statistics, averages over the
batches of training. Those of a network that saw only one person in its batches fit
nobody else. Estimating them anew takes pictures, but no labels and no training.
"""

import copy

import numpy as np
import torch
from torch import nn

from .data import Split
from .engine.precision import autocast, resolve


def with_statistics_of(
    model,
    store,
    split="train",
    most=2048,
    batch_size=128,
    seed=0,
    device=None,
):
    """A copy of the network, in evaluation mode, whose BatchNorm statistics come from
    the pictures of a split, all its subjects mixed in each batch. Its weights stay.

    split: a name or a `Split`. most: pictures that are used, drawn at random. A split
    of the very people that are tested makes the test transductive: say so.
    Raises `ValueError` for fewer than two pictures, and for those of another size.
    """
    model.check_store(store)
    split = split if isinstance(split, Split) else store.splits[split]
    rows = np.concatenate([_images_of(store, split, s) for s in split.subjects])
    if len(rows) < 2:
        raise ValueError(f"{len(rows)} pictures have no statistics: take another split")
    rows = np.random.default_rng(seed).permutation(rows)[:most]
    device = torch.device(device or next(model.parameters()).device)
    model = copy.deepcopy(model).to(device).train()
    layers = [layer for layer in model.modules() if isinstance(layer, BATCH_NORMS)]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the mean over all batches, not a running one
    # even batches: a last one of a few pictures would count as much as the others
    parts = np.array_split(rows, -(-len(rows) // batch_size))
    with torch.no_grad(), autocast(resolve("auto", device), device):
        for part in parts:
            files = [
                file
                for subject, frame, view in part
                for file in store.encoded(split.subjects[subject], frame, view)
            ]
            model.embed(store.decode(files, device))
    for layer in layers:
        layer.momentum = 0.1  # PyTorch's default, for whoever trains on
    return model.eval()


BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def _images_of(store, split, subject):
    """`(n, 3)`: subject (index), frame, view of all its pictures in the split."""
    frames = np.asarray(split.frames[subject])
    frame, view = np.nonzero(store.present(subject)[frames][:, split.views])
    number = np.full(len(frame), split.subjects.index(subject))
    return np.stack([number, frames[frame], np.asarray(split.views)[view]], 1)
