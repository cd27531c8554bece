"""Cameras that split a recording into files: its parts are no views of one moment."""

import re

import numpy as np

from .crops import upright
from .video_reader import decoded, last_of

#: GoPro's names: encoding, number of the part, number of the recording; and of older ones.
GOPRO = re.compile(r"(?:G[A-Z]([0-9]{2})|(GOPR)|GP([0-9]{2}))([0-9]{4})", re.IGNORECASE)
LOOK = 48  # pixels square, to which pictures are made small to be compared
ALIKE, PLAIN = 3.0, 8.0  # grey levels: two pictures differ by less; one varies by less


def refuse_chapters(clocks):
    """Raises `ValueError` if videos of one clip, `{path: Timing}`, are parts of one recording: by
    their names, or because one begins with the picture that another of the next lower number ends
    with.
    """
    parts = {}
    for path in clocks:
        if found := GOPRO.fullmatch(path.stem):
            parts.setdefault(found[4], []).append(path)
    groups = [sorted(group) for group in parts.values() if len(group) > 1]
    for path in clocks:
        after = _next(path, clocks)
        if after and not any(path in group for group in groups) and _goes_on(path, after, clocks):
            groups.append([path, after])
    if groups:
        named = "; ".join(", ".join(path.name for path in group) for group in groups)
        raise ValueError(
            f"{named} in {groups[0][0].parent} are chapters of one camera's recording, not views of"
            " one moment: join them to one file, as with ffmpeg -f concat -safe 0 -i LIST -c"
            " copy VIEW.mp4, where LIST has a line file 'NAME' for each part in order, and take the"
            " parts away"
        )


def _next(path, paths):
    """The video whose name is that of `path` but for one number, higher by one, or None."""
    for found in re.finditer("[0-9]+", path.stem):
        number = str(int(found[0]) + 1).zfill(len(found[0]))
        name = path.stem[: found.start()] + number + path.stem[found.end() :]
        if after := [other for other in paths if other.stem == name]:
            return after[0]
    return None


def _goes_on(path, after, clocks):
    """Whether one video goes on where the other ends: cameras that stand apart show other pictures.
    Only of videos of the same rate and size is it looked at.
    """
    one, two = clocks[path], clocks[after]
    if abs(one.rate - two.rate) > 0.01 * one.rate:
        return False
    try:
        last, (_, first) = last_of(path), next(decoded(after, 1))
    except ValueError:
        return False
    if last is None or (last.width, last.height) != (first.width, first.height):
        return False
    a, b = (np.asarray(upright(f).convert("L").resize((LOOK, LOOK)), float) for f in (last, first))
    return abs(a - b).mean() < ALIKE and a.std() > PLAIN
