"""The converter of your own synchronised videos into a store: no labels, no calibration, as many
cameras as you like. (`common.video_reader` is what reads a single video file.)

SOURCE/SUBJECT/CLIP/VIEW.mp4, one file a view (mp4, mkv, avi, mov, webm); or SOURCE/CLIP/VIEW.mp4 or
SOURCE/VIEW.mp4 for a single person. Beside the videos of a clip may lie offsets.csv, with lines
`view,seconds`: this second of that video is the clip's second 0; and VIEW.csv, with lines
`frame,x,y,width,height`: a box round the person in that video, frames counted from 0, gaps filled
in between. Without boxes the whole picture is kept.
"""

import argparse
import csv
import os
import sys
import unicodedata
from pathlib import Path

import numpy as np

from mcss.store.format import NAME

from .common.conversion import Job, Recording, View, command, convert_jobs, subject_splits
from .common.video_reader import timing

ENDINGS = (".mp4", ".mkv", ".avi", ".mov", ".webm")
BESIDE = (".csv", ".txt", ".md", ".json")
MARGIN = 1.1


def convert(
    source, store, *, image_size=256, fps=10, offsets=None, test=(), workers=None, progress=True
):
    """Converts your own videos at `source` into a store at `store` and returns a `report.Report`.

    image_size: pixels of the square pictures. fps: stored frames a second, at most those of the
    videos. offsets: `{view: seconds}` for all clips, the second of each view that is second 0 of
    the clip; a clip's offsets.csv overrides them. test: subjects of the split 'test'; all others
    are in 'train'. workers: threads; all cores if None. Raises `ValueError` or `FileNotFoundError`
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
    subjects = {subject for subject, _ in clips}
    unknown = set(test) - subjects
    if unknown:
        raise ValueError(
            f"test names subjects without any video: {', '.join(sorted(unknown))}; there are"
            f" {', '.join(sorted(subjects))}"
        )
    views = sorted({_view(path) for paths in clips.values() for path in paths})
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
        recipe={"converter": "videos", "fps": fps, "offsets": offsets},
    )


def _find(source, store, notes):
    """The videos of each clip: `{(subject, clip): [video, ...]}` in the order of names."""
    clips, boxes = {}, []
    for path in sorted(_files(source, store.resolve())):
        folders = [_composed(part) for part in path.parent.relative_to(source).parts]
        if not path.is_file() or path.name.startswith("."):
            continue
        if path.suffix.lower() in ENDINGS:
            if len(folders) > 2:
                notes.append(f"{path} is left out: it lies deeper than SUBJECT/CLIP/VIEW")
            elif not all(NAME.fullmatch(name) for name in (*folders, _view(path))):
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


def _composed(name):
    """A name with each umlaut as one character: macOS writes them as two."""
    return unicodedata.normalize("NFC", name)


def _view(path):
    """The name of the view that a video shows."""
    return _composed(path.stem)


def _splits(parts, test):
    subjects = dict.fromkeys(part["subject"] for part in parts)
    train = [subject for subject in subjects if subject not in test]
    return subject_splits(parts, train=train, test=[s for s in subjects if s in test])


def _reader(paths, fps, offsets):
    """The `read` of one clip's `Job`."""

    def read(notes):
        timings, seconds = _probe(paths, fps, offsets, notes)
        frames = _align(timings, seconds, fps, notes)
        views = {_view(path): None for path in paths}  # None: left out, and noted
        views |= {_view(path): _boxed(path, frames[path], notes) for path in frames}
        return Recording(None, views)

    return read


def _probe(paths, fps, offsets, notes):
    """`{video: Timing}` of a clip's readable videos, and `{view: seconds}`, where second 0 of the
    clip lies in each view, as far as it is known. Raises `ValueError` if no video can be read or
    their rates differ.
    """
    names = [_view(path) for path in paths]
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
    timings = {}
    for path in paths:
        try:
            clock = timing(path)
            if not clock.steady:
                raise ValueError(
                    f"the frame rate of {path} varies, as that of some telephones: write it again"
                    " with a constant one, as with ffmpeg -i IN -r 30 OUT"
                )
            timings[path] = clock
        except ValueError as error:
            notes.append(f"view {_view(path)}: left out: {error}")
    if not timings:
        raise ValueError("none of its videos can be read: " + "; ".join(notes))
    first, rate = next((path, clock.rate) for path, clock in timings.items())
    for path, clock in timings.items():
        if abs(clock.rate - rate) > 5e-4 * rate:
            raise ValueError(
                f"{first} has {rate:.5g} frames a second, {path} {clock.rate:.5g}: write one again"
                f" with the rate of the other, as with ffmpeg -i IN -r {rate:.5g} OUT"
            )
    if fps > 1.01 * rate:
        raise ValueError(
            f"{first} has {rate:.4g} frames a second, less than the {fps:g} to store: take"
            f" --fps {int(rate)} or less"
        )
    return timings, seconds


