"""The converter of your own synchronised videos into a store: no labels, no calibration, as many
cameras as you like. (`common.video_reader` is what reads a single video file.)

SOURCE/SUBJECT/CLIP/VIEW.mp4, one file a view (mp4, mkv, avi, mov, webm); or SOURCE/CLIP/VIEW.mp4 or
SOURCE/VIEW.mp4 for a single person. A folder of clips is a person: if the folders are takes of one,
say so with --person NAME. Each video runs by its own times, as a player shows them, so rates may
differ and vary. Beside the videos of a clip may lie

  offsets.csv, lines `view,seconds`: this second of that video, as a player counts, is the clip's
  second 0; without it all begin together, or --sync finds out by what is heard or moves;

  VIEW.csv, lines `frame,x,y,width,height`: a box round the person in pixels of the upright picture,
  from its upper left corner, frames counted from 0, gaps filled in between. A heading
  `frame,x1,y1,x2,y2` (two corners) or `frame,cx,cy,width,height` (centre) says it otherwise.
  Without boxes the whole picture is kept, or --boxes detect finds the person.

STORE/look shows the first, middle and last picture of each clip, a file a view: look at them.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np

from .common.alignment import align, composed, doubts, view_of
from .common.boxes import between, judge, read_boxes
from .common.chapters import refuse_chapters
from .common.contact_sheet import contact_sheets
from .common.conversion import (
    Job,
    Recording,
    View,
    command,
    convert_jobs,
    named_number,
    subject_splits,
)
from .common.detecting import detect_boxes, person_detector
from .common.finding import ENDINGS, doubted, find_films, of_one
from .common.sync import SIGNALS, find_offsets
from .common.tables import number, rows
from .common.video_reader import size_of, timing

BOXES = ("beside", "detect")
MARGIN = 1.1


def convert(
    source,
    store,
    *,
    image_size=256,
    fps=10,
    offsets=None,
    test=(),
    person=None,
    sync=None,
    boxes="beside",
    person_index=0,
    detector=None,
    workers=None,
    progress=True,
):
    """Converts your own videos at `source` into a store at `store` and returns a `report.Report`.

    image_size: pixels of the square pictures. fps: stored frames a second, at most those of the
    videos. offsets: `{view: seconds}` for all clips, the second of each view that is second 0 of
    the clip; a clip's offsets.csv overrides them. test: subjects of the split 'test'; all others
    are in 'train'. person: who is in all of them; then all folders together name a clip.

    sync: 'sound' or 'motion', to find the offsets that are not given. boxes: 'beside' takes those
    in CSV files, or the whole picture; 'detect' finds a person where there is no file.
    person_index: which one, by size, the largest is 0. detector: as `common.detecting` says;
    torchvision's if None. workers: threads; all cores if None.

    Raises `ValueError` or `FileNotFoundError` if there is nothing to convert, `RuntimeError` if the
    detector's weights cannot be had; what is bad in part is left out and named in the report.
    """
    source, notes, offsets, fps = Path(source), [], dict(offsets or {}), float(fps)
    if not source.is_dir():
        raise FileNotFoundError(f"{source} is no folder: give the folder of your videos")
    if source.resolve() == Path(store).resolve():
        raise ValueError(f"{store} is the folder of the videos: take another one for the store")
    if not np.isfinite([*map(float, offsets.values())]).all():
        raise ValueError(
            "offsets must be numbers of seconds: "
            + ", ".join(f"{view} {seconds}" for view, seconds in offsets.items())
        )
    if not fps > 0:
        raise ValueError(f"fps must be positive, not {fps}")
    if sync not in (None, *SIGNALS) or boxes not in BOXES or person_index < 0:
        raise ValueError(
            f"sync must be one of {', '.join(SIGNALS)}, boxes of {', '.join(BOXES)}, and"
            f" person_index at least 0, not {sync!r}, {boxes!r} and {person_index}"
        )
    clips = find_films(source, Path(store), notes)
    clips = of_one(clips, person) if person else doubted(clips, notes)
    subjects = {subject for subject, _ in clips}
    unknown = set(test) - subjects
    if unknown:
        raise ValueError(
            f"test names subjects without any video: {', '.join(sorted(unknown))}; there are"
            f" {', '.join(sorted(subjects))}"
        )
    views = sorted({view_of(path) for paths in clips.values() for path in paths})
    unknown = set(offsets) - set(views)
    if unknown:
        raise ValueError(
            f"offsets names views without any video: {', '.join(sorted(unknown))}; there are"
            f" {', '.join(views)}"
        )
    if boxes == "detect":
        detector = detector or person_detector()
        find_boxes = partial(detect_boxes, detector=detector, index=person_index, progress=progress)
    else:
        find_boxes = None
    find_times = sync and partial(find_offsets, how=sync, progress=progress)
    jobs = []
    for (subject, clip), paths in clips.items():
        beside = [paths[0].parent / "offsets.csv", *(path.with_suffix(".csv") for path in paths)]
        read = _reader(paths, fps, offsets, find_times, find_boxes)
        jobs.append(Job(subject, clip, clip, read, (*paths, *beside)))
    report = convert_jobs(
        jobs,
        store,
        nothing=(
            f"{source} holds no videos: it should have SUBJECT/CLIP/VIEW.mp4, one file a view."
            f" Known endings: {', '.join(ENDINGS)}"
        ),
        splits=lambda parts: _splits(parts, test),
        notes=notes,
        image_size=image_size,
        views=views,
        workers=workers,
        progress=progress,
        name=source.resolve().name,
        licence="your own: the people in it decide what may be done with it",
        source="own videos",
        fps=fps,
        recipe={
            "converter": "videos",
            "fps": fps,
            "offsets": offsets,
            "times": "of each video",  # earlier stores counted frames, and may be out of step
            **({"person": person} if person else {}),
            **({"sync": sync} if sync else {}),
            **({"boxes": boxes, "person_index": person_index} if find_boxes else {}),
        },
    )
    report.text += f"\npictures to look at: {contact_sheets(report.path)}"
    return report


def _splits(parts, test):
    subjects = dict.fromkeys(part["subject"] for part in parts)
    train = [subject for subject in subjects if subject not in test]
    return subject_splits(parts, train=train, test=[s for s in subjects if s in test])


def _reader(paths, fps, offsets, find_times, find_boxes):
    """The `read` of one clip's `Job`. find_times, find_boxes: as `_probe` and `_boxed` call them,
    or None.
    """

    def read(notes):
        clocks, seconds = _probe(paths, fps, offsets, find_times, notes)
        views = {view_of(path): None for path in paths}  # None: left out, and noted
        out = []
        for path, positions in align(clocks, seconds, fps, notes).items():
            try:
                views[view_of(path)] = _boxed(path, positions, clocks[path], find_boxes, notes)
            except ValueError as error:
                out.append(f"view {view_of(path)}: left out: {error}")
        notes += out
        if not any(views.values()):
            raise ValueError("; ".join(out))
        return Recording(None, views)

    return read


def _probe(paths, fps, offsets, find_times, notes):
    """`{video: Timing}` of a clip's readable videos, and `{view: seconds}`, where second 0 of the
    clip lies in each view, as far as it is known. Raises `ValueError` if no video can be read.
    """
    names = [view_of(path) for path in paths]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(
            f"{paths[0].parent} has two videos of view {', '.join(sorted(twice))}: keep one"
        )
    seconds = offsets | _offsets(paths[0].parent / "offsets.csv", names, notes)
    clocks = {}
    for path in paths:
        try:
            clocks[path] = timing(path)
            notes += doubts(path, clocks[path])
        except ValueError as error:
            notes.append(f"view {view_of(path)}: left out: {error}")
    if not clocks:
        raise ValueError("none of its videos can be read: " + "; ".join(notes))
    refuse_chapters(clocks)
    slowest = min(clocks, key=lambda path: 1 / clocks[path].step)
    rate = 1 / clocks[slowest].step
    if fps > 1.01 * rate:
        raise ValueError(
            f"{slowest} has {rate:.4g} frames a second, less than the {fps:g} to store: take"
            f" --fps {rate:.3g} or less"
        )
    missing = [name for name in map(view_of, clocks) if name not in seconds]
    if find_times and missing and len(clocks) > 1:
        given = {name: seconds[name] for name in names if name in seconds}
        return clocks, find_times(clocks, given=given, notes=notes)
    if seconds:
        notes += [
            f"view {name}: no offset is given, so its second 0 is second 0 of the clip"
            for name in missing
        ]
    elif len(paths) > 1:
        notes.append("no offsets are given: all videos are taken to begin at the same moment")
    return clocks, seconds


def _boxed(path, positions, clock, find_boxes, notes):
    """The `View` of a video: with the boxes of the CSV file beside it, else with those that are
    found, else whole.
    """
    table, found = path.with_suffix(".csv"), []
    if not table.is_file() and find_boxes:
        frames, boxes = find_boxes(path, positions, clock, notes=found)
        notes += [f"view {view_of(path)}: {note}" for note in found]
        boxes = between(frames, boxes, positions)
        return View(
            path, boxes.__getitem__, positions, MARGIN, boxes_of="the detector", by_position=True
        )
    if not table.is_file():
        notes.append(
            f"view {view_of(path)}: there is no {table.name}, so the whole picture is kept; a"
            " person should fill it"
        )
        return View(path, None, positions, whole=True, by_position=True)
    frames, boxes = read_boxes(table, found)
    judge(table, frames, boxes, size_of(path), len(clock.times), 1 / clock.step, found)
    outside = (positions >= 0) & ((positions < frames[0]) | (positions > frames[-1]))
    if outside.any():
        found.append(
            f"{table.name} has boxes from frame {frames[0]:g} to {frames[-1]:g} of {path.name}'s 0"
            f" to {len(clock.times) - 1}; {outside.sum()} of {len(positions)} frames before or"
            " after that are left out"
        )
    notes += [f"view {view_of(path)}: {note}" for note in found]
    positions = np.where(outside, -1, positions)
    boxes = between(frames, boxes, positions)
    return View(path, boxes.__getitem__, positions, MARGIN, boxes_of=table, by_position=True)


def _offsets(path, views, notes):
    """`{view: seconds}` of an offsets.csv; empty if there is none."""
    seconds = {}
    for line, fields in rows(path) if path.is_file() else ():
        if line == 1 and fields[0].casefold() == "view":
            continue
        if len(fields) != 2:
            raise ValueError(
                f"{path}, line {line}: {len(fields)} fields instead of 2; it should be view,seconds"
            )
        view = composed(fields[0])
        if view in seconds:
            raise ValueError(f"{path}, line {line}: view {view} is named twice")
        if view in views:
            seconds[view] = number(path, line, fields[1])
        else:
            notes.append(
                f"view {view} is missing: {path} names it, but there is no video of it, only of"
                f" {', '.join(sorted(views))}"
            )
    return seconds


main = command(
    convert,
    "videos",
    (
        ("--fps", dict(type=float, default=10, help="stored frames a second (10)")),
        ("--offset", dict(
            dest="offsets", type=named_number("VIEW=SECONDS", "left=0.4"),
            action="append", metavar="VIEW=SECONDS",
            help="this second of that view's videos is second 0; may be given for each view")),
        ("--sync", dict(
            choices=tuple(SIGNALS),
            help="find the offsets that are not given, by the films' sound or by what moves")),
        ("--boxes", dict(
            choices=BOXES, default="beside",
            help="boxes from CSV files beside the videos, the whole picture without (beside); or"
            " find the person where there is no file (detect)")),
        ("--person-index", dict(
            type=int, default=0, metavar="N",
            help="with --boxes detect: whom to follow, by size, the largest is 0 (0)")),
        ("--person", dict(
            metavar="NAME", help="all videos are of this person; folders only name clips")),
        ("--test", dict(
            nargs="+", default=(), metavar="SUBJECT", help="people of the split 'test'")),
    ),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
