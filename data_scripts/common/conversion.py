"""What all converters share: recordings in, a store and a report out.

A converter lists its clips as `Job`s, each of which reads the annotation of its clip into a
`Recording`. `convert_jobs` then decodes the videos, cuts the pictures and writes them, clip after
clip; each view has a thread of its own, and only a few pictures are held at a time.
"""

import argparse
import dataclasses
import hashlib
import inspect
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from mcss.data import StoreWriter
from mcss.engine.machine import cores

from .crops import cut, fault, mirrored, square, upright
from .report import report
from .video_reader import decoded, timing

SMALL = 1 << 20  # bytes: files up to here are compared by content, larger ones by size
CHUNK = 16  # pictures of a view that are made at once
PLAUSIBLE = 300, 1500  # mm from pelvis to head, in the median over a clip


class View(NamedTuple):
    """One camera's video of a recording, of which T frames are stored.

    boxes: function from the position of a stored frame, 0 to T - 1, to the box (x0, y0, x1, y1) of
    the person in pixels, or None. frames `(T,)`: the stored frames' numbers in this video,
    ascending, -1 where it shows none: numbers of a film of constant rate, of which some may be
    lost, or, if `by_position`, places among the pictures that there are. margin: of the crop round
    a box, see `crops.square`. whole: store the whole picture instead of a box. length: how many
    frames the annotation covers. boxes_of: the file that the boxes are from. size: (width, height)
    in pixels of the pictures that boxes and calibration were made for. rate: frames a second of the
    annotation. `length` to `rate` are None if not known.
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
    by_position: bool = False


class Recording(NamedTuple):
    """One clip. poses `(T, 17, 3)`: mm, world, Z up, NaN where unknown; or None. views: `View`s by
    name; None for a view that is left out and noted already. poses_of: the file of the poses.
    """

    poses: np.ndarray | None
    views: dict
    poses_of: Path | None = None


@dataclasses.dataclass
class Job:
    """One clip to convert. read: function that returns its `Recording` or raises `ValueError`, and
    appends to the list that it is given a note on each thing that is left out or changed. inputs:
    the files that the clip is made from, whether they exist or not; when they change it is made
    again.
    """

    subject: str
    source: str
    action: str
    read: Callable
    inputs: tuple = ()

    def fingerprint(self):
        """A hash of the inputs' names, their sizes and, of small ones, their contents."""
        digest = hashlib.sha256()
        for path in sorted(self.inputs):
            size = path.stat().st_size if path.is_file() else -1
            content = path.read_bytes() if 0 <= size < SMALL else b""
            digest.update(f"{path.name} {size} ".encode() + content)
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
    """Converts `Job`s into a store at `path`, or finishes one that was interrupted; returns a
    `report.Report`.

    nothing: the error message if there are no jobs. splits: function from the store's parts, a list
    of dicts with subject, source and frames, to its splits. cameras: the `calibration` for
    `StoreWriter.finish`. notes: those of the search for jobs. image_size: pixels of the square
    pictures. views: all names in order. workers: threads; all cores if None. header: name, licence,
    source, recipe and fps of the store.

    Clips that an earlier run stored stay, also if their source is gone or can no longer be read.
    Raises `ValueError` if nothing can be converted, `OSError` if the store cannot be written, and
    `RuntimeError` while another process writes it.
    """
    notes, failed = list(notes), []
    if not jobs:
        raise ValueError(f"{nothing}. {_first_few(notes)}" if notes else nothing)
    workers = workers or cores()
    with (
        _naming_the_store(path),
        StoreWriter(path, image_size=image_size, views=views, **header) as writer,
        ThreadPoolExecutor(workers) as pool,
    ):
        for job in tqdm(
            jobs, desc=f"converting {header['name']}", unit="clip", disable=not progress
        ):
            clip_notes = []
            try:
                # An error of the source costs its clip; one of the store, such as a full disk, ends
                # the conversion.
                try:
                    inputs = job.fingerprint()
                    if writer.has(job.subject, job.source, inputs):
                        continue
                    recording = job.read(clip_notes)
                except OSError as error:
                    raise ValueError(str(error)) from None
                frames = _frames(recording, views, image_size, pool, workers, clip_notes)
                writer.add(job.subject, job.source, job.action, frames, clip_notes, inputs)
            except ValueError as error:
                stored = {(part["subject"], part["source"]) for part in writer.parts}
                stays = (job.subject, job.source) in stored
                failed.append(
                    f"{job.subject}/{job.source}"
                    f" {'stays as an earlier run made it' if stays else 'is left out'}: {error}"
                )
        done = {(part["subject"], part["source"]): part for part in writer.parts}
        if not done:
            raise ValueError(f"nothing could be converted: {_first_few([*failed, *notes])}")
        listed = {(job.subject, job.source) for job in jobs}
        stay = [key for key in done if key not in listed]
        notes += [
            f"{s}/{c} stays from an earlier run, though its source is no longer there; delete"
            f" {path}/{s}/{c}.arrow and run again to drop it"
            for s, c in stay
        ]
        order = [key for job in jobs if (key := (job.subject, job.source)) in done] + stay
        subjects = {subject for subject, _ in done}
        before = writer.calibration or {}  # its keys are SUBJECT or SUBJECT/CLIP
        kept = {key: c for key, c in before.items() if key.split("/")[0] in subjects}
        writer.finish(splits([done[key] for key in order]), (kept | (cameras or {})) or None, order)
    notes += [f"{s}/{c}: {note}" for s, c in order for note in done[s, c].get("notes", ())] + failed
    return report(Path(path), notes)