def _align(timings, seconds, fps, notes):
    """`{video: numbers of its frames (T,)}` at the T instants of a clip that are stored, for the
    videos that share moments with others. Raises `ValueError` if there are none.
    """
    rate = next(iter(timings.values())).rate
    # The clip's second 0 is frame `offset` of a video. Counted in frames from there, the video
    # runs from `begin` to `end`; what lies before second 0 is not used.
    offset = {path: seconds.get(_view(path), 0.0) * rate for path in timings}
    begin = {path: max(0.0, -offset[path]) for path in timings}
    end = {path: timings[path].frames - 1 - offset[path] for path in timings}
    spans = ", ".join(
        f"{_view(path)} {begin[path] / rate:.4g} to {end[path] / rate:.4g} s" for path in timings
    )

    def overlap(a, b):
        return a != b and max(begin[a], begin[b]) <= min(end[a], end[b])

    shared = [path for path in timings if any(overlap(path, other) for other in timings)]
    if len(timings) == 1:
        notes.append("it has one view only, and learning needs two of the same moment")
        shared = list(timings)
    start = min((begin[path] for path in shared), default=0.0)
    stop = max((end[path] for path in shared), default=0.0)
    # two pairs that overlap may still lie far apart
    if not shared or len(timings) > 1 and stop - start > sum(t.frames for t in timings.values()):
        raise ValueError(
            f"by the offsets its videos do not show the same moments ({spans}): correct the offsets"
        )
    notes += [
        f"view {_view(path)}: left out: by its offset it shows no moment that another view shows"
        f" ({spans}): correct the offset"
        for path in timings
        if path not in shared
    ]
    first, last = np.ceil(start / rate * fps - 1e-6), np.floor(stop / rate * fps + 1e-6)
    instants = np.arange(first, last + 1) / fps * rate
    return {path: np.round(instants + offset[path]).astype(int) for path in shared}


def _boxed(path, frames, notes):
    """The `View` of a video, with the boxes of the CSV file beside it or, without one, whole."""
    boxes = path.with_suffix(".csv")
    if boxes.is_file():
        return View(path, _boxes(boxes, frames), frames, MARGIN, boxes_of=boxes)
    notes.append(
        f"view {_view(path)}: there is no {boxes.name}, so the whole picture is kept; a person"
        " should fill it"
    )
    return View(path, None, frames, whole=True)


def _offsets(path, views, notes):
    """`{view: seconds}` of an offsets.csv; empty if there is none."""
    seconds = {}
    for number, row in _rows(path, 2) if path.is_file() else ():
        view = _composed(row[0])
        if view in views:
            seconds[view] = _number(path, number, row[1])
        else:
            notes.append(
                f"view {view} is missing: {path} names it, but there is no video of it, only of"
                f" {', '.join(sorted(views))}"
            )
    return seconds


def _boxes(path, frames):
    """A function from k to the box (x0, y0, x1, y1) in frame `frames[k]`: interpolated between the
    boxes of a CSV file, NaN before the first and after the last.
    """
    rows = [[_number(path, number, value) for value in row] for number, row in _rows(path, 5)]
    if not rows:
        raise ValueError(
            f"{path} has no boxes: write lines 'frame,x,y,width,height', or delete it to keep the"
            " whole picture"
        )
    rows = np.array(sorted(rows, key=lambda row: row[0]))
    twice = rows[1:, 0][np.diff(rows[:, 0]) == 0]
    if len(twice):
        raise ValueError(f"{path} has two boxes of frame {twice[0]:g}: keep one")
    x, y, width, height = (
        np.interp(frames, rows[:, 0], column, np.nan, np.nan) for column in rows[:, 1:].T
    )
    boxes = np.stack([x, y, x + width, y + height], -1)
    # a box without size says that nobody is there: nothing is filled in over such a frame
    boxes[np.isin(frames, rows[(rows[:, 3:] <= 0).any(1), 0])] = np.nan
    return boxes.__getitem__


def _rows(path, width):
    """Yields (line number, fields) of a CSV file of `width` fields a line, without its heading.
    Raises `ValueError`, which names the line.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if not row or (number == 1 and row[0].strip() in ("view", "frame")):
                    continue
                if len(row) != width:
                    raise ValueError(
                        f"{path}, line {number}: {len(row)} fields instead of {width}; it should be"
                        f" {'view,seconds' if width == 2 else 'frame,x,y,width,height'}"
                    )
                yield number, [value.strip() for value in row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read ({error}): write it again as CSV") from None


def _number(path, line, text):
    """The finite number that `text` is; raises `ValueError`, which names the file and line."""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"{path}, line {line}: '{text}' is no number")
    return value


def _offset(text):
    """(view, seconds) of an argument VIEW=SECONDS."""
    view, _, seconds = text.partition("=")
    try:
        return view, float(seconds)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' should be VIEW=SECONDS, as left=0.4") from None


main = command(
    convert,
    "videos",
    (
        ("--fps", dict(type=float, default=10, help="stored frames a second (10)")),
        ("--offset", dict(
            dest="offsets", type=_offset, action="append", metavar="VIEW=SECONDS",
            help="this second of that view's videos is second 0; may be given for each view")),
        ("--test", dict(
            nargs="+", default=(), metavar="SUBJECT", help="people of the split 'test'")),
    ),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
