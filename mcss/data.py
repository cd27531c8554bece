"""Reading a store: synchronised images of people from several sides, and, where known,
their poses.
"""

import functools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch
from torchvision.io import ImageReadMode, decode_jpeg

from .skeleton import JOINTS
from .store.calibration import Calibration
from .store.files import checksum
from .store.writer import FORMAT, INDEX, VERSION, StoreWriter

__all__ = ["Clip", "Split", "Store", "StoreWriter", "open_store"]


class Clip(NamedTuple):
    """Frames start to stop - 1 of a subject: one recording, without a cut."""

    start: int
    stop: int
    action: str
    source: str


class Split(NamedTuple):
    """What a protocol uses: subjects, views, and of each subject the frames."""

    subjects: list
    views: list
    frames: dict  #: subject -> int64 array of frame numbers


def open_store(path):
    """Opens the store in the folder `path`, a `Store`. Raises `ValueError` with the
    remedy if it is damaged or unfinished.
    """
    return Store(path)


class Store:
    """A data set on disk: encoded images in Arrow files, memory-mapped, so that any
    frame is read without the rest.

    A frame number counts the stored frames of one subject from 0 through all its clips,
    in the order of `clips`; frame number t is the same instant in every view. Stored
    frames lie 1 / `fps` seconds apart within a clip (further apart in the test subjects
    of Human3.6M, whose protocol tests on fewer frames); between two clips there is a
    cut. Views are counted from 0, in the order of `view_names`.

    Attributes: `path`, `name`, `licence`, `source`, `recipe`, `recipe_hash`, `fps`,
    `image_size`, `view_names`, `subjects`, `splits` (name -> `Split`), `calibration`
    (`mcss.store.calibration.Calibration` or None).
    """

    def __init__(self, path):
        self.path = Path(path)
        meta = _read_index(self.path)
        self.name, self.licence, self.source = (
            meta["name"],
            meta["licence"],
            meta["source"],
        )
        self.recipe, self.recipe_hash = meta["recipe"], meta["recipe_hash"]
        self.fps, self.image_size, self.view_names = (
            meta["fps"],
            meta["image_size"],
            meta["views"],
        )
        self._parts = {}
        for part in meta["parts"]:
            self._parts.setdefault(part["subject"], []).append(part)
            file = self.path / part["file"]
            if not file.is_file() or file.stat().st_size != part["bytes"]:
                raise _damaged(
                    file,
                    (
                        "missing"
                        if not file.is_file()
                        else "not as long as it was when written"
                    ),
                )
        self.subjects = list(self._parts)
        self._clips, self._columns, self._present, self._image_chunks = {}, {}, {}, {}
        for subject, parts in self._parts.items():
            stops = np.cumsum([part["frames"] for part in parts]).tolist()
            self._clips[subject] = [
                Clip(stop - part["frames"], stop, part["action"], part["source"])
                for part, stop in zip(parts, stops)
            ]
        self.splits = {
            name: self._split(**split) for name, split in meta["splits"].items()
        }
        raw = meta["calibration"]
        self.calibration = (
            Calibration(raw, self.view_names, self.image_size, self.crops, self.clips)
            if raw
            else None
        )
        self._pool = None

    def _split(self, subjects, views, frames):
        chosen = {
            s: np.asarray(frames[s] if frames else np.arange(self.length(s)), np.int64)
            for s in subjects
        }
        return Split(
            list(subjects),
            [self.view_names.index(v) for v in views or self.view_names],
            chosen,
        )

    def __getstate__(self):  # a worker process opens the files itself
        return self.path

    def __setstate__(self, path):
        self.__init__(path)

    def __repr__(self):
        return (
            f"<Store {self.name}: {len(self.subjects)} subjects, {len(self.view_names)}"
            f" views, {len(self)} images, {self.image_size} px>"
        )

    def __len__(self):
        """How many images there are."""
        return sum(int(self.present(subject).sum()) for subject in self.subjects)

    def _check(self, subject):
        if subject not in self._parts:
            raise KeyError(
                f"unknown subject {subject!r}; this store has"
                f" {', '.join(self.subjects)}"
            )

    def views(self, subject):
        """The views, counted from 0, that show this subject at least once."""
        return np.flatnonzero(self.present(subject).any(0)).tolist()

    def clips(self, subject):
        """The recordings of this subject, in order: a list of `Clip`."""
        self._check(subject)
        return list(self._clips[subject])

    def length(self, subject):
        """T, the number of stored frames of this subject."""
        self._check(subject)
        return self._clips[subject][-1].stop

    def _batches(self, subject, column):
        """All record batches of one column of a subject: a list of arrays."""
        self._check(subject)
        if subject not in self._columns:
            found, expected = [], set(_column_names(self.view_names))
            for part in self._parts[subject]:
                file = self.path / part["file"]
                try:
                    table = pa.ipc.open_file(pa.memory_map(str(file), "r")).read_all()
                except (pa.ArrowInvalid, OSError) as error:
                    raise _damaged(file, f"not readable: {error}") from None
                if (
                    table.num_rows != part["frames"]
                    or set(table.column_names) != expected
                ):
                    raise _damaged(file, "not what dataset.json says it is")
                found.append(table)
            self._columns[subject] = found
        return [
            chunk for table in self._columns[subject] for chunk in table[column].chunks
        ]

    def _locate(self, subject, view):
        """(first frame of each record batch, record batches) of one image column."""
        key = subject, view
        if key not in self._image_chunks:
            chunks = self._batches(subject, f"image {self.view_names[view]}")
            self._image_chunks[key] = (
                np.cumsum([0] + [len(chunk) for chunk in chunks[:-1]]),
                chunks,
            )
        return self._image_chunks[key]

    def present(self, subject):
        """`(T, V)` bool: whether this frame has an image in this view."""
        self._check(subject)
        if subject not in self._present:
            columns = [
                self._batches(subject, f"image {view}") for view in self.view_names
            ]
            self._present[subject] = np.stack(
                [
                    np.concatenate(
                        [chunk.is_valid().to_numpy(False) for chunk in chunks]
                    )
                    for chunks in columns
                ],
                1,
            )
        return self._present[subject]

    def poses(self, subject):
        """`(T, 17, 3)` float32 tensor, world millimetres, Z up; NaN in frames without
        truth; None if no frame has any.
        """
        poses = _stack(self._batches(subject, "pose"), 3 * len(JOINTS))
        return (
            None
            if np.isnan(poses).all()
            else torch.from_numpy(poses).reshape(-1, len(JOINTS), 3)
        )

    def crops(self, subject):
        """`(T, V, 3)` float32 array: x0, y0, size of the square of the camera's image
        that each image shows; NaN if unknown.
        """
        return np.stack(
            [
                _stack(self._batches(subject, f"crop {view}"), 3)
                for view in self.view_names
            ],
            1,
        )

    def encoded(self, subject, frames, views):
        """The JPEG files themselves, as a list of `(size,)` uint8 tensors. Arguments as
        in `images`.
        """
        frames = np.atleast_1d(np.asarray(frames, np.int64))
        views = np.broadcast_to(np.asarray(views, np.int64), frames.shape)
        length = self.length(subject)
        if len(frames) and not (
            0 <= frames.min()
            and frames.max() < length
            and 0 <= views.min()
            and views.max() < len(self.view_names)
        ):
            raise IndexError(
                f"subject {subject} has frames 0 to {length - 1} and views 0 to"
                f" {len(self.view_names) - 1}; asked for others"
            )
        files = []
        for frame, view in zip(frames.tolist(), views.tolist()):
            starts, chunks = self._locate(subject, view)
            chunk = np.searchsorted(starts, frame, "right") - 1
            buffer = chunks[chunk][frame - int(starts[chunk])].as_buffer()
            if buffer is None:
                raise ValueError(
                    f"subject {subject}, frame {frame} has no image in view"
                    f" {self.view_names[view]}; see Store.present"
                )
            files.append(torch.frombuffer(bytearray(buffer), dtype=torch.uint8))
        return files

    def images(self, subject, frames, views, device="cpu"):
        """`(n, 3, h, w)` uint8 tensor of the images (frames[i], views[i]). frames:
        `(n,)`; views: `(n,)` or one for all.

        device: where the images are decoded, and lie afterwards.
        """
        return self.decode(
            self.encoded(subject, frames, views), device, f"subject {subject}"
        )

    def decode(self, files, device="cpu", what="the store"):
        """Decodes a list of JPEG files into one `(n, 3, h, w)` uint8 tensor, on the GPU
        if `device` is one.
        """
        size = self.image_size
        if not files:
            return torch.empty(0, 3, size, size, dtype=torch.uint8, device=device)
        try:
            if torch.device(device).type == "cuda":
                return _decode_on_gpu(files, torch.device(device))
            self._pool = self._pool or ThreadPoolExecutor(torch.get_num_threads())
            return torch.stack(
                list(
                    self._pool.map(
                        lambda file: decode_jpeg(file, ImageReadMode.RGB),
                        files,
                        chunksize=8,
                    )
                )
            )
        except RuntimeError as error:
            raise ValueError(
                f"{self.path}: an image of {what} cannot be decoded"
                f" ({str(error).splitlines()[0]}); run Store.verify() to find the"
                " damaged part, then make that part again"
            ) from None

    def verify(self):
        """Compares every part with its checksum. Raises `ValueError` naming the damaged
        ones.
        """
        bad = [
            p["file"]
            for parts in self._parts.values()
            for p in parts
            if checksum(self.path / p["file"]) != p["sha256"]
        ]
        if bad:
            raise ValueError(
                f"{self.path} is damaged in {', '.join(bad)}: delete these files and"
                " run what made the store again"
            )


