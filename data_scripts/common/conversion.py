"""What all converters share: recordings in, a store and a report out.

A converter lists its clips as `Job`s and reads the annotation of one clip at a time into a
`Recording`; videos are decoded, cut and written here, a bounded number of pictures at a time, each
view in a thread of its own.
"""

import argparse
import dataclasses
import hashlib
import inspect
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from mcss.data import StoreWriter

from .crops import cut, square, upright
from .machine import cores
from .report import report
from .video_reader import decoded, timing

SMALL = 1 << 20  # bytes: files up to here are compared by content, larger ones by size
CHUNK = 16  # pictures of a view that are made at once
PLAUSIBLE = 300, 1500  # mm from pelvis to head, in the median over a clip


class View(NamedTuple):
    """One camera's video of a recording. boxes: from the position of a stored frame, 0 to T - 1, to
    its box x0, y0, x1, y1 in pixels or None; frames `(T,)`: their numbers in this video, ascending;
    whole: store the whole picture, not a box;
    length: frames that the annotation covers, if there is one; boxes_of: the file that the boxes
    are from;
    size: (width, height) that the boxes and the calibration count in, rate: frames a second of the
    annotation, if they say.
    """

    video: Path
    boxes: Callable
    frames: np.ndarray
    margin: float = 1.0
    whole: bool = False
    length: int | None = None
    boxes_of: Path | None = None
    size: tuple | None = None
    rate: float | None = None


class Recording(NamedTuple):
    """One clip: poses `(T, 17, 3)` world mm, Z up, NaN where unknown, or None; views by name, None
    for one about which all is said;
    poses_of: the file that the poses are from."""

    poses: np.ndarray | None
    views: dict
    poses_of: Path | None = None


@dataclasses.dataclass
class Job:
    """One clip that can be converted. read: returns its `Recording`, or raises `ValueError`; it is
    handed a list for notes.
    inputs: the files it is made from, there or not; it is made again when they change."""

    subject: str
    source: str
    action: str
    read: Callable
    inputs: tuple = ()

    def fingerprint(self):
        """Of the inputs: their sizes, and of small files the contents."""
        digest = hashlib.sha256()
        for path in sorted(self.inputs):
            size = path.stat().st_size if path.is_file() else -1
            digest.update(
                f"{path.name} {size} ".encode() + (path.read_bytes() if 0 <= size < SMALL else b"")
            )
        return digest.hexdigest()[:16]


def convert_jobs(
    jobs,
    path,
    *,
    nothing,
    splits,
    cameras=None,
    notes=(),
    image_size,
    views,
    workers=None,
    progress=True,
    **header,
):
    """Converts jobs into a store at `path`, or finishes one that was interrupted; returns a
    `report.Report`.

    nothing: what to say if there are no jobs. splits: function from the store's parts, a list of
    dicts with subject, source and frames, to its splits. cameras: as `StoreWriter.finish` takes
    `calibration`. notes: what the search for jobs had to say. views: all names in order. workers:
    threads; all cores if not given. header: name, licence, source, recipe, fps of the store. Clips
    of an earlier run whose source is no longer there stay, and so do those that can no longer be
    made. Raises `ValueError` if there is nothing to convert.
    """
    notes, failed = list(notes), []
    if not jobs:
        raise ValueError(f"{nothing}. {_some(notes)}" if notes else nothing)
    workers = workers or cores()
    with (
        _written(path),
        StoreWriter(path, image_size=image_size, views=views, **header) as writer,
        ThreadPoolExecutor(workers) as pool,
    ):
        for job in tqdm(
            jobs, desc=f"converting {header['name']}", unit="clip", disable=not progress
        ):
            said = []
            try:
                try:
                    inputs = job.fingerprint()
                    if writer.has(job.subject, job.source, inputs):
                        continue
                    recording = job.read(said)
                # of the source; one of the store, as of a full disk, ends the conversion
                except OSError as error:
                    raise ValueError(str(error)) from None
                writer.add(
                    job.subject,
                    job.source,
                    job.action,
                    _stored(recording, views, image_size, pool, workers, said),
                    said,
                    inputs,
                )
            except ValueError as error:
                stays = any(
                    (part["subject"], part["source"]) == (job.subject, job.source)
                    for part in writer.parts
                )
                failed.append(
                    f"{job.subject}/{job.source}"
                    f" {'stays as an earlier run made it' if stays else 'is left out'}: {error}"
                )
        done = {(part["subject"], part["source"]): part for part in writer.parts}
        if not done:
            raise ValueError(f"nothing could be converted: {_some([*failed, *notes])}")
        there = {(job.subject, job.source) for job in jobs}
        stay = [key for key in done if key not in there]
        notes += [
            f"{s}/{c} stays from an earlier run, though its source is no longer there; delete"
            f" {path}/{s}/{c}.arrow and run again to drop it"
            for s, c in stay
        ]
        order = [key for job in jobs if (key := (job.subject, job.source)) in done] + stay
        kept = {
            s: c
            for s, c in (writer.calibration or {}).items()
            if s.split("/")[0] in {subject for subject, _ in done}
        }
        writer.finish(splits([done[key] for key in order]), (kept | (cameras or {})) or None, order)
    notes += [f"{s}/{c}: {note}" for s, c in order for note in done[s, c].get("notes", ())] + failed
    return report(Path(path), notes)