@contextmanager
def _naming_the_store(path):
    """Turns the system's errors into ones that name the store and what to do."""
    try:
        yield
    except OSError as error:
        raise OSError(
            f"the store {path} cannot be written ({error.strerror or error}): see that there is"
            " room and that you may write there, or take another folder; run again, and it goes on"
        ) from None


def _first_few(notes, most=5):
    more = f"; and {len(notes) - most} more" if len(notes) > most else ""
    return "; ".join(notes[:most]) + more


def first_line(error):
    """The first line of an exception's message, or its type if it has none: what other libraries
    add below helps nobody who converts data.
    """
    return (str(error).splitlines() or [type(error).__name__])[0]


def subject_splits(parts, **splits):
    """Splits by subject, for `convert_jobs`. parts: of the store. splits: each split's subjects, in
    order; those that are not in the store are left out, and so is a split without any.
    """
    stored = {part["subject"] for part in parts}
    return {
        name: {"subjects": [s for s in subjects if s in stored], "views": None, "frames": None}
        for name, subjects in splits.items()
        if stored & set(subjects)
    }


def _frames(recording, views, image_size, pool, workers, notes):
    """Yields the frames of a recording as `StoreWriter.add` takes them, without those at the end
    that no view shows. Raises `ValueError` if none can be shown.
    """
    chosen = {name: view for name in views if (view := recording.views.get(name)) is not None}
    notes += [f"view {name} is missing" for name in views if name not in recording.views]
    if not chosen:
        raise ValueError("no view of it is there")
    length = len(next(iter(chosen.values())).frames)
    threads = max(1, workers // len(chosen))
    view_notes = {name: [] for name in chosen}
    made = {
        name: _pictures(view, image_size, threads, view_notes[name])
        for name, view in chosen.items()
    }
    ahead = {name: pool.submit(_take, pictures) for name, pictures in made.items()}
    nothing, unseen, unknown = [(None, None)] * CHUNK, [], 0
    try:
        for first in range(0, length, CHUNK):
            chunk = {}
            for name, future in ahead.items():
                chunk[name] = future.result()
                ahead[name] = pool.submit(_take, made[name])
            for k in range(min(CHUNK, length - first)):
                pictures = [chunk.get(name, nothing)[k] for name in views]
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
    notes += [f"view {name}: {note}" for name in chosen for note in view_notes[name]]
    if len(unseen) == length:
        raise ValueError(
            "no frame of it can be shown: "
            + ("; ".join(notes) or "do its offsets lie beyond the ends of the videos?")
        )
    if unseen:
        notes.append(f"its last {len(unseen)} of {length} frames are left out: no view shows them")
    if unknown:
        notes.append(
            f"{recording.poses_of}: {unknown} of {length} stored frames have joints that are not"
            " numbers; they are kept without a pose"
        )
    if recording.poses is not None and unknown < length:
        heights = np.linalg.norm(recording.poses[:, 10] - recording.poses[:, 0], axis=-1)
        height = np.nanmedian(heights)
        if not PLAUSIBLE[0] < height < PLAUSIBLE[1]:
            notes.append(
                f"{recording.poses_of} is hardly in millimetres: pelvis and head lie {height:.3g}"
                " apart. Check the unit of the source"
            )


def _take(pictures):
    return list(islice(pictures, CHUNK))


def _pictures(view, image_size, threads, notes):
    """Yields (JPEG file, crop) of each frame of a view that is to be stored, (None, None) where it
    is missing and without end after the last; `notes` gets what is missing.
    """
    wanted, name, number, k = view.frames, view.video.name, -1, 0
    boxless, lost = Counter(), Counter()
    try:
        clock = timing(view.video)
        numbers = np.arange(len(clock.times)) if view.by_position else clock.numbers
        there = set(numbers.tolist())
        if view.rate and abs(clock.rate - view.rate) > 0.5:
            if abs(clock.frames - view.length) > 0.05 * view.length:
                raise ValueError(
                    f"{view.video} has {clock.frames} frames, {clock.rate:.4g} a second, its"
                    f" annotation {view.length}, {view.rate:g} a second: take the official video"
                )
            notes.append(
                f"{name} claims {clock.rate:.4g} frames a second; the official"
                f" {view.rate:g} are taken, for it has as many frames as the annotation"
            )
        for position, frame in decoded(view.video, threads):
            if view.size and not np.allclose((frame.width, frame.height), view.size, rtol=0.01):
                raise ValueError(
                    f"{view.video} is {frame.width} x {frame.height} pixels, its annotation counts"
                    f" in {' x '.join(map(str, view.size))}: take the official video"
                )
            if number < 0 and mirrored(frame):
                notes.append(
                    f"{name} asks to be shown mirrored, and is stored so: left is right in it."
                    " Mirror it back if other views of the same moment are not"
                )
            number = numbers[position]
            while k < len(wanted) and wanted[k] < number:  # before the video begins, or lost
                lost[wanted[k] in there] += wanted[k] >= 0
                yield None, None
                k += 1
            if k == len(wanted):
                break
            if number < wanted[k]:
                continue
            picture = upright(frame)
            box = (0, 0, *picture.size) if view.whole else view.boxes(k)
            crop = square(box, view.margin, *picture.size)
            if crop is None:
                boxless[fault(box, view.margin, *picture.size)] += 1
            yield (None, None) if crop is None else (cut(picture, crop, image_size), crop)
            k += 1
        left = np.asarray(wanted[k:])
        lost[True] += int(np.isin(left, numbers).sum())
        if late := int((left > numbers[-1]).sum()):
            notes.append(
                f"{name} ends after {numbers[-1] + 1} frames; {late} of {len(wanted)} wanted ones"
                " are missing"
            )
        elif view.length and clock.frames != view.length:
            notes.append(
                f"{name} has {clock.frames} frames, the annotation {view.length}: the shorter is"
                " taken"
            )
    except ValueError as error:
        notes.append(f"left out: {error}")
    notes += [
        f"{count} of {len(wanted)} frames are left out: {view.boxes_of or 'the annotation'} has"
        f" {reason}"
        for reason, count in boxless.items()
    ]
    for damaged, words in (
        (True, "is damaged there: get it again"),
        (False, "has no picture at their time: the camera lost some"),
    ):
        if lost[damaged]:
            notes.append(f"{lost[damaged]} of {len(wanted)} frames are left out: {name} {words}")
    while True:
        yield None, None


def named_number(form, example):
    """The `type` of an argument NAME=NUMBER: a function from its text to (name, number). form: what
    the argument is called, as VIEW=SECONDS.
    """

    def read(text):
        name, _, value = text.partition("=")
        try:
            return name, float(value)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' should be {form}, as {example}") from None

    return read


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
