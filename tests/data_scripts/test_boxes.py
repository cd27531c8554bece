"""Boxes as people, detectors and trackers write them: read as the heading says, refused where they
can only be meant otherwise, and what looks odd is said.
"""

import re

import numpy as np
import pytest

pytest.importorskip("av")

from data_scripts.common.boxes import between, judge, read_boxes
from data_scripts.common.crops import fault, square
from data_scripts.videos import convert
from mcss.data import open_store
from tests.data_scripts.films import STEADY, film, trim

USUAL = "frame,x,y,width,height"


def table(path, heading, box, frames=range(75), mark=","):
    """Writes boxes, each four numbers or more, or a function of the frame that gives them."""
    lines = [heading] * (heading is not None)
    for k in frames:
        lines.append(",".join(f"{value:g}" for value in (k, *(box(k) if callable(box) else box))))
    path.write_text("\n".join(lines).replace(",", mark) + "\n")
    return path


CORNERS, CENTRE = "two corners", "centre, width and height"
LINES = {  # the heading: what follows the frame, and how it is said to be read, if unusual
    None: ((20, 10, 50, 70), ""),
    USUAL: ((20, 10, 50, 70), ""),
    "Frame, X, Y, W, H": ((20, 10, 50, 70), ""),
    "frame_id,left,top,width,height": ((20, 10, 50, 70), ""),
    "frame,bb_left,bb_top,bb_width,bb_height,conf": ((20, 10, 50, 70, 0.9), ""),
    "frame,id,x,y,width,height": ((7, 20, 10, 50, 70), ""),
    "frame,x1,y1,x2,y2": ((20, 10, 70, 80), CORNERS),
    "frame,x0,y0,x1,y1": ((20, 10, 70, 80), CORNERS),
    "frame,xmin,ymin,xmax,ymax,score,class": ((20, 10, 70, 80, 0.7, 0), CORNERS),
    "frame number,left,top,right,bottom": ((20, 10, 70, 80), CORNERS),
    "frame,cx,cy,w,h": ((45, 45, 50, 70), CENTRE),
    "frame,x_center,y_center,width,height": ((45, 45, 50, 70), CENTRE),
    "frame,width,height,xc,yc": ((50, 70, 45, 45), CENTRE),
}


@pytest.mark.parametrize("heading", LINES)
@pytest.mark.parametrize("mark", ",;\t")
def test_a_heading_says_what_the_numbers_are(tmp_path, heading, mark):
    (box, said), notes = LINES[heading], []
    frames, boxes = read_boxes(table(tmp_path / "a.csv", heading, box, mark=mark), notes)
    assert frames.tolist() == [*range(75)] and (boxes == [20, 10, 70, 80]).all()
    assert [said in note for note in notes] == [True] * bool(said)


def test_numbers_of_a_spreadsheet_where_a_comma_is_a_point(tmp_path):
    path, line = tmp_path / "a.csv", "20,5;10;50;70"
    lines = ["\ufeffframe;x;y;width;height", f"0;{line}", "", f"10;{line}"]
    path.write_text("\r\n".join(lines), encoding="utf-8")
    assert read_boxes(path, [])[1].tolist() == [[20.5, 10, 70.5, 80]] * 2


