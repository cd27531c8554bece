"""Boxes round a person from a CSV file: read as its heading says, and judged before they are used.

A box that is read in a wrong way still cuts a picture, only not of the person. So what can only be
wrong is refused, and what looks wrong is said.
"""

import numpy as np

from .tables import is_number, number, rows

FORMS = {
    "corner, width and height": ("x", "y", "width", "height"),
    "two corners": ("x1", "y1", "x2", "y2"),
    "centre, width and height": ("cx", "cy", "width", "height"),
}
#: Other names of the columns, in small letters and without signs between the words.
CALLED = {
    "frame": "frameid framenumber framenum frameno frameindex frameidx",
    "x": "bbleft bbx boxx",
    "y": "bbtop bby boxy",
    "width": "w bbwidth boxwidth",
    "height": "h bbheight boxheight",
    "x1": "xmin left xtl bbx1 boxx1",
    "y1": "ymin top ytl bby1 boxy1",
    "x2": "xmax right xbr bbx2 boxx2",
    "y2": "ymax bottom ybr bby2 boxy2",
    "cx": "xc xcenter xcentre centerx centrex xmid",
    "cy": "yc ycenter ycentre centery centrey ymid",
    "id": "trackid personid objectid track person",
}
NAMES = {other: name for name, others in CALLED.items() for other in others.split()}
LINES = (
    "write lines 'frame,x,y,width,height', frames counted from 0, the box's upper left corner,"
    " width and height in pixels; or a heading that says otherwise, 'frame,x1,y1,x2,y2' or"
    " 'frame,cx,cy,width,height'"
)
SMALL = 0.06  # of the picture's shorter side: nobody is found that far away
JUMP = 0.5  # of its size: so far no box moves between two neighbouring frames


def read_boxes(path, notes):
    """The frames `(n,)` and boxes `(n, 4)`, x0, y0, x1, y1 in pixels, of a CSV file, in the order
    of frames; NaN where it says that nobody is there, by a box of size zero. `notes` gets how they
    were read, if it is not the usual way. Raises `ValueError`.
    """
    lines = list(rows(path))
    form, columns = "corner, width and height", ["frame", *FORMS["corner, width and height"]]
    if lines and not is_number(lines[0][1][0]):
        line, heading = lines.pop(0)
        form, columns = _heading(path, line, heading)
        if form != "corner, width and height":
            notes.append(f"{path.name} gives {form}, by its heading {','.join(heading)}")
    elif lines and len(lines[0][1]) != 5:
        raise ValueError(
            f"{path}, line {lines[0][0]}: {len(lines[0][1])} fields instead of 5, and no heading"
            f" that says what they are: {LINES}"
        )
    if not lines:
        raise ValueError(f"{path} has no boxes: {LINES}; or delete it to keep the whole picture")
    for line, fields in lines:
        if len(fields) != len(columns):
            raise ValueError(
                f"{path}, line {line}: {len(fields)} fields instead of {len(columns)}: {LINES}"
            )
    pick = [columns.index(name) for name in ("frame", *FORMS[form])]
    table = np.array([[number(path, n, fields[k]) for k in pick] for n, fields in lines])
    if "id" in columns:
        people = list(dict.fromkeys(fields[columns.index("id")] for _, fields in lines))
        if len(people) > 1:
            raise ValueError(
                f"{path} has boxes of {len(people)} people, {', '.join(people[:5])}: keep those of"
                " one"
            )
    table = table[np.argsort(table[:, 0], kind="stable")]
    frames, (a, b, c, d) = table[:, 0], table[:, 1:].T
    if (twice := frames[1:][np.diff(frames) == 0]).size:
        raise ValueError(f"{path} has two boxes of frame {twice[0]:g}: keep one person's")
    if frames[0] < 0:
        raise ValueError(f"{path} has a box of frame {frames[0]:g}: they are counted from 0")
    if form == "two corners":
        boxes, widths, heights = np.stack([a, b, c, d], 1), c - a, d - b
        if (wrong := (widths < 0) | (heights < 0)).any():
            raise ValueError(
                f"{path}, frame {frames[wrong][0]:g}: x2 or y2 lies before x1 or y1, so these are"
                f" no two corners: {LINES}"
            )
    else:
        half = 0.5 if form.startswith("centre") else 0.0
        x, y, widths, heights = a - half * c, b - half * d, c, d
        boxes = np.stack([x, y, x + c, y + d], 1)
    somebody = (widths > 0) & (heights > 0)
    boxes[~somebody] = np.nan
    if somebody.any() and abs(table[somebody, 1:]).max() <= 2:
        raise ValueError(
            f"{path} holds shares of the picture, not pixels (the largest is"
            f" {abs(table[somebody, 1:]).max():.3g}): multiply them by its width and height"
        )
    return frames, boxes


