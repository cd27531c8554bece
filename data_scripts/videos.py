"""The converter of your own synchronised videos into a store: no labels, no calibration, as many
cameras as you like. (`common.video_reader` is what reads a single video file.)

SOURCE/SUBJECT/CLIP/VIEW.mp4, one file a view (mp4, mkv, avi, mov, webm); or SOURCE/CLIP/VIEW.mp4 or
SOURCE/VIEW.mp4 for a single person. A folder of clips is a person: if the folders are takes of one,
say so with --person NAME. Each video runs by its own times, as a player shows them, so rates may
differ and vary. Beside the videos of a clip may lie

  offsets.csv, lines `view,seconds`: this second of that video, as a player counts, is the clip's
  second 0; without it all begin together;

  VIEW.csv, lines `frame,x,y,width,height`: a box round the person in pixels of the upright picture,
  from its upper left corner, frames counted from 0, gaps filled in between. A heading
  `frame,x1,y1,x2,y2` (two corners) or `frame,cx,cy,width,height` (centre) says it otherwise.
  Without boxes the whole picture is kept.
"""

import os
import re
import sys
from pathlib import Path

import numpy as np

from mcss.store.format import NAME

from .common.alignment import align, composed, doubts, view_of
from .common.boxes import between, judge, read_boxes
from .common.chapters import refuse_chapters
from .common.conversion import (
    Job,
    Recording,
    View,
    command,
    convert_jobs,
    named_number,
    subject_splits,
)
from .common.tables import number, rows
from .common.video_reader import size_of, timing

ENDINGS = (".mp4", ".mkv", ".avi", ".mov", ".webm")
BESIDE = (".csv", ".txt", ".md", ".json")
MARGIN = 1.1
#: A folder of this name is hardly a person's.
TAKE = re.compile(
    r"(trial|take|session|clip|rec|recording|run|videos?|films?|movie|cam|cams|camera|cameras|scene"
    r"|shot|seq|sequence|test|demo|day|part|versuch|aufnahme|szene|[0-9]{4}[-_.]?[0-9]{2})"
    r"[-_ .0-9]*",
    re.IGNORECASE,
)


