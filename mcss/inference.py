"""Running a trained network over the images of a store."""

from typing import NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from .data import Split
from .engine.precision import autocast, resolve
from .fast.folded import folded
from .statistics import with_statistics_of
from .targets import truth_of


class Predictions(NamedTuple):
    """One row an image, on the CPU."""

    embeddings: torch.Tensor  #: (n, d) float32
    poses: torch.Tensor  #: (n, 16, 3) predicted, mm
    #: (n, 16, 3) ground truth, mm; NaN where the store has none
    truth: torch.Tensor
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
    statistics="running",
    progress=False,
):
    """Embeds every image of a split and predicts its pose: `Predictions`, ordered by
    subject, frame, view.

    split: a name or a `Split`. views: which of the split's, None for all. target:
    'canonical' or 'global', what `truth` is given in. The network's mode is left as it
    was.
    statistics: what BatchNorm normalises by. 'running': what it saw in training.
    'subject': each person's own pictures of this split, unlabelled. That makes the test
    transductive, which has to be said wherever its numbers are shown.
    progress: show a bar.
    Raises `ValueError` for a store with pictures of another size.
    """
    if statistics not in ("running", "subject"):
        raise ValueError(
            f"statistics must be 'running' or 'subject', not {statistics!r}"
        )
    model.check_store(store)
    split = split if isinstance(split, Split) else store.splits[split]
    views = list(split.views if views is None else views)
    device = device or next(model.parameters()).device
    training = model.training
    model.to(device).eval()
    precision = resolve("auto", device)
    lean = _for_prediction(device, precision)
    network, person, rows = lean(model), None, []
    bar = tqdm(desc="embedding", unit="image", disable=not progress)
    with bar, torch.inference_mode(), autocast(precision, device):
        for subject, frames, of_view in batches_of(store, split, views, batch_size):
            if statistics == "subject" and subject != person:
                own = Split([subject], views, {subject: split.frames[subject]})
                network = lean(with_statistics_of(model, store, own))
                person = subject
            images = store.images(subject, frames, of_view, device=device)
            output = network(images)
            rows.append(
                (
                    output.embedding.float().cpu(),
                    output.pose.float().cpu(),
                    truth_of(store, subject, frames, target),
                    np.full(len(frames), subject, dtype=object),
                    frames,
                    of_view,
                )
            )
            bar.update(len(frames))
    model.train(training)
    columns = list(zip(*rows))
    # a tensor of inference mode would refuse to take part in training
    tensors = [torch.cat(column).clone() for column in columns[:3]]
    return Predictions(*tensors, *map(np.concatenate, columns[3:]))


def _for_prediction(device, precision):
    """`folded`; but on a CPU in bfloat16, where it would round all weights anew and
    save nothing, what leaves the network as it is.
    """
    if torch.device(device).type == "cpu" and precision == "bfloat16":
        return lambda network: network
    return folded


def batches_of(store, split, views, size):
    """(subject, frames `(n,)`, views `(n,)`) of all images of a split in these views,
    at most `size` at once, ordered by subject, frame, view.
    """
    for subject in split.subjects:
        frames = np.asarray(split.frames[subject])
        frame, view = np.nonzero(store.present(subject)[frames][:, views])
        frame, view = frames[frame], np.asarray(views)[view]
        for start in range(0, len(frame), size):
            part = slice(start, start + size)
            yield subject, frame[part], view[part]