def _decode_on_gpu(files, device):
    """The GPU's JPEG decoder writes at once, even where work still waits in a queue to
    read what lay there before (https://github.com/pytorch/vision/pull/9606). So its
    memory comes from a stream of its own, idle at every call.
    """
    stream = _decoding_stream(
        torch.cuda.current_device() if device.index is None else device.index
    )
    with torch.cuda.stream(stream):
        decoded = decode_jpeg(files, ImageReadMode.RGB, device=stream.device)
        images = torch.stack(decoded)
    stream.synchronize()  # while `decoded` is alive: what is freed is idle
    images.record_stream(torch.cuda.current_stream(stream.device))
    return images


@functools.cache
def _decoding_stream(index):
    return torch.cuda.Stream(index)


def _column_names(views):
    return [
        "pose",
        *(f"image {view}" for view in views),
        *(f"crop {view}" for view in views),
    ]


def _stack(chunks, width):
    """Fixed-size lists as one `(T, width)` float32 array, NaN where a row is missing."""
    rows = []
    for chunk in chunks:
        values = np.full((len(chunk), width), np.nan, np.float32)
        values[chunk.is_valid().to_numpy(False)] = (
            chunk.flatten().to_numpy(False).reshape(-1, width)
        )
        rows.append(values)
    return np.concatenate(rows)


def _read_index(path):
    index = path / INDEX
    if not index.is_file():
        raise FileNotFoundError(
            f"{path} is not a store: it has no {INDEX}. Make one with data_scripts, or"
            " check the path"
        )
    try:
        meta = json.loads(index.read_text(encoding="utf-8"))
        if meta["format"] != FORMAT:
            raise ValueError("another format")
        version, complete = meta["version"], meta["complete"]
        if version == VERSION and complete:
            for key in (
                "name",
                "licence",
                "source",
                "recipe",
                "recipe_hash",
                "fps",
                "image_size",
                "views",
                "splits",
                "calibration",
                "parts",
            ):
                meta[key]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{index} is damaged or foreign ({error}); make the store again"
        ) from None
    if version != VERSION:
        raise ValueError(
            f"{index} has version {version}, this package reads {VERSION}; convert the"
            " data again"
        )
    if not complete:
        raise ValueError(
            f"{path} is not finished: run the command that makes it again, it goes on"
            " where it stopped"
        )
    return meta


def _damaged(file, why):
    return ValueError(
        f"{file} is damaged ({why}): delete it and run what made the store again, which"
        " makes only this part anew"
    )
