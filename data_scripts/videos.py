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

import argparse
import os
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np

from mcss.store.format import NAME

from .common.boxes import between, judge, read_boxes
from .common.chapters import refuse_chapters
from .common.conversion import Job, Recording, View, command, convert_jobs, subject_splits
from .common.tables import number, rows
from .common.video_reader import FASTEST, ROUNDED, size_of, timing

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
        clocks, seconds = _probe(paths, fps, offsets, notes)
        views = {_view(path): None for path in paths}  # None: left out, and noted
        out = []
        for path, positions in _align(clocks, seconds, fps, notes).items():
            try:
                views[_view(path)] = _boxed(path, positions, clocks[path], notes)
            except ValueError as error:
                out.append(f"view {_view(path)}: left out: {error}")
        notes += out
        if not any(views.values()):
            raise ValueError("; ".join(out))
        return Recording(None, views)

    return read


def _probe(paths, fps, offsets, notes):
    """`{video: Timing}` of a clip's readable videos, and `{view: seconds}`, where second 0 of the
    clip lies in each view, as far as it is known. Raises `ValueError` if no video can be read.
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
    clocks = {}
    for path in paths:
        try:
            clocks[path] = _checked(path, timing(path), notes)
        except ValueError as error:
            notes.append(f"view {_view(path)}: left out: {error}")
    if not clocks:
        raise ValueError("none of its videos can be read: " + "; ".join(notes))
    refuse_chapters(clocks)
    slowest = min(clocks, key=lambda path: 1 / clocks[path].step)
    rate = 1 / clocks[slowest].step
    if fps > 1.01 * rate:
        raise ValueError(
            f"{slowest} has {rate:.4g} frames a second, less than the {fps:g} to store: take"
            f" --fps {int(1.01 * rate)} or less"
        )
    return clocks, seconds


def _checked(path, clock, notes):
    """The clock of a video; `notes` gets what is doubtful of it."""
    name, rate = path.name, 1 / clock.step
    if rate > FASTEST:
        notes.append(
            f"view {_view(path)}: {name} shows {rate:.4g} frames a second: if it was filmed slower,"
            " write it again"
        )
    if clock.claimed:
        notes.append(
            f"view {_view(path)}: {name} is cut off: its header counts {clock.claimed} frames, and"
            f" the last is at {clock.times[-1]:.4g} s"
        )
    if clock.begin > 0.02:
        notes.append(
            f"view {_view(path)}: the times of {name} begin with {clock.begin:.4g} s, and that is"
            " taken for its second 0, as most players do"
        )
    if clock.films > 1:
        notes.append(
            f"view {_view(path)}: {name} holds {clock.films} films, and one of them is taken: write"
            " the one that you mean to a file of its own, as with ffmpeg -i IN -map 0:v:0 OUT"
        )
    if abs(clock.pixel - 1) > 0.01:
        notes.append(
            f"view {_view(path)}: a player shows {name} {clock.pixel:.3g} times as wide as its"
            " pixels say, and it is stored narrow: write it again, as with ffmpeg -i IN -vf"
            " scale=iw*sar:ih,setsar=1 OUT"
        )
    if clock.repeated.any():
        notes.append(
            f"view {_view(path)}: {clock.repeated.sum()} frames of {name} bear the time of another,"
            " so their own moment is not known, and they are not used"
        )
    return clock


def _align(clocks, seconds, fps, notes):
    """`{video: positions of its pictures (T,)}` at the T instants of a clip that are stored, -1
    where it shows none, for the videos that share moments with others. Raises `ValueError` if there
    are none.
    """
    # The clip's second 0 is second `offset` of a video. Counted from there, the video runs from
    # `begin` to `end`; what lies before second 0 is not used.
    offset = {path: seconds.get(_view(path), 0.0) for path in clocks}
    begin = {path: max(0.0, clock.times[0] - offset[path]) for path, clock in clocks.items()}
    end = {path: clock.times[-1] - offset[path] for path, clock in clocks.items()}
    spans = ", ".join(f"{_view(path)} {begin[path]:.4g} to {end[path]:.4g} s" for path in clocks)

    def overlap(a, b):
        return a != b and max(begin[a], begin[b]) <= min(end[a], end[b])

    shared = [path for path in clocks if any(overlap(path, other) for other in clocks)]
    if len(clocks) == 1:
        notes.append("it has one view only, and learning needs two of the same moment")
        shared = list(clocks)
    start = min((begin[path] for path in shared), default=0.0)
    stop = max((end[path] for path in shared), default=0.0)
    # two pairs that overlap may still lie far apart
    whole = sum(np.ptp(clock.times) + clock.step for clock in clocks.values())
    if not shared or len(clocks) > 1 and stop - start > whole:
        raise ValueError(
            f"by the offsets its videos do not show the same moments ({spans}): correct the offsets"
        )
    notes += [
        f"view {_view(path)}: left out: by its offset it shows no moment that another view shows"
        f" ({spans}): correct the offset"
        for path in clocks
        if path not in shared
    ]
    first, last = (np.ceil((start - ROUNDED) * fps), np.floor((stop + ROUNDED) * fps))
    instants = np.arange(first, last + 1) / fps
    found = {path: clocks[path].nearest(instants + offset[path]) for path in shared}
    for path, positions in found.items():
        outside = (instants < begin[path] - ROUNDED) | (instants > end[path] + ROUNDED)
        if outside.any():
            notes.append(
                f"view {_view(path)}: {path.name} shows {begin[path]:.4g} to {end[path]:.4g} s of"
                f" the clip, so {outside.sum()} of {len(instants)} frames are without it"
            )
        if inside := int((~outside & (positions < 0)).sum()):
            notes.append(
                f"view {_view(path)}: {inside} of {len(instants)} frames are without it:"
                f" {path.name} shows nothing within half a frame"
                f" ({500 * clocks[path].step:.3g} ms) of them; the camera lost some or became"
                " slower, as telephones do in the dark"
            )
    rates = {path: clocks[path].rate for path in shared}
    if max(rates.values()) > 1.0005 * min(rates.values()):
        off = max(
            abs(clocks[path].times[p[p >= 0]] - (instants + offset[path])[p >= 0]).max(initial=0)
            for path, p in found.items()
        )
        listed = ", ".join(f"{_view(path)} {rate:.5g}" for path, rate in rates.items())
        notes.append(
            f"its views have different rates ({listed} frames a second): each picture is taken by"
            f" its own time, and is up to {1000 * off:.0f} ms from its instant"
        )
    return found


def _boxed(path, positions, clock, notes):
    """The `View` of a video, with the boxes of the CSV file beside it or, without one, whole."""
    table = path.with_suffix(".csv")
    if not table.is_file():
        notes.append(
            f"view {_view(path)}: there is no {table.name}, so the whole picture is kept; a person"
            " should fill it"
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
    notes += [f"view {_view(path)}: {note}" for note in found]
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
        view = _composed(fields[0])
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
            metavar="NAME", help="all videos are of this person; folders only name clips")),
        ("--test", dict(
            nargs="+", default=(), metavar="SUBJECT", help="people of the split 'test'")),
    ),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
