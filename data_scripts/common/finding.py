"""Which videos lie in a folder, of which person and clip."""

import os
import re
from pathlib import Path

from mcss.store.format import NAME

from .alignment import composed, view_of

ENDINGS = (".mp4", ".mkv", ".avi", ".mov", ".webm")
BESIDE = (".csv", ".txt", ".md", ".json")
#: A folder of this name is hardly a person's.
TAKE = re.compile(
    r"(trial|take|session|clip|rec|recording|run|videos?|films?|movie|cam|cams|camera|cameras|scene"
    r"|shot|seq|sequence|test|demo|day|part|versuch|aufnahme|szene|[0-9]{4}[-_.]?[0-9]{2})"
    r"[-_ .0-9]*",
    re.IGNORECASE,
)


def find_films(source, store, notes):
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


def of_one(clips, person):
    """The clips as those of one person: the folders' names go into the clips'."""
    if not NAME.fullmatch(person):
        raise ValueError(f"{person!r} cannot name a person: use letters, digits, ' .,()+-'")
    several = len({subject for subject, _ in clips}) > 1
    return {
        (person, f"{subject} {clip}" if several else clip): paths
        for (subject, clip), paths in clips.items()
    }


def doubted(clips, notes):
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
