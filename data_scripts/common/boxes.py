"""Boxes round a person, as people, detectors and trackers write them: a CSV file a video.

A line holds `frame,x,y,width,height` in pixels of the film as it is shown, x and y of the top left
corner, frames counted from 0. A first line may say something else: see HEADINGS.
"""

import csv

import numpy as np

#: What the four numbers after the frame may be called, and what they are.
HEADINGS = {
    "corner and size": (
        "x y width height",
        "x y w h",
        "left top width height",
        "bb_left bb_top bb_width bb_height",
    ),
    "two corners": ("x0 y0 x1 y1", "x1 y1 x2 y2", "xmin ymin xmax ymax", "left top right bottom"),
    "centre and size": (
        "cx cy width height",
        "cx cy w h",
        "xc yc w h",
        "x_center y_center width height",
    ),
}
CORNER, CORNERS, CENTRE = HEADINGS
LEAP = 0.75  # of a box's longer side; a person does not move so far from one frame to the next
CUT = 0.25  # share of a box outside the picture that is worth a word


def boxes_of(path, frames, size, notes, view):
    """The boxes `(T, 4)`, x0, y0, x1, y1, in the frames `(T,)` of a film: interpolated between
    those of a CSV file, NaN before the first and after the last.

    size: (width, height) of the film. notes: gets what looks odd, named after the `view`. Raises
    `ValueError` for a file without boxes, for a heading that nobody knows, and for boxes that can
    only be something else: shares of the picture, or two corners without a heading.
    """
    heading = _heading(path)
    kind = _kind(path, heading)
    rows = [
        [number_in(path, number, value) for value in row]
        for number, row in rows_of(path, 5, heading[:1])
    ]
    if not rows:
        raise ValueError(
            f"{path} has no boxes: write lines 'frame,x,y,width,height', or delete it to keep the"
            " whole picture"
        )
    rows = np.array(sorted(rows, key=lambda row: row[0]))
    twice = rows[1:, 0][np.diff(rows[:, 0]) == 0]
    if len(twice):
        raise ValueError(f"{path} has two boxes of frame {twice[0]:g}: keep one")
    of, boxes = rows[:, 0], rows[:, 1:].copy()
    if kind == CORNERS:
        boxes[:, 2:] -= boxes[:, :2]
    elif kind == CENTRE:
        boxes[:, :2] -= boxes[:, 2:] / 2
    there = (boxes[:, 2:] > 0).all(1)  # a box without size says that nobody is there
    boxes[:, 2:] += boxes[:, :2]
    _check(path, boxes[there], size, heading)
    notes += [
        f"view {view}: {note}" for note in _oddities(path.name, of[there], boxes[there], size)
    ]
    early, late = (frames < of[0]).sum(), (frames > of[-1]).sum()
    if early or late:
        notes.append(
            f"view {view}: the boxes of {path.name} are of frames {of[0]:g} to {of[-1]:g}:"
            f" {early} stored frames before and {late} after them are left out"
        )
    found = np.stack([np.interp(frames, of, column, np.nan, np.nan) for column in boxes.T], -1)
    found[np.isin(frames, of[~there])] = np.nan  # nothing is filled in over such a frame
    return found


def _heading(path):
    """The fields of the first line if it is a heading, in small letters, else ()."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            first = [value.strip().lower() for value in next(csv.reader(file), [])]
    except (UnicodeDecodeError, csv.Error):
        return ()  # `rows_of` says so
    return tuple(first) if first and not _is_number(first[0]) else ()


def _kind(path, heading):
    if not heading:
        return CORNER
    for kind, known in HEADINGS.items():
        if " ".join(heading[1:]) in known:
            return kind
    # a line that is no number is a mistake in its own right, unless it looks like a heading
    if len(heading) != 5 or any(map(_is_number, heading[1:])):
        return CORNER
    raise ValueError(
        f"{path} has the heading {','.join(heading)!r}, which says nothing known of its boxes:"
        " write 'frame,x,y,width,height' for a top left corner and a size, 'frame,x0,y0,x1,y1' for"
        " two corners, or 'frame,cx,cy,width,height' for a centre and a size, in pixels"
    )


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check(path, boxes, size, heading):
    """Raises `ValueError` for boxes that can only be meant otherwise. boxes: x0, y0, x1, y1."""
    if not len(boxes):
        return
    if boxes.max() <= 1.5 and max(size) > 8:
        raise ValueError(
            f"the boxes of {path} are shares of the picture (the largest number is"
            f" {boxes.max():.3g}), not pixels: multiply them by its width and height,"
            f" {size[0]} and {size[1]}"
        )
    outside = (boxes[:, 2] > 1.1 * size[0]) | (boxes[:, 3] > 1.1 * size[1])
    # what was read as a width is then the other corner's x
    corners = boxes[:, 2:] - boxes[:, :2]
    fit = (corners > boxes[:, :2]).all(1) & (corners <= np.array(size) * 1.02).all(1)
    if not heading and outside.mean() > 0.3 and fit.all():
        raise ValueError(
            f"{outside.sum()} of {len(boxes)} boxes of {path} reach far out of the picture of"
            f" {size[0]} x {size[1]} pixels, and would not if they were two corners: say what they"
            " are in a first line, 'frame,x0,y0,x1,y1' or 'frame,x,y,width,height'"
        )


def _oddities(name, frames, boxes, size):
    """What looks odd about boxes x0, y0, x1, y1 `(n, 4)` of frames `(n,)`, a list of texts."""
    if not len(boxes):
        return []
    odd, side = [], (boxes[:, 2:] - boxes[:, :2]).max(1)
    low, high = boxes[:, :2].clip(0), np.minimum(boxes[:, 2:], size)
    inside = (high - low).clip(0).prod(1) / (boxes[:, 2:] - boxes[:, :2]).prod(1)
    cut = inside < 1 - CUT
    if cut.any():
        odd.append(
            f"{cut.sum()} of {len(boxes)} boxes of {name} lie by more than a quarter outside the"
            f" picture, the first in frame {frames[cut][0]:g}: are x and y the top left corner?"
        )
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    far = np.linalg.norm(np.diff(middle, axis=0), axis=1)
    leap = (far > LEAP * side[:-1]) & (np.diff(frames) <= 2)
    if leap.any():
        at = np.flatnonzero(leap)[0]
        odd.append(
            f"{leap.sum()} times a box of {name} leaps away from the one before, first from frame"
            f" {frames[at]:g} to {frames[at + 1]:g}: do the boxes follow one person?"
        )
    if side.max() > 4 * np.median(side) or side.min() < np.median(side) / 4:
        odd.append(
            f"the boxes of {name} differ in size up to {side.max() / side.min():.1f} times: do they"
            " follow one person?"
        )
    return odd


def rows_of(path, width, heading):
    """Yields (line number, fields) of a CSV file of `width` fields a line, without its heading: a
    first line that begins with one of the words of `heading`. Raises `ValueError`, which names the
    line.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if not row or (number == 1 and row[0].strip().lower() in heading):
                    continue
                if len(row) != width:
                    raise ValueError(
                        f"{path}, line {number}: {len(row)} fields instead of {width}; it should be"
                        f" {'view,seconds' if width == 2 else 'frame,x,y,width,height'}"
                    )
                yield number, [value.strip() for value in row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read ({error}): write it again as CSV") from None


def number_in(path, line, text):
    """The finite number that `text` is; raises `ValueError`, which names the file and line."""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"{path}, line {line}: '{text}' is no number")
    return value