def convert(
    source,
    store,
    *,
    image_size=256,
    fps=10,
    offsets=None,
    test=(),
    person=None,
    workers=None,
    progress=True,
):
    """Converts your own videos at `source` into a store at `store` and returns a `report.Report`.

    image_size: pixels of the square pictures. fps: stored frames a second, at most those of the
    videos. offsets: `{view: seconds}` for all clips, the second of each view that is second 0 of
    the clip; a clip's offsets.csv overrides them. test: subjects of the split 'test'; all others
    are in 'train'. person: who is in all of them; then all folders together name a clip. workers:
    threads; all cores if None. Raises `ValueError` or `FileNotFoundError`
    if there is nothing to convert; what is bad in part is left out and named in the report.
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
    clips = _find(source, Path(store), notes)
    clips = _of_one(clips, person) if person else _doubted(clips, notes)
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
    jobs = []
    for (subject, clip), paths in clips.items():
        beside = [paths[0].parent / "offsets.csv", *(path.with_suffix(".csv") for path in paths)]
        read = _reader(paths, fps, offsets)
        jobs.append(Job(subject, clip, clip, read, (*paths, *beside)))
    return convert_jobs(
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
        },
    )


def _find(source, store, notes):
    """The videos of each clip: `{(subject, clip): [video, ...]}` in the order of names."""
    clips, boxes = {}, []
    for path in sorted(_files(source, store.resolve())):
        folders = [composed(part) for part in path.parent.relative_to(source).parts]
        if not path.is_file() or path.name.startswith("."):
            continue
        if path.suffix.lower() in ENDINGS:
            if len(folders) > 2:
                notes.append(f"{path} is left out: it lies deeper than SUBJECT/CLIP/VIEW")
            elif not all(NAME.fullmatch(name) for name in (*folders, view_of(path))):
                notes.append(
                    f"{path} is left out: rename it or its folder, with letters, digits and"
                    " ' .,()+-' only"
                )
            else:
                clip = folders.pop() if folders else "video"
                subject = folders.pop() if folders else "person"
                clips.setdefault((subject, clip), []).append(path)
        elif path.suffix.lower() not in BESIDE:
            notes.append(
                f"{path} is left out: it is no video with one of the endings {', '.join(ENDINGS)}"
            )
        elif path.suffix == ".csv" and path.name != "offsets.csv":
            boxes.append(path)
    expected = {path.with_suffix(".csv") for paths in clips.values() for path in paths}
    notes += [
        f"{path} is left out: there is no video of this name beside it"
        for path in boxes
        if path not in expected
    ]
    return clips


def _of_one(clips, person):
    """The clips as those of one person: the folders' names go into the clips'."""
    if not NAME.fullmatch(person):
        raise ValueError(f"{person!r} cannot name a person: use letters, digits, ' .,()+-'")
    several = len({subject for subject, _ in clips}) > 1
    return {
        (person, f"{subject} {clip}" if several else clip): paths
        for (subject, clip), paths in clips.items()
    }


def _doubted(clips, notes):
    """The clips as they are; `notes` gets the people whose names are those of takes."""
    people = list(dict.fromkeys(person for person, _ in clips))
    if any(TAKE.fullmatch(name) for name in people):
        notes.append(
            f"its folders are taken for {len(people)} people ({', '.join(people)}), though they are"
            " called like takes: if that is one person, say so with --person NAME"
        )
    return clips


def _files(source, store):
    """All files below `source`, also behind links, but for hidden folders and the store."""
    for folder, below, files in os.walk(source, followlinks=True):
        # nothing of use lies deeper, and a link may lead round in a circle
        deep = len(Path(folder).relative_to(source).parts) > 3
        below[:] = [
            name
            for name in below
            if not deep and not name.startswith(".") and Path(folder, name).resolve() != store
        ]
        yield from (Path(folder, name) for name in files)


def _splits(parts, test):
    subjects = dict.fromkeys(part["subject"] for part in parts)
    train = [subject for subject in subjects if subject not in test]
    return subject_splits(parts, train=train, test=[s for s in subjects if s in test])


def _reader(paths, fps, offsets):
    """The `read` of one clip's `Job`."""

    def read(notes):
        clocks, seconds = _probe(paths, fps, offsets, notes)
        views = {view_of(path): None for path in paths}  # None: left out, and noted
        out = []
        for path, positions in align(clocks, seconds, fps, notes).items():
            try:
                views[view_of(path)] = _boxed(path, positions, clocks[path], notes)
            except ValueError as error:
                out.append(f"view {view_of(path)}: left out: {error}")
        notes += out
        if not any(views.values()):
            raise ValueError("; ".join(out))
        return Recording(None, views)

    return read


def _probe(paths, fps, offsets, notes):
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
    if seconds:
        notes += [
            f"view {name}: no offset is given, so its second 0 is second 0 of the clip"
            for name in names
            if name not in seconds
        ]
    elif len(paths) > 1:
        notes.append("no offsets are given: all videos are taken to begin at the same moment")
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
    return clocks, seconds


def _boxed(path, positions, clock, notes):
    """The `View` of a video, with the boxes of the CSV file beside it or, without one, whole."""
    table = path.with_suffix(".csv")
    if not table.is_file():
        notes.append(
            f"view {view_of(path)}: there is no {table.name}, so the whole picture is kept; a"
            " person should fill it"
        )
        return View(path, None, positions, whole=True, by_position=True)
    found = []
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
        ("--person", dict(
            metavar="NAME", help="all videos are of this person; folders only name clips")),
        ("--test", dict(
            nargs="+", default=(), metavar="SUBJECT", help="people of the split 'test'")),
    ),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
