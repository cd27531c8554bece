"""Where a training's pictures come from: files that are decoded for each batch, or a
whole split that was decoded once and stays on the device.

Both give the same bits. Each works in two halves: `read(rows)`, which a process without
the device can do, and `take(read)`, which ends on the device.
"""

from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
import torch
from tqdm import tqdm

from .workers import workers_for

#: Of the device's free memory, what a decoded split may take.
SHARE = 0.5
#: Pictures decoded together when a split is.
AT_ONCE = 1024


class FromDisk:
    """Reads and decodes the pictures of each batch. store: a `Store`."""

    def __init__(self, store, device):
        self.store, self.device = store, device

    def read(self, rows):
        """The files of `rows`, (subject, frame, view) each, one after the other in one
        tensor of bytes, and their lengths.
        """
        files = [f for subject, *row in rows for f in self.store.encoded(subject, *row)]
        lengths = torch.tensor([len(file) for file in files])
        return torch.cat(files), lengths

    def take(self, read):
        """`(n, 3, h, w)` uint8 on the device."""
        data, lengths = read
        files = list(data.split(lengths.tolist()))
        return self.store.decode(files, self.device).to(self.device)


class Resident:
    """A split whose pictures were decoded once and stay on the device.

    images: `(n, 3, h, w)` uint8. places: {subject: `(T, V)`, the row of each picture}.
    """

    def __init__(self, images, places):
        self.images, self.places = images, places

    def read(self, rows):
        """`(n,)` int64, where the pictures of `rows` lie."""
        return torch.tensor([self.places[s][frame, view] for s, frame, view in rows])

    def take(self, read):
        """`(n, 3, h, w)` uint8 on the device."""
        index = read.to(self.images.device, non_blocking=True)
        return self.images.index_select(0, index)


def resident(store, split, device, progress=True):
    """The `Resident` of a split, by name. It is kept as long as the store is open, for
    the next training.
    """
    kept = _KEPT.setdefault(store, {})
    if (split, str(device)) not in kept:
        kept[split, str(device)] = _decoded(store, split, device, progress)
    return kept[split, str(device)]


_KEPT = WeakKeyDictionary()


def source_for(device, store, config, progress=False):
    """(a function that gives what a training's pictures come from, how many processes
    read them ahead).
    """
    workers = workers_for(device)
    if not stays_on(device, store, config):
        return partial(FromDisk, store, device), workers
    pictures = partial(resident, store, config.split, device, progress)
    return pictures, min(2, workers)  # there is little to read


def stays_on(device, store, config):
    """Whether a training's pictures are decoded once and stay on the device: 'auto'
    does so on a GPU, where they take at most SHARE of what is free there.
    """
    if config.data != "auto":
        return config.data == "resident"
    if torch.device(device).type != "cuda":
        return False
    if (config.split, str(device)) in _KEPT.get(store, {}):
        return True
    count = sum(len(rows) for _, rows in _rows_of(store, config.split))
    free, _ = torch.cuda.mem_get_info(device)
    return 3 * store.image_size**2 * count <= SHARE * free


def _rows_of(store, split):
    """(subject, `(n, 2)` frame and view of its pictures) for all of a split."""
    split = store.splits[split]
    for subject in split.subjects:
        frames = np.unique(split.frames[subject])
        frame, view = np.nonzero(store.present(subject)[frames][:, split.views])
        yield subject, np.stack([frames[frame], np.asarray(split.views)[view]], 1)


def _decoded(store, split, device, progress):
    rows, places = [], {}
    for subject, pictures in _rows_of(store, split):
        shape = store.length(subject), len(store.view_names)
        place = places[subject] = np.full(shape, -1)
        place[tuple(pictures.T)] = len(rows) + np.arange(len(pictures))
        rows += [(subject, frame, view) for frame, view in pictures.tolist()]
    size, disk = store.image_size, FromDisk(store, device)
    images = torch.empty(len(rows), 3, size, size, dtype=torch.uint8, device=device)
    bar = tqdm(total=len(rows), desc="decoding", unit="image", disable=not progress)
    with bar:
        for start in range(0, len(rows), AT_ONCE):
            part = rows[start : start + AT_ONCE]
            images[start : start + len(part)] = disk.take(disk.read(part))
            bar.update(len(part))
    return Resident(images, places)