@contextmanager
def _written(path):
    """Says of what the system refuses that the store is meant."""
    try:
        yield
    except OSError as error:
        raise OSError(
            f"the store {path} cannot be written ({error.strerror or error}): see that there is"
            " room and that you may write there, or take another folder; run again, and it goes on"
        ) from None


def _some(notes, most=5):
    return "; ".join(notes[:most]) + (
        f"; and {len(notes) - most} more" if len(notes) > most else ""
    )


def first_line(error):
    """What an exception of another library says, without the rest."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def subject_splits(parts, **splits):
    """Splits by subject for `convert_jobs`: those of each split's subjects that are in the store.
    splits: name -> subjects, in order.
    """
    there = {part["subject"] for part in parts}
    return {
        name: {"subjects": [s for s in subjects if s in there], "views": None, "frames": None}
        for name, subjects in splits.items()
        if there & set(subjects)
    }


def _stored(recording, views, image_size, pool, workers, said):
    """Yields the frames of a recording as `StoreWriter.add` takes them, without those at the end
    that no view shows.
    """
    chosen = {name: view for name in views if (view := recording.views.get(name)) is not None}
    said += [f"view {name} is missing" for name in views if name not in recording.views]
    if not chosen:
        raise ValueError("no view of it is there")
    length = len(next(iter(chosen.values())).frames)
    threads = max(1, workers // len(chosen))
    told = {name: [] for name in chosen}
    made = {name: _pictures(view, image_size, threads, told[name]) for name, view in chosen.items()}
    ahead = {name: pool.submit(_take, pictures) for name, pictures in made.items()}
    nothing, unseen, unknown = [(None, None)] * CHUNK, [], 0
    try:
        for first in range(0, length, CHUNK):
            got = {}
            for name, future in ahead.items():
                got[name] = future.result()
                ahead[name] = pool.submit(_take, made[name])
            for k in range(min(CHUNK, length - first)):
                pictures = [got.get(name, nothing)[k] for name in views]
                pose = None if recording.poses is None else recording.poses[first + k]
                if pose is not None and not np.isfinite(pose).all():
                    pose, unknown = None, unknown + 1
                unseen.append(
                    {
                        "pose": pose,
                        "images": [image for image, _ in pictures],
                        "crops": [(np.nan,) * 3 if crop is None else crop for _, crop in pictures],
                    }
                )
                if any(image is not None for image, _ in pictures):
                    yield from unseen
                    unseen = []
    finally:
        wait(ahead.values())
        for pictures in made.values():
            pictures.close()
    said += [f"view {name}: {note}" for name in chosen for note in told[name]]
    if len(unseen) == length:
        raise ValueError(
            "no frame of it can be shown: "
            + ("; ".join(said) or "do its offsets lie beyond the ends of the videos?")
        )
    if unseen:
        said.append(f"its last {len(unseen)} of {length} frames are left out: no view shows them")
    if unknown:
        said.append(
            f"{recording.poses_of}: {unknown} of {length} stored frames have joints that are not"
            " numbers; they are kept without a pose"
        )
    if recording.poses is not None:
        reach = (
            np.nanmedian(np.linalg.norm(recording.poses[:, 10] - recording.poses[:, 0], axis=-1))
            if unknown < length
            else 0
        )
        if unknown < length and not PLAUSIBLE[0] < reach < PLAUSIBLE[1]:
            said.append(
                f"{recording.poses_of} is hardly in millimetres: pelvis and head lie {reach:.3g}"
                " apart. Check the unit of the source"
            )


def _take(pictures):
    return list(islice(pictures, CHUNK))


def _pictures(view, image_size, threads, told):
    """Yields (JPEG, crop) or (None, None) of each stored frame of a view, and tells what is
    missing.
    """
    wanted, boxless, lost, number, k = view.frames, 0, 0, -1, 0
    try:
        claimed = timing(view.video)
        if view.rate and abs(claimed.rate - view.rate) > 0.5:
            if abs(claimed.frames - view.length) > 0.05 * view.length:
                raise ValueError(
                    f"{view.video} has {claimed.frames} frames, {claimed.rate:.4g} a second, its"
                    f" annotation {view.length}, {view.rate:g} a second: take the official video"
                )
            told.append(
                f"{view.video.name} claims {claimed.rate:.4g} frames a second; the official"
                f" {view.rate:g} are taken, for it has as many frames as the annotation"
            )
        for number, frame in decoded(view.video, threads):
            if view.size and not np.allclose((frame.width, frame.height), view.size, rtol=0.01):
                raise ValueError(
                    f"{view.video} is {frame.width} x {frame.height} pixels, its annotation counts"
                    f" in {' x '.join(map(str, view.size))}: take the official video"
                )
            while k < len(wanted) and wanted[k] < number:  # before the video begins, or lost
                lost += wanted[k] >= 0
                yield None, None
                k += 1
            if k == len(wanted):
                break
            if number < wanted[k]:
                continue
            picture = upright(frame)
            crop = square(
                (0, 0, *picture.size) if view.whole else view.boxes(k), view.margin, *picture.size
            )
            boxless += crop is None
            yield (None, None) if crop is None else (cut(picture, crop, image_size), crop)
            k += 1
        if k < len(wanted):
            told.append(
                f"{view.video.name} ends after {number + 1} frames; {len(wanted) - k} of"
                f" {len(wanted)} wanted ones are missing"
            )
        elif view.length and claimed.frames != view.length:
            told.append(
                f"{view.video.name} has {claimed.frames} frames, the annotation {view.length}: the"
                " shorter is taken"
            )
    except ValueError as error:
        told.append(f"left out: {error}")
    if boxless:
        told.append(
            f"{boxless} of {len(wanted)} frames are left out: {view.boxes_of or 'the annotation'}"
            " has no box for them, one of size zero, one outside the picture, or one far larger"
            " than it"
        )
    if lost:
        told.append(
            f"{lost} of {len(wanted)} frames are left out: {view.video.name} is damaged there"
        )
    while True:
        yield None, None


def command(convert, name, options=()):
    """The command line of a converter: `python -m data_scripts.NAME SOURCE STORE`; returns a
    function like main(argv) -> int.

    options: further ones, each (flag, keyword arguments of `add_argument`).
    """

    def main(argv=None):
        parser = argparse.ArgumentParser(
            prog=f"python -m data_scripts.{name}",
            description=sys.modules[convert.__module__].__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("source", help="folder of the original files")
        parser.add_argument("store", help="folder of the store; an interrupted one is finished")
        size = inspect.signature(convert).parameters["image_size"].default
        parser.add_argument(
            "--image-size",
            type=int,
            default=argparse.SUPPRESS,
            help=f"pixels of the square pictures ({size or 128}); 64 for the networks of the book",
        )
        if "workers" in inspect.signature(convert).parameters:
            parser.add_argument("--workers", type=int, help="threads; all cores if not given")
        for flag, keywords in options:
            parser.add_argument(flag, **keywords)
        try:
            print(convert(**vars(parser.parse_args(argv))))
        except (ValueError, OSError, RuntimeError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("interrupted; the same line goes on where it stopped", file=sys.stderr)
            return 130
        return 0

    return main
