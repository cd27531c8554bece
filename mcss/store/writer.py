"""`StoreWriter`: the one way anything gets into a store. Atomic, resumable,
checksummed.
"""

import json
from pathlib import Path

import filelock
import numpy as np
import pyarrow as pa

from ..skeleton import JOINTS
from .files import atomic_write, checksum, recipe_hash, write_json
from .format import (
    FORMAT,
    FRAMES_A_BATCH,
    INDEX,
    NAME,
    VERSION,
    part_schema,
)
from .rows import row_of


class StoreWriter:
    """Writes a store, one clip of one subject at a time; used as a context manager.

    path: the store's folder, made if need be. name, licence, source: strings for
    people. recipe: whatever made the data, as JSON. fps: stored frames a second.
    image_size: pixels. views: the cameras' names, in order.

    A clip whose file is there with the right checksum is done (`has`), so an
    interrupted run goes on where it stopped. A second writer on the same folder, or one
    with another recipe, is refused.
    """

    def __init__(self, path, *, name, licence, source, recipe, fps, image_size, views):
        views = list(views)
        if len(set(views)) != len(views) or not all(
            isinstance(view, str) and NAME.fullmatch(view) for view in views
        ):
            raise ValueError(
                "views must be different names made of letters, digits and ' .,()+-',"
                f" not {views}"
            )
        if not (np.isfinite(fps) and fps > 0 and image_size > 0):
            raise ValueError(
                f"fps and image_size must be positive, not {fps} and {image_size}"
            )
        self.path = Path(path)
        self.views = views
        self.header = {
            "format": FORMAT,
            "version": VERSION,
            "name": name,
            "licence": licence,
            "source": source,
            "recipe": recipe,
            "recipe_hash": recipe_hash(recipe),
            "joints": list(JOINTS),
            "fps": float(fps),
            "image_size": int(image_size),
            "views": views,
        }
        self._lock = filelock.FileLock(self.path / ".writing.lock", timeout=0)
        self._done, self._order, self._calibration, self._finished = {}, [], None, False

    def __enter__(self):
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise RuntimeError(
                f"{self.path} is being written by another process; wait for it to end"
            ) from None
        try:
            self._recover()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *error):
        if not self._done and not self._finished:
            # nothing was written: leave nothing that looks like a store
            (self.path / INDEX).unlink(missing_ok=True)
        self._lock.release()

    def _recover(self):
        """Goes on from what an earlier writer left in the folder."""
        # cut-off files are useless, and nobody writes them: we hold the lock
        for pattern in (".*.part", "*/.*.part"):
            for leftover in self.path.glob(pattern):
                leftover.unlink()
        index = self.path / INDEX
        if not index.exists():
            self._check_empty()
            self._save(complete=False)
            return
        try:
            earlier = json.loads(index.read_text(encoding="utf-8"))
            header = {key: earlier[key] for key in self.header}
            self._done = {part["file"]: part for part in earlier["parts"]}
            self._calibration = earlier.get("calibration")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{index} is damaged, or no index of a store ({error}): take another"
                " folder, or delete this one if it is yours to make again"
            ) from None
        if differ := _differences(header, self.header):
            raise ValueError(
                f"{self.path} was written with other settings ({'; '.join(differ)}):"
                " take another folder, or delete it"
            )

    def _check_empty(self):
        for path in self.path.rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                raise ValueError(
                    f"{self.path} holds {path.relative_to(self.path)} but no {INDEX}:"
                    " not a store this can go on with; take another folder"
                )

    def _file(self, subject, source):
        for text in (subject, source):
            if not NAME.fullmatch(text):
                raise ValueError(
                    f"'{text}' cannot name a subject or clip: use letters, digits, '"
                    " .,()+-'"
                )
        return f"{subject}/{source}.arrow"

    def has(self, subject, source, inputs=None):
        """Whether this clip is written, whole and undamaged; it then keeps its place in
        the subject's order.

        inputs: a fingerprint of what it is made from; a clip that was made from
        something else is not there.
        """
        file = self._file(subject, source)
        part, path = self._done.get(file), self.path / file
        if (
            not part
            or part.get("inputs") != inputs
            or not path.exists()
            or path.stat().st_size != part["bytes"]
            or checksum(path) != part["sha256"]
        ):
            return False
        if file not in self._order:
            self._order.append(file)
        return True

    @property
    def parts(self):
        """What is written: a list of dicts with `subject`, `source`, `action`, `frames`
        and, if there are any, `notes`.
        """
        return [
            dict(part)
            for part in self._done.values()
            if (self.path / part["file"]).exists()
        ]

    @property
    def calibration(self):
        """What an earlier run stored as calibration, or None."""
        return self._calibration

    def add(self, subject, source, action, frames, notes=(), inputs=None):
        """Writes one clip. `frames` yields, frame by frame, a dict of `pose` `(17, 3)`
        world millimetres or None; `images`, an encoded JPEG or None for each view;
        `crops` `(V, 3)`: x0, y0, size of the square cut out of the camera's image, or
        None.
        notes: what people should know of this clip, strings; read after the last frame.
        inputs: as `has` takes it.
        """
        file = self._file(subject, source)
        path, schema = self.path / file, part_schema(self.views)
        size = self.header["image_size"]
        path.parent.mkdir(exist_ok=True)
        count = 0
        with atomic_write(path) as temporary:
            with (
                pa.OSFile(str(temporary), "wb") as sink,
                pa.ipc.new_file(sink, schema) as writer,
            ):
                rows = []
                for count, frame in enumerate(frames, 1):
                    where = f"{file}, frame {count - 1}"
                    rows.append(row_of(frame, self.views, size, where))
                    if len(rows) == FRAMES_A_BATCH:
                        writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
                        rows = []
                if rows:
                    writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
            if not count:
                raise ValueError(f"{file}: the clip has no frames")
            sha256 = checksum(temporary)
        self._done[file] = {
            "file": file,
            "subject": subject,
            "source": source,
            "action": action,
            "frames": count,
            "bytes": path.stat().st_size,
            "sha256": sha256,
            **({"notes": list(notes)} if notes else {}),
            **({"inputs": inputs} if inputs else {}),
        }
        if file not in self._order:
            self._order.append(file)
        self._save(complete=False)

    def finish(self, splits, calibration=None, order=None):
        """Completes the store. splits: `{name: {"subjects": [...], "views": [...] or
        None, "frames": {subject: [...]} or None}}`.

        calibration: `{subject: {view: {"K": 3x3, "R": 3x3, "t": 3, "distortion": 5 or
        None, "size": [w, h]}}}`, x_camera = R x_world + t in mm, distortion k1, k2, p1,
        p2, k3; or None. A key `subject/source` holds the cameras of one clip that
        differ from its subject's.
        order: the (subject, source) that stay, in their order; all that were asked for,
        if not given. The other parts go.
        """
        if order is not None:
            self._order = [self._file(subject, source) for subject, source in order]
        subjects = {self._done[file]["subject"] for file in self._order}
        for name, split in splits.items():
            unknown = set(split["subjects"]) - subjects
            if unknown:
                raise ValueError(
                    f"split '{name}' names subjects without any clip: {sorted(unknown)}"
                )
        stray = [file for file in self._done if file not in self._order]
        for file in stray:
            (self.path / file).unlink(missing_ok=True)
            del self._done[file]
        self._calibration, self._finished = calibration, True
        self._save(complete=True, splits=splits)

    def _save(self, complete, **more):
        # parts already asked for come first and in their order; those of an earlier run
        # follow
        files = self._order + [file for file in self._done if file not in self._order]
        write_json(
            self.path / INDEX,
            {
                **self.header,
                "complete": complete,
                **more,
                "calibration": self._calibration,
                "parts": [self._done[f] for f in files],
            },
        )


def _differences(there, here):
    """What two headers differ in, in words."""
    differ = [
        f"{key} {there[key]!r} there, {here[key]!r} here"
        for key in here
        if there[key] != here[key] and "recipe" not in key
    ]
    if there["recipe_hash"] == here["recipe_hash"]:
        return differ
    a, b = there["recipe"], here["recipe"]
    if not (isinstance(a, dict) and isinstance(b, dict)):  # anything that JSON knows
        return [*differ, "recipe"]
    changed = [key for key in {**a, **b} if a.get(key) != b.get(key)]
    words = [f"{key} {a.get(key)!r} there, {b.get(key)!r} here" for key in changed]
    return differ + ([f"recipe: {word}" for word in words] or ["recipe"])
