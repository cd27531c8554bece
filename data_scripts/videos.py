"""The converter of your own synchronised videos into a store: no labels, no calibration, as many
cameras as you like. (`common.video_reader` is what reads a single video file.)

SOURCE/SUBJECT/CLIP/VIEW.mp4, one file a view (mp4, mkv, avi, mov, webm); or SOURCE/CLIP/VIEW.mp4 or
SOURCE/VIEW.mp4 for a single person. Beside the videos of a clip may lie offsets.csv, with lines
`view,seconds`: this second of that video is the clip's second 0; and VIEW.csv, with lines
`frame,x,y,width,height`: a box round the person in that video, frames counted from 0, gaps filled
in between (`common.boxes` knows other headings). Without boxes the whole picture is kept.
"""

import argparse
import os
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np

from mcss.store.format import NAME

from .common.boxes import boxes_of, number_in, rows_of
from .common.conversion import Job, Recording, View, command, convert_jobs, subject_splits
from .common.video_reader import size_of, timing

ENDINGS = (".mp4", ".mkv", ".avi", ".mov", ".webm")
BESIDE = (".csv", ".txt", ".md", ".json")
MARGIN = 1.1
#: How cameras call the files into which they split one recording: the number of the recording is
#: the same, that of the chapter grows (GX010012, GX020012; GOPR0012, GP010012).
CHAPTER = re.compile(r"G(?:[HXL]\d\d|OPR|P\d\d)(\d{4})", re.IGNORECASE)


def convert(
    source,
    store,
    *,
    image_size=256,
    fps=10,
    offsets=None,
    person=None,
    test=(),
    workers=None,
    progress=True,
):
    """Converts your own videos at `source` into a store at `store` and returns a `report.Report`.

    image_size: pixels of the square pictures. fps: stored frames a second, at most those of the
    videos. offsets: `{view: seconds}` for all clips, the second of each view that is second 0 of
    the clip; a clip's offsets.csv overrides them. person: who is seen in all of them, whatever the
    folders are called, which then only name clips; else each folder SUBJECT is another person.
    test: subjects of the split 'test'; all others
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
    if person is not None:
        clips = _of_one(clips, person)
    subjects = {subject for subject, _ in clips}
    if len(subjects) > 1:
        notes.append(
            f"its folders are taken for {len(subjects)} people ({', '.join(sorted(subjects))}): if"
            " that is one person, say so with --person NAME"
        )
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
        recipe={"converter": "videos", "fps": fps, "offsets": offsets}
        | ({"person": person} if person else {}),
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


def _of_one(clips, person):
    """The clips of `_find` as those of one person: the folders' names go into the clips'."""
    if not NAME.fullmatch(person):
        raise ValueError(f"{person!r} cannot name a person: use letters, digits, ' .,()+-'")
    several = len({subject for subject, _ in clips}) > 1
    return {
        (person, f"{subject} {clip}" if several else clip): paths
        for (subject, clip), paths in clips.items()
    }


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
    clip lies in each view, as far as it is known. Raises `ValueError` if no video can be read, or
    if one is slower than what is to be stored.
    """
    names = [_view(path) for path in paths]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(
            f"{paths[0].parent} has two videos of view {', '.join(sorted(twice))}: keep one"
        )
    chapters = {}
    for name in names:
        if match := CHAPTER.fullmatch(name):
            chapters.setdefault(match[1], []).append(name)
    for parts in chapters.values():
        if len(parts) > 1:
            raise ValueError(
                f"{', '.join(parts)} in {paths[0].parent} are chapters of one camera's recording,"
                " not views of several: join them to one file, as with ffmpeg -f concat -safe 0 -i"
                " LIST.txt -c copy OUT.mp4"
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
    rates = {path: clock.rate for path, clock in timings.items()}
    slowest = min(rates, key=rates.get)
    rate = rates[slowest]
    if max(rates.values()) > 1.01 * rate:
        by_view = ", ".join(f"{_view(path)} {each:.4g}" for path, each in rates.items())
        notes.append(
            f"its views have different rates ({by_view} frames a second): of each, the picture"
            " nearest in time is taken"
        )
    if fps > 1.01 * rate:
        raise ValueError(
            f"{slowest} has {rate:.4g} frames a second, less than the {fps:g} to store: take"
            f" --fps {int(rate)} or less"
        )
    return timings, seconds


def _align(timings, seconds, fps, notes):
    """`{video: numbers of its frames (T,)}` at the T instants of a clip that are stored, for the
    videos that share moments with others. Raises `ValueError` if there are none.
    """
    # The clip's second 0 lies `offset` seconds after a video's first frame. In the clip's seconds
    # the video runs from `begin` to `end`; what lies before second 0 is not used.
    offset = {p: seconds.get(_view(p), 0.0) - clock.late for p, clock in timings.items()}
    begin = {path: max(0.0, -offset[path]) for path in timings}
    end = {p: (clock.frames - 1) / clock.rate - offset[p] for p, clock in timings.items()}
    spans = ", ".join(f"{_view(path)} {begin[path]:.4g} to {end[path]:.4g} s" for path in timings)

    def overlap(a, b):
        return a != b and max(begin[a], begin[b]) <= min(end[a], end[b])

    shared = [path for path in timings if any(overlap(path, other) for other in timings)]
    if len(timings) == 1:
        notes.append("it has one view only, and learning needs two of the same moment")
        shared = list(timings)
    start = min((begin[path] for path in shared), default=0.0)
    stop = max((end[path] for path in shared), default=0.0)
    # two pairs that overlap may still lie far apart
    filmed = sum(clock.frames / clock.rate for clock in timings.values())
    if not shared or len(timings) > 1 and stop - start > filmed:
        raise ValueError(
            f"by the offsets its videos do not show the same moments ({spans}): correct the offsets"
        )
    notes += [
        f"view {_view(path)}: left out: by its offset it shows no moment that another view shows"
        f" ({spans}): correct the offset"
        for path in timings
        if path not in shared
    ]
    instants = np.arange(np.ceil(start * fps - 1e-6), np.floor(stop * fps + 1e-6) + 1) / fps
    # each by its own clock: rates that differ by a thousandth are a second apart after a quarter
    # of an hour
    return {p: np.round((instants + offset[p]) * timings[p].rate).astype(int) for p in shared}


def _boxed(path, frames, notes):
    """The `View` of a video, with the boxes of the CSV file beside it or, without one, whole."""
    boxes = path.with_suffix(".csv")
    if boxes.is_file():
        found = boxes_of(boxes, frames, size_of(path), notes, _view(path))
        return View(path, found.__getitem__, frames, MARGIN, boxes_of=boxes)
    notes.append(
        f"view {_view(path)}: there is no {boxes.name}, so the whole picture is kept; a person"
        " should fill it"
    )
    return View(path, None, frames, whole=True)


def _offsets(path, views, notes):
    """`{view: seconds}` of an offsets.csv; empty if there is none."""
    seconds = {}
    for number, row in rows_of(path, 2, ("view",)) if path.is_file() else ():
        view = _composed(row[0])
        if view in views:
            seconds[view] = number_in(path, number, row[1])
        else:
            notes.append(
                f"view {view} is missing: {path} names it, but there is no video of it, only of"
                f" {', '.join(sorted(views))}"
            )
    return seconds


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
        ("--person", dict(
            metavar="NAME", help="all videos show this one person; folders only name clips")),
        ("--test", dict(
            nargs="+", default=(), metavar="SUBJECT", help="people of the split 'test'")),
    ),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
