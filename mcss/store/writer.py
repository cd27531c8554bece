"""`StoreWriter`: the one way anything gets into a store. Atomic, resumable,
checksummed.
"""

import io
import json
from pathlib import Path

import filelock
import numpy as np
import pyarrow as pa
from PIL import Image

from ..skeleton import JOINTS
from .files import atomic_write, checksum, recipe_hash, write_json
from .format import (
    FORMAT,
    FRAMES_A_BATCH,
    INDEX,
    NAME,
    VERSION,
    crop_column,
    image_column,
    part_schema,
)


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
        if (
            not self._done and not self._finished
        ):  # nothing was written: leave nothing that looks like a store
            (self.path / INDEX).unlink(missing_ok=True)
        self._lock.release()

    def _recover(self):
        for leftover in (
            *self.path.glob(".*.part"),
            *self.path.glob("*/.*.part"),
        ):  # a cut-off file, useless; we hold the lock
            leftover.unlink()
        if not (self.path / INDEX).exists():
            foreign = next(
                (
                    path
                    for path in self.path.rglob("*")
                    if path.is_file() and not path.name.startswith(".")
                ),
                None,
            )
            if foreign:
                raise ValueError(
                    f"{self.path} holds {foreign.relative_to(self.path)} but no"
                    f" {INDEX}: not a store this can go on with; take another folder"
                )
            self._save(complete=False)
            return
        try:
            found = json.loads((self.path / INDEX).read_text(encoding="utf-8"))
            header = {key: found[key] for key in self.header}
            self._done = {part["file"]: part for part in found["parts"]}
            self._calibration = found.get("calibration")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.path / INDEX} is damaged, or no index of a store ({error}):"
                " take another folder, or delete this one if it is yours to make again"
            ) from None
        differ = [
            f"{key} {header[key]!r} there, {value!r} here"
            for key, value in self.header.items()
            if header[key] != value and "recipe" not in key
        ]
        there, here = header["recipe"], self.header["recipe"]
        if header["recipe_hash"] != self.header["recipe_hash"]:
            known = isinstance(there, dict) and isinstance(
                here, dict
            )  # a recipe may be anything that JSON knows
            keys = (
                [key for key in {**there, **here} if there.get(key) != here.get(key)]
                if known
                else []
            )
            differ += [
                f"recipe: {key} {there.get(key)!r} there, {here.get(key)!r} here"
                for key in keys
            ] or ["recipe"]
        if differ:
            raise ValueError(
                f"{self.path} was written with other settings ({'; '.join(differ)}):"
                " take another folder, or delete it"
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
        path.parent.mkdir(exist_ok=True)
        count = 0
        with atomic_write(path) as temporary:
            with (
                pa.OSFile(str(temporary), "wb") as sink,
                pa.ipc.new_file(sink, schema) as writer,
            ):
                rows = []
                for count, frame in enumerate(frames, 1):
                    rows.append(self._row(frame, f"{file}, frame {count - 1}"))
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

    def _row(self, frame, where):
        images, crops, pose = frame["images"], frame.get("crops"), frame.get("pose")
        if len(images) != len(self.views) or (
            crops is not None and np.shape(crops) != (len(self.views), 3)
        ):
            raise ValueError(
                f"{where}: needs {len(self.views)} images and crops (x0, y0, size), one"
                " a view"
            )
        row = {}
        if pose is not None:
            pose = np.asarray(pose, np.float32)
            if pose.shape != (len(JOINTS), 3) or not np.isfinite(pose).all():
                raise ValueError(
                    f"{where}: a pose must be ({len(JOINTS)}, 3) finite millimetres, or"
                    " None where there is no truth"
                )
            row["pose"] = pose.ravel()
        for v, view in enumerate(self.views):
            if images[v] is not None:
                self._check_image(images[v], f"{where}, view {view}")
            row[image_column(view)] = images[v]
            row[crop_column(view)] = (
                None if crops is None else np.asarray(crops[v], np.float32)
            )
        return row

    def _check_image(self, image, where):
        try:
            with Image.open(io.BytesIO(image)) as header:  # reads no pixels
                found = header.format, header.size
        except OSError:
            raise ValueError(
                f"{where}: this is no picture; give the bytes of a JPEG file, or None"
                " where there is none"
            ) from None
        if found != ("JPEG", (self.header["image_size"],) * 2):
            raise ValueError(
                f"{where}: this is a {found[0]} file of {found[1][0]} x {found[1][1]}"
                " pixels; the store takes JPEG files of image_size,"
                f" {self.header['image_size']}"
            )

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
