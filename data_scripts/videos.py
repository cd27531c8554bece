"""Your own synchronised videos into a store: no labels, no calibration, as many cameras as you
like.

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

    fps: stored frames a second, at most those of the videos. offsets: `{view: seconds}` for all
    clips; an offsets.csv says otherwise for its own. test: subjects of the split 'test'; all others
    are in 'train'. Raises `ValueError` or `FileNotFoundError` if there is nothing to convert; what
    is bad in part is left out and named in the report.
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
    found = _find(source, Path(store), notes)
    unknown = set(test) - {subject for subject, _ in found}
    if unknown:
        raise ValueError(
            f"test names subjects without any video: {', '.join(sorted(unknown))}; there are"
            f" {', '.join(sorted({s for s, _ in found}))}"
        )
    views = sorted({_view(path) for paths in found.values() for path in paths})
    unknown = set(offsets) - set(views)
    if unknown:
        raise ValueError(
            f"offsets names views without any video: {', '.join(sorted(unknown))}; there are"
            f" {', '.join(views)}"
        )
    jobs = [
        Job(
            subject,
            clip,
            clip,
            _reader(paths, fps, offsets),
            (
                paths[0].parent / "offsets.csv",
                *paths,
                *(path.with_suffix(".csv") for path in paths),
            ),
        )
        for (subject, clip), paths in found.items()
    ]
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
    """`{(subject, clip): [video, ...]}` in the order of names."""
    found, boxes = {}, []
    for path in sorted(_files(source, store.resolve())):
        place = [
            unicodedata.normalize("NFC", part) for part in path.relative_to(source).parts
        ]  # macOS writes umlauts as two signs
        if not path.is_file() or place[-1].startswith("."):
            continue
        if (
            path.suffix.lower() in ENDINGS
            and len(place) <= 3
            and not all(NAME.fullmatch(part) for part in (*place[:-1], _view(path)))
        ):
            notes.append(
                f"{path} is left out: rename it or its folder, with letters, digits and ' .,()+-'"
                " only"
            )
        elif path.suffix.lower() in ENDINGS and len(place) <= 3:
            subject, clip = (
                ("person", "video", *place[:-1])[-2:] if len(place) != 2 else ("person", place[0])
            )
            found.setdefault((subject, clip), []).append(path)
        elif path.suffix.lower() in ENDINGS:
            notes.append(f"{path} is left out: it lies deeper than SUBJECT/CLIP/VIEW")
        elif path.suffix.lower() not in BESIDE:
            notes.append(
                f"{path} is left out: it is no video with one of the endings {', '.join(ENDINGS)}"
            )
        elif path.suffix == ".csv" and path.name != "offsets.csv":
            boxes.append(path)
    there = {path.with_suffix(".csv") for paths in found.values() for path in paths}
    notes += [
        f"{path} is left out: there is no video of this name beside it"
        for path in boxes
        if path not in there
    ]
    return found


def _files(source, store):
    """All files below `source`, also behind links, but for hidden folders and the store."""
    for folder, below, files in os.walk(source, followlinks=True):
        deep = (
            len(Path(folder).relative_to(source).parts) > 3
        )  # nothing of use is there, and a link may lead round in a circle
        below[:] = [
            name
            for name in below
            if not deep and not name.startswith(".") and Path(folder, name).resolve() != store
        ]
        yield from (Path(folder, name) for name in files)


def _view(path):
    return unicodedata.normalize("NFC", path.stem)


def _splits(parts, test):
    subjects = list(dict.fromkeys(part["subject"] for part in parts))
    return subject_splits(
        parts, train=[s for s in subjects if s not in test], test=[s for s in subjects if s in test]
    )


def _reader(paths, fps, offsets):
    def read(said):
        twice = {
            _view(path) for path in paths if sum(_view(other) == _view(path) for other in paths) > 1
        }
        if twice:
            raise ValueError(
                f"{paths[0].parent} has two videos of view {', '.join(sorted(twice))}: keep one"
            )
        starts = offsets | _offsets(
            paths[0].parent / "offsets.csv", {_view(path) for path in paths}, said
        )
        rates, counts, views = {}, {}, {}
        said += [
            f"view {_view(path)}: no offset is given, so its second 0 is second 0 of the clip"
            for path in paths
            if starts and _view(path) not in starts
        ]
        if not starts and len(paths) > 1:
            said.append("no offsets are given: all videos are taken to begin at the same moment")
        for path in paths:
            try:
                found = timing(path)
                if not found.steady:
                    raise ValueError(
                        f"the frame rate of {path} varies, as that of some telephones: write it"
                        " again with a constant one, as with ffmpeg -i IN -r 30 OUT"
                    )
                rates[path], counts[path] = found.rate, found.frames
            except ValueError as error:
                said.append(f"view {_view(path)}: left out: {error}")
                views[_view(path)] = None
        if not rates:
            raise ValueError("none of its videos can be read: " + "; ".join(said))
        first, rate = next(iter(rates.items()))
        for path, other in rates.items():
            if abs(other - rate) > 5e-4 * rate:
                raise ValueError(
                    f"{first} has {rate:.5g} frames a second, {path} {other:.5g}: write one again"
                    f" with the rate of the other, as with ffmpeg -i IN -r {rate:.5g} OUT"
                )
        if fps > 1.01 * rate:
            raise ValueError(
                f"{first} has {rate:.4g} frames a second, less than the {fps:g} to store: take"
                f" --fps {int(rate)} or less"
            )
        offset = {path: starts.get(_view(path), 0.0) * rate for path in rates}
        begin, end = (
            {path: max(0.0, -offset[path]) for path in rates},
            {path: counts[path] - 1 - offset[path] for path in rates},
        )
        spans = ", ".join(
            f"{_view(path)} {begin[path] / rate:.4g} to {end[path] / rate:.4g} s" for path in rates
        )
        shared = [
            path
            for path in rates
            if any(max(begin[path], begin[q]) <= min(end[path], end[q]) for q in rates if q != path)
        ]
        if len(rates) == 1:
            said.append("it has one view only, and learning needs two of the same moment")
            shared = list(rates)
        elif not shared or max(end[path] for path in shared) - min(
            begin[path] for path in shared
        ) > sum(counts.values()):
            raise ValueError(
                f"by the offsets its videos do not show the same moments ({spans}): correct the"
                " offsets"
            )
        for path in [path for path in rates if path not in shared]:
            said.append(
                f"view {_view(path)}: left out: by its offset it shows no moment that another view"
                f" shows ({spans}): correct the offset"
            )
            views[_view(path)] = None
        start, stop = (
            most / rate * fps
            for most in (min(begin[path] for path in shared), max(end[path] for path in shared))
        )
        instants = np.arange(np.ceil(start - 1e-6), np.floor(stop + 1e-6) + 1) / fps * rate
        for path in shared:
            frames = np.round(instants + offset[path]).astype(int)
            boxes = path.with_suffix(".csv")
            views[_view(path)] = (
                View(path, _boxes(boxes, frames), frames, MARGIN, boxes_of=boxes)
                if boxes.is_file()
                else View(path, None, frames, whole=True)
            )
            if not boxes.is_file():
                said.append(
                    f"view {_view(path)}: there is no {boxes.name}, so the whole picture is kept; a"
                    " person should fill it"
                )
        return Recording(None, views)

    return read


def _offsets(path, views, said):
    """`{view: seconds}` of an offsets.csv; empty if there is none."""
    found = {}
    for number, row in _rows(path, 2) if path.is_file() else ():
        view = unicodedata.normalize("NFC", row[0])
        if view in views:
            found[view] = _number(path, number, row[1])
        else:
            said.append(
                f"view {view} is missing: {path} names it, but there is no video of it, only of"
                f" {', '.join(sorted(views))}"
            )
    return found


def _boxes(path, frames):
    """A function from k to the box in frame `frames[k]`, between the given ones along straight
    lines; None before and after them.
    """
    rows = np.array(
        [[_number(path, number, value) for value in row] for number, row in _rows(path, 5)]
    )
    if not len(rows):
        raise ValueError(
            f"{path} has no boxes: write lines 'frame,x,y,width,height', or delete it to keep the"
            " whole picture"
        )
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    twice = rows[1:, 0][np.diff(rows[:, 0]) == 0]
    if len(twice):
        raise ValueError(f"{path} has two boxes of frame {twice[0]:g}: keep one")
    at = np.stack(
        [np.interp(frames, rows[:, 0], rows[:, c], np.nan, np.nan) for c in range(1, 5)], -1
    )
    empty = rows[
        (rows[:, 3:] <= 0).any(1), 0
    ]  # nothing is filled in over a frame that says there is nobody
    at[np.isin(frames, empty)] = np.nan
    return np.concatenate([at[:, :2], at[:, :2] + at[:, 2:]], -1).__getitem__


def _rows(path, width):
    """Yields (line number, fields) of a CSV file, without a heading."""
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


def _number(path, number, text):
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"{path}, line {number}: '{text}' is no number")
    return value


def _offset(text):
    view, _, seconds = text.partition("=")
    try:
        return view, float(seconds)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' should be VIEW=SECONDS, as left=0.4") from None


main = command(
    convert,
    "videos",
    (
        ("--fps", {"type": float, "default": 10, "help": "stored frames a second (10)"}),
        (
            "--offset",
            {
                "dest": "offsets",
                "type": _offset,
                "action": "append",
                "metavar": "VIEW=SECONDS",
                "help": "this second of that view's videos is second 0; may be given for each view",
            },
        ),
        (
            "--test",
            {
                "nargs": "+",
                "default": (),
                "metavar": "SUBJECT",
                "help": "people of the split 'test'",
            },
        ),
    ),
)

if __name__ == "__main__":
    sys.exit(main())