def _heading(path, line, heading):
    """(form, names of the columns) of a heading. Raises `ValueError` if it is not understood."""
    words = ["".join(c for c in word.casefold() if c.isalnum()) for word in heading]
    if {"left", "width"} <= set(words):  # a corner, not two
        words = [{"left": "x", "top": "y"}.get(word, word) for word in words]
    if "x0" in words:  # then x1 is the far side
        words = [{"x0": "x1", "y0": "y1", "x1": "x2", "y1": "y2"}.get(word, word) for word in words]
    words = [NAMES.get(word, word) for word in words]
    fits = [form for form, names in FORMS.items() if {"frame", *names} <= set(words)]
    if len(fits) != 1 or len(set(words)) < len(words):
        raise ValueError(
            f"{path}, line {line}: the heading {','.join(heading)} does not say what the columns"
            f" are: {LINES}"
        )
    return fits[0], words


def judge(path, frames, boxes, size, count, rate, notes):
    """Compares boxes, as `read_boxes` gives them, with the film: its `size` (width, height), the
    `count` of its frames and its `rate`. Raises `ValueError` for what can only be wrong; `notes`
    gets what looks wrong.
    """
    name, (width, height) = path.name, size
    if frames[0] == 1 and frames[-1] == count:
        raise ValueError(
            f"{path} counts the frames from 1 (its last is {count}, of a film of {count}): count"
            " them from 0"
        )
    if (beyond := frames >= count).any():
        notes.append(
            f"{name} has boxes of {beyond.sum()} frames after the film's last, {count - 1}; are"
            " they of this film?"
        )
    frames, boxes = (part[~np.isnan(boxes[:, 0])] for part in (frames, boxes))
    if not len(boxes):
        raise ValueError(f"{path} has only boxes of size zero, so nobody is in the film")
    x0, y0, x1, y1 = boxes.T
    sides, longer = np.stack([x1 - x0, y1 - y0]), np.maximum(x1 - x0, y1 - y0)
    over = (x1 > 1.1 * width) | (y1 > 1.1 * height)
    if over.mean() > 0.5:
        # what was read as the width may be the far side
        corners = (x1 - x0 > x0) & (y1 - y0 > y0) & (x1 - x0 <= width) & (y1 - y0 <= height)
        centred = (x0 + sides[0] / 2 <= 1.1 * width) & (y0 + sides[1] / 2 <= 1.1 * height)
        guess = (
            "they look like two corners, x1,y1,x2,y2"
            if corners.all()
            else "they look like centre, width and height, cx,cy,width,height"
            if centred.all()
            else "were they made for a film of another size?"
        )
        raise ValueError(
            f"{path}: {over.mean():.0%} of the boxes reach far beyond the picture of {width} x"
            f" {height} pixels, the furthest to {x1.max():.5g}, {y1.max():.5g}; {guess} If so,"
            " say it in the heading or write them again"
        )
    area = np.prod(sides, 0)
    seen = np.prod(
        [x1.clip(0, width) - x0.clip(0, width), y1.clip(0, height) - y0.clip(0, height)], 0
    )
    _say(notes, frames, seen < 0.7 * area, f"{name}: a third or more of the box lies outside the"
         " picture, and is stored black")  # fmt: skip
    if np.median(longer) < SMALL * min(size):
        notes.append(
            f"{name}: the boxes are {np.median(longer):.3g} pixels long in a picture of {width} x"
            f" {height}; are they of a person, and of this size of the film?"
        )
    if np.median(sides[0] / sides[1]) > 2:
        notes.append(f"{name}: the boxes are more than twice as wide as high; does the person lie?")
    # a far side that is taken for the width moves with the near one, as the person does
    alike = np.ptp(x0) > 0.5 * np.median(longer) and np.std(sides[0] - x0) < 0.2 * np.std(sides[0])
    if alike:
        notes.append(
            f"{name}: the further right a box begins, the wider it is, as if its width were the far"
            " side: look whether the heading should be frame,x1,y1,x2,y2"
        )
    # a box may move further where frames are left out, but not without end
    gaps = np.diff(frames).clip(1, max(1, rate / 5))
    moves = np.abs(np.diff((boxes[:, :2] + boxes[:, 2:]) / 2, axis=0)).max(1)
    size_of = np.maximum(longer[1:], longer[:-1])
    grown = size_of / np.minimum(longer[1:], longer[:-1]) - 1
    odd = np.append(False, np.maximum(moves / size_of, grown / 2) > JUMP * np.sqrt(gaps))
    _say(notes, frames, odd, f"{name}: from one frame to the next the box jumps, as to another"
         " person")  # fmt: skip
    wide = np.append(False, np.diff(frames) > max(2 * rate, 2))
    _say(notes, frames, wide, f"{name}: before these frames there are no boxes for more than 2"
         " seconds, and a straight line fills the gap")  # fmt: skip


def _say(notes, frames, odd, words):
    if odd.any():
        which = ", ".join(f"{frame:g}" for frame in frames[odd][:3])
        more = f" and {odd.sum() - 3} more" if odd.sum() > 3 else ""
        notes.append(f"{words}: frame {which}{more}")


def between(frames, boxes, wanted):
    """The boxes `(T, 4)` of the `wanted` frames `(T,)`, interpolated; NaN before the first and
    after the last, and where nobody is there.
    """
    return np.stack([np.interp(wanted, frames, side, np.nan, np.nan) for side in boxes.T], -1)