@pytest.mark.parametrize("heading, box, message", [
    (USUAL, (0.2, 0.1, 0.5, 0.7), "shares of the picture, not pixels .the largest is 0.7"),
    ("frame,cx,cy,w,h", (0.5, 0.5, 1, 1), "shares of the picture"),
    ("frame,a,b,c,d", (1, 2, 3, 4), "line 1: the heading frame,a,b,c,d does not say"),
    ("time,x,y,width,height", (1, 2, 3, 4), "does not say what the columns are"),
    ("x,y,width,height", (1, 2, 3), "does not say what the columns are"),
    (None, (1, 20, 10, 50, 70, 0.9, -1, -1, -1), "10 fields instead of 5, and no heading"),
    ("frame,x1,y1,x2,y2", (40, 30, 30, 60), "frame 0: x2 or y2 lies before x1 or y1"),
    ("frame,id,x,y,width,height", lambda k: (k // 40, 2, 3, 40, 50), "2 people, 0, 1: keep those"),
    (USUAL, (20, 10, "nan", 70), "line 2: 'nan' is no number"),
    (USUAL, (20, 10, 70), "line 2: 4 fields instead of 5"),
])  # fmt: skip
def test_tables_that_can_only_be_meant_otherwise(tmp_path, heading, box, message):
    if not callable(box):
        box = tuple(float(value) for value in box)
    with pytest.raises(ValueError, match=message) as error:
        read_boxes(table(tmp_path / "a.csv", heading, box), [])
    assert str(tmp_path / "a.csv") in str(error.value)


def test_frames_that_cannot_be(tmp_path):
    for frames, message in (([0, 1, 1], "two boxes of frame 1"), ([-1, 0], "box of frame -1")):
        with pytest.raises(ValueError, match=message):
            read_boxes(table(tmp_path / "a.csv", USUAL, (20, 10, 50, 70), frames), [])


def judged(box, frames=range(200), size=(640, 360), count=200, rate=25):
    """What `judge` notes of boxes, each four numbers x0, y0, x1, y1 or a function of the frame."""
    boxes = np.array([box(k) if callable(box) else box for k in frames], float)
    notes = []
    judge(PATH, np.array(frames, float), boxes, size, count, rate, notes)
    return "\n".join(notes)


class PATH:
    name = "b.csv"


def walking(k):
    """A person who walks to and fro."""
    x = 300 + 200 * np.sin(k / 30)
    return x, 80, x + 70, 280 + 5 * np.cos(k / 5)


def test_good_boxes_get_no_word():
    assert judged(walking) == ""
    assert judged(walking, frames=range(0, 200, 10)) == ""
    assert judged(lambda k: (-10, 20, 60, 220)) == ""  # a little outside
    assert (
        judged(lambda k: (100 - k / 4, 100 - k / 3, 200 + k / 4, 220 + k / 3)) == ""
    )  # comes near


@pytest.mark.parametrize("box, options, message", [
    # the far side read as a width
    (lambda k: (400, 150, 400 + 470, 150 + 340), {}, "look like two corners"),
    (lambda k: (400, 180, 400 + 150, 180 + 300), {}, "look like centre, width and height"),
    (lambda k: (900, 300, 1100, 900), {}, "film of another size"),
    (walking, dict(frames=range(1, 201)), "counts the frames from 1"),
    ((np.nan,) * 4, {}, "only boxes of size zero"),
])  # fmt: skip
def test_boxes_that_cannot_be_of_this_film(box, options, message):
    with pytest.raises(ValueError, match=message):
        judged(box, **options)


@pytest.mark.parametrize("box, options, message", [
    (walking, dict(count=150), "boxes of 50 frames after the film's last, 149"),
    (lambda k: (walking(k) if k != 77 else (5, 80, 75, 280)), {}, "jumps.*: frame 77, 78"),
    (lambda k: (walking(k) if k < 50 else (200, 100, 230, 160)), {}, "jumps.*: frame 50"),
    (lambda k: (-60, 80, 10, 280), {}, "a third or more .* outside .*: frame 0, 1, 2 and 197 more"),
    (lambda k: (10, 10, 20, 24), {}, "14 pixels long in a picture of 640 x 360"),
    (lambda k: (100, 100, 400, 220), {}, "twice as wide as high"),
    (lambda k: (walking(k)[0], 20, 2 * walking(k)[0] + 70, 300), {}, "x1,y1,x2,y2"),
    (walking, dict(frames=[*range(50), *range(120, 200)]), "more than 2 seconds.*: frame 120"),
])  # fmt: skip
def test_boxes_that_look_odd_are_mentioned(box, options, message):
    assert re.search(message, judged(box, **options), re.S), judged(box, **options)


def test_between_boxes_and_over_frames_without_anybody():
    boxes = np.array([[0, 0, 10, 10], [np.nan] * 4, [20, 0, 30, 10], [40, 0, 50, 10]])
    frames = np.array([5.0, 10, 15, 25])
    found = between(frames, boxes, np.array([4, 5, 7, 10, 15, 20, 25, 26]))
    assert found[:, 0].tolist()[1:2] == [0] and found[[4, 5, 6], 0].tolist() == [20, 30, 40]
    assert np.isnan(found[[0, 2, 3, 7]]).all()


def test_why_a_box_gives_no_picture():
    for box, reason in (
        (None, "no box"),
        ((np.nan,) * 4, "no box"),
        ((5, 5, 5, 9), "size zero"),
        ((-9, 5, 0, 9), "outside"),
        ((0, 0, 900, 9), "far larger"),
    ):
        assert reason in fault(box, 1, 100, 80) and square(box, 1, 100, 80) is None
    assert fault((5, 5, 50, 60), 1, 100, 80) is None and square((5, 5, 50, 60), 1, 100, 80)


def store_of(folder, **boxes):
    """The report of two views and their boxes, (heading, box, frames)."""
    for view in "ab":
        film(folder / f"in/P/clip/{view}.mp4", STEADY)
    for view, (heading, box, frames) in boxes.items():
        table(folder / f"in/P/clip/{view}.csv", heading, box, frames)
    return convert(folder / "in", folder / "store", image_size=32, fps=5, progress=False)


def test_crops_are_those_of_the_heading(tmp_path):
    report = store_of(
        tmp_path,
        a=("frame,cx,cy,w,h", (45, 45, 50, 70), range(75)),
        b=("frame,x1,y1,x2,y2", (20, 10, 70, 80), range(0, 75, 37)),
    )
    crops = open_store(report.path).crops("P")
    assert np.allclose(crops, [45 - 38.5, 45 - 38.5, 77], atol=1)
    assert "view a: a.csv gives centre, width and height" in str(report)
    assert "view b: b.csv gives two corners" in str(report)


def test_boxes_that_end_early_and_a_view_that_is_refused(tmp_path):
    """The other view stays."""
    report = store_of(
        tmp_path,
        a=(USUAL, (20, 10, 50, 70), range(12, 40)),
        b=(USUAL, (0.2, 0.1, 0.5, 0.7), range(75)),
    )
    store = open_store(report.path)
    seen = store.present("P")
    assert not seen[:, 1].any() and np.flatnonzero(seen[:, 0]).tolist() == [3, 4, 5, 6, 7]
    notes = str(report)
    assert "view b: left out" in notes and "shares of the picture" in notes
    assert "boxes from frame 12 to 39 of a.mp4's 0 to 74; 10 of 15 frames" in notes
    assert "size zero" not in notes and "damaged" not in notes and "has no box" not in notes


def test_a_box_of_size_zero_is_nobody(tmp_path):
    nobody = lambda k: (20, 10, 50, 70) if k < 30 else (0, 0, 0, 0)
    report = store_of(tmp_path, a=(USUAL, nobody, range(75)))
    seen = open_store(report.path).present("P")[:, 0]
    assert np.flatnonzero(seen).tolist() == [0, 1, 2, 3, 4, 5]
    assert "9 of 15 frames are left out" in str(report) and "a.csv has no box" in str(report)


def test_frames_are_those_that_are_shown(tmp_path):
    """Boxes belong to pictures, not to moments: a detector counts what it is shown."""
    lost = [k for k in range(75) if not 10 <= k < 30]
    film(tmp_path / "in/P/clip/a.mp4", [3600 * k for k in lost], lost)
    box = lambda k: (lost[k] / 3, 10, 50, 70)
    table(tmp_path / "in/P/clip/a.csv", USUAL, box, range(len(lost)))
    report = convert(tmp_path / "in", tmp_path / "store", image_size=32, fps=5, progress=False)
    store = open_store(report.path)
    left = store.crops("P")[:, 0, 0] + 38.5 - 25
    instants = np.arange(15) * 5
    seen = store.present("P")[:, 0]
    assert seen.tolist() == [k in lost for k in instants]
    assert np.allclose(left[seen], instants[seen] / 3, atol=1)


def test_frames_that_an_edit_list_hides_are_not_counted(tmp_path):
    """Detectors do not see them."""
    source = tmp_path / "in/P/clip"
    film(tmp_path / "raw.mp4", [3600 * k for k in range(88)], gop=40)
    trim(tmp_path / "raw.mp4", source / "a.mp4", 13)
    table(source / "a.csv", USUAL, lambda k: (k / 3, 10, 50, 70), range(75))
    report = convert(tmp_path / "in", tmp_path / "store", image_size=32, fps=5, progress=False)
    left = open_store(report.path).crops("P")[:, 0, 0] + 38.5 - 25
    assert np.allclose(left, np.arange(15) * 5 / 3, atol=1)
