"""Somebody is found and followed: coloured blocks walk through films, and a detector of the tests
finds them, trembling as real ones do.
"""

import urllib.error

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("av")

from data_scripts.common import detecting
from data_scripts.common.detecting import follow, smoothed
from data_scripts.imitations.filmed import write_video
from data_scripts.videos import convert, main
from mcss.data import open_store

WIDE, HIGH = 160, 96
COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220)}


def people(**boxes):
    """A film `(T, h, w, 3)` of 100 frames; boxes: of each colour a function from the frame to (x,
    y, width, height), or to None.
    """
    frames = np.full((100, HIGH, WIDE, 3), 70, np.uint8)
    for colour, box in boxes.items():  # the later ones walk in front
        for k, frame in enumerate(frames):
            if place := box(k):
                x, y, w, h = map(round, place)
                frame[max(0, y) : y + h, max(0, x) : x + w] = COLOURS[colour]
    return frames


def seen(tremble=0.0, seed=0):
    """A detector that finds red and blue blocks, each side moved by so many pixels."""
    rng = np.random.default_rng(seed)

    def detector(pictures):
        found = []
        for picture in pictures:
            r, _, b = picture.numpy().astype(int)
            boxes = []
            for colour in (r - b, b - r):
                rows, columns = (np.flatnonzero((colour > 60).any(k)) for k in (1, 0))
                if len(rows) > 5 and len(columns) > 5:
                    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
                    boxes.append(box + tremble * rng.uniform(-1, 1, 4))
            noise = [[0, 0, 9, 9]]  # and something that it doubts
            found.append((np.array(boxes + noise), np.array([0.9] * len(boxes) + [0.4])))
        return found

    return detector


def converted(folder, detector, **views):
    """The report and the store of one clip at 25 frames a second, and the middles of what its
    crops show, `(T, V, 2)`.
    """
    options = {name: views.pop(name) for name in ("person_index", "fps") if name in views}
    for view, frames in views.items():
        write_video(folder / f"in/P/clip/{view}.mp4", frames, 25)
    report = convert(
        folder / "in", folder / "store", image_size=32, boxes="detect", detector=detector,
        progress=False, **{"fps": 5} | options,
    )  # fmt: skip
    store = open_store(report.path)
    crops = store.crops("P")
    return report, store, crops[..., :2] + crops[..., 2:] / 2


def walking(k):
    return 10 + k, 30, 20, 50


def test_somebody_who_walks(tmp_path):
    report, store, middle = converted(tmp_path, seen(), a=people(red=walking))
    k = np.arange(20) * 5
    assert store.present("P").all()
    # the ends are smoothed to one side, by less than a step
    assert abs(middle[2:-2, 0, 0] - (20 + k)[2:-2]).max() <= 1.5
    assert abs(middle[:, 0] - np.stack([20 + k, np.full(20, 55)], 1)).max() < 5
    assert abs(store.crops("P")[..., 2] - 1.1 * 50).max() <= 2
    assert not [note for note in report.notes if "a.mp4" in note]
    assert store.recipe["boxes"] == "detect"


def test_boxes_are_filled_in_between_and_smoothed(tmp_path):
    """25 pictures a second are stored, 5 looked at."""
    looked = []
    detector = seen(tremble=4)

    def counting(pictures):
        looked.append(len(pictures))
        return detector(pictures)

    _, store, middle = converted(tmp_path, counting, fps=25, a=people(red=walking))
    assert store.length("P") == 100 and sum(looked) == 21
    off = middle[10:-10, 0, 0] - (20 + np.arange(100))[10:-10]
    assert np.sqrt((off**2).mean()) < 1.6  # of two sides, each 4 pixels to and fro: 1.6
    assert abs(np.diff(middle[10:-10, 0, 0], 2)).max() < 3


def test_nobody_and_the_other_views_stay(tmp_path):
    report, store, _ = converted(tmp_path, seen(), a=people(), b=people(red=walking))
    assert store.present("P").any(0).tolist() == [False, True]
    assert "view a: left out: nobody is found in a.mp4: is somebody in the picture" in str(report)


@pytest.mark.parametrize("index, colour", [(0, "red"), (1, "blue")])
def test_two_people_who_cross(tmp_path, index, colour):
    """They walk against each other; the box stays with whom it began."""
    small = lambda k: (130 - k, 34, 16, 40)
    film = people(blue=small, red=walking)
    report, _, middle = converted(tmp_path, seen(2), a=film, person_index=index)
    k = np.arange(20) * 5
    expected = {"red": 20 + k, "blue": 138 - k}[colour]
    away = abs((20 + k) - (138 - k)) > 25
    assert abs(middle[:, 0, 0] - expected)[away].max() < 7
    notes = str(report)
    assert "a.mp4: 2 people are found" in notes and "--person-index takes another" in notes
    assert "a.mp4: two people cross, at frame " in notes and "may follow the other" in notes


def test_two_people_who_stay_apart(tmp_path):
    film = people(blue=lambda k: (120, 30, 22, 56), red=lambda k: (10 + k / 3, 30, 20, 50))
    report, _, middle = converted(tmp_path, seen(), a=film)
    assert abs(middle[:, 0, 0] - 131).max() < 2  # the larger
    assert "2 people" in str(report) and "cross" not in str(report)


def test_an_index_of_nobody(tmp_path):
    with pytest.raises(ValueError, match="1 people are found in a.mp4, so --person-index must"):
        converted(tmp_path, seen(), a=people(red=walking), person_index=1)


