"""What a store gives: synchronised images of people from several sides and, where
known, their poses. How it lies on disk is the business of `mcss.store`.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from .skeleton import JOINTS
from .store.calibration import Calibration
from .store.decoding import decode
from .store.format import CROP_SIZE, POSE_SIZE, crop_column
from .store.reader import Parts, read_index
from .store.writer import StoreWriter

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
    """Opens the store in the folder `path`, a `Store`.

    Raises `FileNotFoundError` if there is none and `ValueError` with the remedy if it
    is damaged or unfinished.
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
        meta = read_index(self.path)
        self.name, self.source = meta["name"], meta["source"]
        self.licence = meta["licence"]
        self.recipe, self.recipe_hash = meta["recipe"], meta["recipe_hash"]
        self.fps, self.image_size = meta["fps"], meta["image_size"]
        self.view_names = meta["views"]
        self._parts = Parts(self.path, meta["parts"], self.view_names)
        self._present = {}
        self.subjects = list(self._parts.of)
        self._clips = {subject: self._clips_of(subject) for subject in self.subjects}
        self.splits = {
            name: self._split(**split) for name, split in meta["splits"].items()
        }
        self.calibration = None
        if meta["calibration"]:
            self.calibration = Calibration(
                meta["calibration"],
                self.view_names,
                self.image_size,
                self.crops,
                self.clips,
            )

    def _clips_of(self, subject):
        clips, start = [], 0
        for part in self._parts.of[subject]:
            stop = start + part["frames"]
            clips.append(Clip(start, stop, part["action"], part["source"]))
            start = stop
        return clips

    def _split(self, subjects, views, frames):
        frames = frames or {s: np.arange(self.length(s)) for s in subjects}
        views = [self.view_names.index(name) for name in views or self.view_names]
        chosen = {s: np.asarray(frames[s], np.int64) for s in subjects}
        return Split(list(subjects), views, chosen)

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
        if subject not in self._parts.of:
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

    def present(self, subject):
        """`(T, V)` bool: whether this frame has an image in this view."""
        self._check(subject)
        if subject not in self._present:
            self._present[subject] = self._parts.present(subject)
        return self._present[subject]

    def poses(self, subject):
        """`(T, 17, 3)` float32 tensor, world millimetres, Z up; NaN in frames without
        truth; None if no frame has any.
        """
        self._check(subject)
        poses = self._parts.rows(subject, "pose", POSE_SIZE)
        if np.isnan(poses).all():
            return None
        return torch.from_numpy(poses).reshape(-1, len(JOINTS), 3)

    def crops(self, subject):
        """`(T, V, 3)` float32 array: x0, y0, size of the square of the camera's image
        that each image shows; NaN if unknown.
        """
        self._check(subject)
        names = [crop_column(view) for view in self.view_names]
        crops = [self._parts.rows(subject, name, CROP_SIZE) for name in names]
        return np.stack(crops, 1)

    def encoded(self, subject, frames, views):
        """The JPEG files themselves, as a list of `(size,)` uint8 tensors. Arguments as
        in `images`.
        """
        frames = np.atleast_1d(np.asarray(frames, np.int64))
        views = np.broadcast_to(np.asarray(views, np.int64), frames.shape)
        within = (frames >= 0) & (frames < self.length(subject))
        within &= (views >= 0) & (views < len(self.view_names))
        if not within.all():
            raise IndexError(
                f"subject {subject} has frames 0 to {self.length(subject) - 1} and"
                f" views 0 to {len(self.view_names) - 1}; asked for others"
            )
        files = []
        for frame, view in zip(frames.tolist(), views.tolist()):
            buffer = self._parts.image(subject, frame, view)
            if buffer is None:
                raise ValueError(
                    f"subject {subject}, frame {frame} has no image in view"
                    f" {self.view_names[view]}; see Store.present"
                )
            if not buffer.size:
                raise ValueError(
                    f"{self.path}: subject {subject}, frame {frame} has an empty image"
                    f" in view {self.view_names[view]}: the store is damaged; run"
                    " Store.verify() to find the part, then make it again"
                )
            files.append(torch.frombuffer(bytearray(buffer), dtype=torch.uint8))
        return files

    def images(self, subject, frames, views, device="cpu"):
        """`(n, 3, h, w)` uint8 tensor of the images (frames[i], views[i]). frames:
        `(n,)`; views: `(n,)` or one for all.

        device: where the images are decoded, and lie afterwards.
        """
        files = self.encoded(subject, frames, views)
        return self.decode(files, device, f"subject {subject}")

    def decode(self, files, device="cpu", what="the store"):
        """Decodes a list of JPEG files into one `(n, 3, h, w)` uint8 tensor, on the GPU
        if `device` is one.
        """
        size = self.image_size
        if not files:
            return torch.empty(0, 3, size, size, dtype=torch.uint8, device=device)
        try:
            return decode(files, device)
        except RuntimeError as error:
            raise ValueError(
                f"{self.path}: an image of {what} cannot be decoded"
                f" ({str(error).splitlines()[0]}); run Store.verify() to find the"
                " damaged part, then make that part again"
            ) from None

    def verify(self):
        """Compares every file with its checksum. Raises `ValueError` naming the damaged
        ones.
        """
        self._parts.verify()