def test_somebody_who_leaves_and_comes_back(tmp_path):
    """For half a second nothing is lost, for two seconds it is."""
    hidden = lambda k: None if 20 <= k < 30 or 45 <= k < 90 else walking(k)
    report, store, _ = converted(tmp_path, seen(), fps=25, a=people(red=hidden))
    there = store.present("P")[:, 0]
    assert there[:41].all() and not there[45:90].any() and there[90:].all()
    notes = str(report)
    assert (
        "the person is not found in 9 of 21 pictures" in notes and "from frame 45, 50, 55" in notes
    )
    assert "who comes back at frame 90 is taken for the same person" in notes
    assert "the detector has no box for them" in notes


def test_a_file_of_boxes_beside_it_counts_more(tmp_path):
    (tmp_path / "in/P/clip").mkdir(parents=True)
    lines = ["frame,x,y,width,height", "0,100,40,20,20", "99,100,40,20,20"]
    (tmp_path / "in/P/clip/a.csv").write_text("\n".join(lines))
    _, _, middle = converted(tmp_path, seen(), a=people(red=walking), b=people(red=walking))
    assert (abs(middle[:, 0] - (110, 50)) <= 1).all()
    assert abs(middle[3:-3, 1, 0] - (20 + 5 * np.arange(20))[3:-3]).max() < 2


def test_followed_by_hand():
    """Two tracks, one found once only, one that comes back when the other is there."""
    one = lambda k: [10 + 3 * k, 10, 30 + 3 * k, 60]
    two = lambda k: [200.0, 20, 215, 50]
    boxes = [[one(k)] + [two(k)] * (k > 3) for k in range(12)]
    boxes[5] = [two(5)]  # missed once
    boxes[8] = [*boxes[8], [400, 400, 500, 600]]
    found = follow([np.array(b, float) for b in boxes], 0.2 * np.arange(12))
    assert len(found) == 2
    assert np.isnan(found[0][:, 0]).nonzero()[0].tolist() == [5]
    assert np.isnan(found[1][:, 0]).nonzero()[0].tolist() == [0, 1, 2, 3]
    assert (found[0][11] == one(11)).all() and (found[1][11] == two(11)).all()
    assert follow([np.zeros((0, 4))] * 3, np.arange(3)) == []


def test_smoothing_keeps_what_is_steady_and_throws_out_leaps():
    line = np.arange(30.0)[:, None] + [0, 0, 20, 50]
    wild = line.copy()
    wild[12] += 40
    assert abs(smoothed(wild) - line)[3:-3].max() < 1.2
    gap = line.copy()
    gap[10:13] = np.nan
    out = smoothed(gap)
    assert np.isnan(out[10:13]).all() and abs(out - line)[[4, 20]].max() < 0.1


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty folder of weights, and no network."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    detecting.person_detector.cache_clear()

    def closed(*arguments, **options):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", closed)
    yield tmp_path / "hub/hub/checkpoints"
    detecting.person_detector.cache_clear()


def test_weights_that_cannot_be_had(tmp_path, hub, capsys):
    write_video(tmp_path / "in/P/clip/a.mp4", people(red=walking), 25)
    line = [str(tmp_path / "in"), str(tmp_path / "store"), "--boxes", "detect"]
    assert main(line) == 1
    error = capsys.readouterr().err
    assert "error: the weights of torchvision's person detector cannot be had" in error
    assert detecting.WEIGHTS.url in error and f"into {hub}" in error and "VIEW.csv" in error
    assert "Traceback" not in error and not (tmp_path / "store").exists()


@pytest.mark.slow
def test_the_real_detector_is_loaded_and_asked(tmp_path, hub):
    """With weights of no use, but of the right shape: the answer has the right form."""
    hub.mkdir(parents=True)
    network = detecting.BUILD(weights=None, weights_backbone=None)
    torch.save(network.state_dict(), hub / detecting.WEIGHTS.url.rpartition("/")[2])
    detector = detecting.person_detector("cpu")
    assert detecting.person_detector("cpu") is detector
    pictures = [torch.randint(0, 255, (3, 120, 160), dtype=torch.uint8) for _ in range(2)]
    answers = detector(pictures)
    assert len(answers) == 2
    for boxes, scores in answers:
        assert boxes.shape == (len(scores), 4)
    with pytest.raises(ValueError, match="nobody is found"):
        converted(tmp_path, detector, a=people(red=walking))


def test_the_contact_sheet_shows_the_ends_and_the_middle(tmp_path):
    """Also of other boxes: here the whole picture is kept, once red, once blue, once neither."""
    film = people(
        red=lambda k: (0, 0, WIDE, HIGH) if k < 8 else None,
        blue=lambda k: (0, 0, WIDE, HIGH) if k > 92 else None,
    )
    write_video(tmp_path / "in/P/clip 1/a.mp4", film, 25)
    write_video(tmp_path / "in/P/clip 2/a.mp4", film[::-1], 25)
    write_video(tmp_path / "in/P/clip 2/b.mp4", film, 25)
    report = convert(tmp_path / "in", tmp_path / "s", image_size=64, fps=5, progress=False)
    assert f"pictures to look at: {tmp_path / 's/look'}" in str(report)
    assert sorted(p.name for p in (tmp_path / "s/look").iterdir()) == ["a.png", "b.png"]
    with Image.open(tmp_path / "s/look/a.png") as sheet:
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    height = pixels.shape[0] // 2
    middles = pixels[[64, 64 + height]][:, [64, 196, 328]]
    red, blue = middles[..., 0] - middles[..., 2] > 100, middles[..., 2] - middles[..., 0] > 100
    assert red.tolist() == [[True, False, False], [False, False, True]]
    assert blue.tolist() == [[False, False, True], [True, False, False]]
