"""What a player shows at a moment is what a store holds of it: films whose every picture says its
number, with the clocks and turns of real cameras.
"""

import struct

import numpy as np
import pytest
from PIL import Image

av = pytest.importorskip("av")

from data_scripts.common.crops import jpeg
from data_scripts.common.video_reader import Timing
from data_scripts.videos import convert
from mcss.data import StoreWriter, open_store
from tests.data_scripts.films import SIDE, STEADY, film, moments, picture, trim


@pytest.mark.parametrize("hidden", [7, 20])
def test_what_an_edit_list_hides_is_not_counted(tmp_path, hidden):
    """A lossless cut: packets that a player does not show lie before the begin."""
    film(tmp_path / "P/clip/whole.mp4", STEADY)
    numbers = [*[4000] * hidden, *range(75)]
    film(tmp_path / "raw.mp4", [k * 3600 for k in range(75 + hidden)], numbers, gop=40)
    trim(tmp_path / "raw.mp4", tmp_path / "P/clip/cut.mp4", hidden)
    (tmp_path / "raw.mp4").unlink()
    report, seen = moments(tmp_path, tmp_path.parent / f"s{hidden}")
    assert len(seen) == 15 and (seen == np.arange(0, 75, 5)[:, None]).all()
    assert "damaged" not in str(report)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
@pytest.mark.parametrize("offsets", [None, 1.2])
def test_sound_that_begins_before_the_pictures(tmp_path, ending, offsets):
    """The zero is the player's: number n is seen at second n / 25 in both films."""
    source = tmp_path / "in"
    film(source / f"P/clip/early.{ending}", STEADY, sound=3)
    late = [time for time in STEADY if time >= 0.8 * 90000]
    numbers = [time // 3600 for time in late]
    film(source / f"P/clip/late.{ending}", late, numbers, sound=3)
    given = {"offsets": {"early": offsets, "late": offsets}} if offsets else {}
    _, seen = moments(source, tmp_path / "store", **given)
    both = seen[(seen >= 0).all(1)]
    assert len(both) >= 9 and (both[:, 0] == both[:, 1]).all()
    assert both[0, 0] == (30 if offsets else 20)


def test_clocks_that_drift_apart_and_other_rates(tmp_path):
    """A thousandth faster, and 30 beside 25 a second: each view by its own clock."""
    long = [k * 3600 for k in range(1500)]  # a minute
    source = tmp_path / "in"
    film(source / "P/clip/a.mkv", long, [k // 25 for k in range(1500)])
    fast = [round(k * 3600 / 1.001) for k in range(1500)]
    film(source / "P/clip/b.mkv", fast, [int(t / 90000 + 1e-6) for t in fast])
    other = [k * 3000 for k in range(1800)]
    film(source / "P/clip/c.mkv", other, [k // 30 for k in range(1800)], rate=30)
    report, seen = moments(source, tmp_path / "store", fps=2)
    seen = seen[(seen >= 0).all(1)]
    middle = seen[1::2]  # half a second after each change
    assert len(middle) > 55 and (middle == middle[:, :1]).all()
    assert "different rates (a 25, b 25" in str(report) and "c 30 frames a second)" in str(report)


def phone(seconds, slow):
    """Times of a telephone's pictures, in ticks: 25 a second, and from `slow` seconds on 17."""
    times = [k * 3600 for k in range(int(25 * slow))]
    return times + [
        times[-1] + round(90000 / 17 * (k + 1)) for k in range(int(17 * (seconds - slow)))
    ]


@pytest.mark.parametrize("repeat", [(), (11,), (20, 60)])
def test_a_rate_that_falls_and_times_that_repeat(tmp_path, repeat):
    """Each picture of the telephone says the moment that it shows, in frames of the steady one; and
    where that is not known, it is not stored.
    """
    source = tmp_path / "in"
    film(source / "P/clip/even.mkv", [k * 3600 for k in range(150)])
    times = phone(6, 2)
    film(source / "P/clip/phone.mkv", times, [round(t / 3600) for t in times], repeat=repeat)
    report, seen = moments(source, tmp_path / "store")
    both = seen[(seen >= 0).all(1)]
    assert len(seen) == 30 and (both[:, 0] == both[:, 1]).all()
    assert 22 <= len(both) < 30  # of 17 a second, two thirds lie within half a frame of 25
    notes = str(report)
    assert "different rates (even 25, phone" in notes and "slower, as telephones do" in notes
    assert ("bear the time of another" in notes) == bool(repeat)
    assert "damaged" not in notes


def test_of_two_pictures_at_one_time_none_is_stored(tmp_path):
    source = tmp_path / "in"
    film(source / "P/clip/a.mkv", STEADY)
    film(source / "P/clip/b.mkv", STEADY, repeat=(11, 41))
    report, seen = moments(source, tmp_path / "store", fps=25)
    assert (seen[:, 0] == np.arange(75)).all()
    missing = [10, 11, 40, 41]
    assert (seen[:, 1] == np.where(np.isin(np.arange(75), missing), -1, np.arange(75))).all()
    assert "view b: 4 frames of b.mkv bear the time of another" in str(report)


def test_nearest_by_hand():
    clock = lambda *times: Timing(np.array(times, float), np.arange(len(times)), 0.0)
    steady = clock(0.0, 0.1, 0.2, 0.3, 0.6, 0.7, 0.7, 0.8)
    asked = [-0.2, -0.04, 0.0, 0.149, 0.151, 0.153, 0.26, 0.4, 0.56, 0.71, 0.79, 0.86]
    # half way the earlier one, whatever the rounding; nothing in the gap, nor of the twins at 0.7
    assert steady.nearest(asked).tolist() == [-1, 0, -1, 1, -1, 2, 3, -1, 4, -1, 7, -1]
    assert clock(0.5).nearest([0.5, 3.0]).tolist() == [0, -1]
    assert steady.step == pytest.approx(0.1) and steady.numbers.tolist() == [0, 1, 2, 3, 6, 7, 7, 8]
    assert steady.frames == 9 and steady.rate == pytest.approx(10)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_views_half_a_frame_apart_take_the_same_side(tmp_path, ending):
    """Each instant lies half way between two pictures of both, but for rounding."""
    source = tmp_path / "in"
    for view in "ab":
        film(source / f"P/clip/{view}.{ending}", STEADY)
    shifts = {"a": 0.02, "b": 0.14}  # half a frame, and three more
    _, seen = moments(source, tmp_path / "store", offsets=shifts, fps=25)
    both = seen[(seen >= 0).all(1)]
    assert len(both) > 65 and (both[:, 1] - both[:, 0] == 3).all()


def test_what_a_camera_lost_is_not_called_damaged(tmp_path):
    source = tmp_path / "in"
    film(source / "P/clip/a.mp4", STEADY)
    kept = [k for k in range(75) if not 20 < k < 32]
    film(source / "P/clip/b.mp4", [k * 3600 for k in kept], kept)
    report, seen = moments(source, tmp_path / "store")
    assert seen[:, 0].tolist() == [*range(0, 75, 5)]
    assert [a for a, b in seen if b < 0] == [25, 30] and (seen[:, 1] == seen[:, 0]).sum() == 13
    assert "view b: 2 of 15 frames are without it" in str(report)
    assert "lost some" in str(report) and "damaged" not in str(report)


@pytest.mark.parametrize("repeat", [(), (7,)])
def test_a_header_that_claims_600_frames_a_second(tmp_path, repeat):
    source = tmp_path / "in"
    film(source / "P/clip/a.mkv", STEADY)
    film(source / "P/clip/b.mkv", STEADY, rate=600, repeat=repeat)
    assert av.open(str(source / "P/clip/b.mkv")).streams.video[0].average_rate > 500
    _, seen = moments(source, tmp_path / "store")
    assert len(seen) == 15 and (seen[:, 0] == seen[:, 1]).all()


def test_a_rate_that_only_a_header_claims(tmp_path):
    film(tmp_path / "in/P/clip/a.avi", [k * 150 for k in range(60)], rate=600)
    film(tmp_path / "in/P/clip/b.avi", [k * 3600 for k in range(60)])
    report, seen = moments(tmp_path / "in", tmp_path / "store")
    assert (seen[:, 0] == -1).all() and seen[:, 1].tolist() == [*range(0, 60, 5)]
    assert "a.avi says 600 frames a second and holds no times" in str(report)
    assert "ffmpeg -r" in str(report)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_film_that_does_not_begin_at_zero(tmp_path, ending):
    """It has no sound either, so a player begins with its first picture; and that is said."""
    film(tmp_path / f"in/P/clip/a.{ending}", STEADY)
    film(tmp_path / f"in/P/clip/b.{ending}", [time + 40000 for time in STEADY])
    report, seen = moments(tmp_path / "in", tmp_path / "store")
    assert (seen[:, 0] == seen[:, 1]).all()
    (note,) = [note for note in report.notes if "second 0" in note]
    assert "view b: the times of b" in note and "0.444 s" in note


def test_an_avi_file_that_is_cut_off(tmp_path):
    source = tmp_path / "in"
    film(source / "P/clip/a.avi", [k * 3600 for k in range(75)])
    film(source / "P/clip/b.avi", [k * 3600 for k in range(75)])
    report, seen = moments(source, tmp_path / "store")
    assert (seen[:, 0] == np.arange(0, 75, 5)).all() and "cut off" not in str(report)
    path = source / "P/clip/b.avi"
    with av.open(str(path)) as video:
        middle = [packet.pos for packet in video.demux(video=0) if packet.size][40]
    path.write_bytes(path.read_bytes()[:middle])
    report, seen = moments(source, tmp_path / "store2")
    there = seen[:, 1] >= 0
    assert there.sum() == 8 and (seen[there, 0] == seen[there, 1]).all()
    assert "view b: b.avi is cut off: its header counts" in str(report)


def test_a_file_of_two_films(tmp_path):
    film(tmp_path / "in/P/clip/a.mp4", STEADY, second=True)
    report, seen = moments(tmp_path / "in", tmp_path / "store")
    assert (seen[:, 0] == np.arange(0, 75, 5)).all()
    assert "a.mp4 holds 2 films, and one of them is taken" in str(report)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_cover_picture_is_no_film(tmp_path, ending):
    source = tmp_path / "in"
    film(source / f"P/clip/plain.{ending}", STEADY)
    film(source / f"P/clip/cover.{ending}", STEADY, cover=True)
    streams = av.open(str(source / f"P/clip/cover.{ending}")).streams.video
    assert streams[ending == "mp4"].width == 320  # before the film in one of them
    _, seen = moments(source, tmp_path / "store")
    assert len(seen) == 15 and (seen[:, 0] == seen[:, 1]).all()


@pytest.mark.parametrize(
    "names", [("GX010031", "GX020031"), ("GOPR0007", "GP010007"), ("GH010400", "GH020400")]
)
def test_chapters_of_one_recording_are_no_two_views(tmp_path, names):
    for name in names:
        film(tmp_path / f"in/P/clip/{name}.mp4", STEADY[:20])
    with pytest.raises(ValueError, match="are chapters of one camera's recording.*concat"):
        moments(tmp_path / "in", tmp_path / "store")


@pytest.mark.parametrize("goes_on", [True, False])
@pytest.mark.parametrize("names", [("left-01", "left-02"), ("DJI_0099", "DJI_0100")])
def test_a_recording_that_goes_on_in_another_file(tmp_path, names, goes_on):
    """Whatever it is called: one begins as the other ends. Cameras that stand apart do not."""
    source = tmp_path / "in/P/clip"
    film(source / f"{names[0]}.mp4", STEADY[:20], [1000] * 20)
    film(source / f"{names[1]}.mp4", STEADY[:20], [1000 if goes_on else 2730] * 20)
    film(source / "other.mp4", STEADY[:20], [1000] * 20)
    if goes_on:
        with pytest.raises(ValueError, match=f"{names[0]}.mp4, {names[1]}.mp4 .*chapters.*concat"):
            moments(tmp_path / "in", tmp_path / "store")
    else:
        assert moments(tmp_path / "in", tmp_path / "store")[1].shape == (4, 3)


def test_other_clips_stay_where_one_has_chapters(tmp_path):
    for name in ("one/GX010031", "one/GX020031", "two/GX010032", "two/GX010533"):
        film(tmp_path / f"in/P/{name}.MP4", STEADY[:20])
    report, seen = moments(tmp_path / "in", tmp_path / "store")
    assert len(seen) == 4 and "P/one is left out" in str(report)
    assert [c.source for c in open_store(report.path).clips("P")] == ["two"]


U = 1 << 16
MATRICES = {  # a, b, c, d of the display matrix, and what is shown
    "mirrored": ((-U, 0, 0, U), lambda p: p[:, ::-1]),
    "upside down": ((-U, 0, 0, -U), lambda p: p[::-1, ::-1]),
    "flipped": ((U, 0, 0, -U), lambda p: p[::-1]),
    "clockwise": ((0, U, -U, 0), lambda p: np.rot90(p, -1)),
    "counter-clockwise": ((0, -U, U, 0), lambda p: np.rot90(p)),
    "turned and mirrored": ((0, U, U, 0), lambda p: p.T),
    "turned and mirrored the other way": ((0, -U, -U, 0), lambda p: np.rot90(p, 2).T),
}


@pytest.mark.parametrize("name", MATRICES)
def test_as_a_player_shows_it(tmp_path, name):
    (a, b, c, d), shown = MATRICES[name]
    path = tmp_path / "in/P/clip/a.mp4"
    film(path, STEADY[:20], [1234] * 20)
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(content))
    report = convert(tmp_path / "in", tmp_path / "store", image_size=SIDE, fps=5, progress=False)
    told = "asks to be shown mirrored" in str(report)
    assert told == (a * d - b * c < 0)
    image = open_store(report.path).images("P", [1], [0])[0].float().mean(0).numpy()
    assert np.abs(image - shown(picture(1234))).mean() < 12
    assert np.abs(image - picture(1234)).mean() > 25


def test_two_trials_of_one_person(tmp_path):
    for trial in ("Trial_1", "Trial_2"):
        for view in "ab":
            film(tmp_path / f"in/{trial}/videos/{view}.mp4", STEADY[:20])
    report = convert(tmp_path / "in", tmp_path / "two", image_size=32, fps=5, progress=False)
    assert "taken for 2 people (Trial_1, Trial_2)" in str(report)
    report = convert(
        tmp_path / "in", tmp_path / "one", image_size=32, fps=5, person="Max", progress=False
    )
    store = open_store(report.path)
    assert store.subjects == ["Max"] and "taken for" not in str(report)
    assert [c.source for c in store.clips("Max")] == ["Trial_1 videos", "Trial_2 videos"]


def test_pixels_that_are_not_square_are_said(tmp_path):
    film(tmp_path / "in/P/clip/a.mp4", STEADY[:10], pixel="4/3")
    assert "shows a.mp4 1.33 times as wide" in str(moments(tmp_path / "in", tmp_path / "store")[0])


@pytest.mark.parametrize("names, told", [
    (("Ada", "Ben"), False), (("session 1", "session 2"), True), (("2026-03-04", "Ada"), True),
    (("Clipperton", "Camille"), False),
])  # fmt: skip
def test_folders_that_are_called_like_takes(tmp_path, names, told):
    for name in names:
        for view in "ab":
            film(tmp_path / f"in/{name}/walk/{view}.mp4", STEADY[:10])
    report = convert(tmp_path / "in", tmp_path / "store", image_size=32, fps=5, progress=False)
    assert ("--person" in str(report)) == told
    assert sorted(open_store(report.path).subjects) == sorted(names)


def test_a_store_of_an_earlier_reader_is_not_gone_on_with(tmp_path):
    """It counted frames, and may be out of step."""
    film(tmp_path / "in/P/clip/a.mp4", STEADY[:10])
    header = dict(
        name="in",
        licence="your own: the people in it decide what may be done with it",
        source="own videos",
        fps=5,
    )
    header["recipe"] = {"converter": "videos", "fps": 5.0, "offsets": {}}
    with StoreWriter(tmp_path / "s", views=["a"], image_size=32, **header) as writer:
        image = jpeg(Image.new("RGB", (32, 32)))
        writer.add("P", "clip", "clip", [{"pose": None, "images": [image]}])
        writer.finish({"train": {"subjects": ["P"], "views": None, "frames": None}})
    with pytest.raises(ValueError, match="recipe: times None there"):
        convert(tmp_path / "in", tmp_path / "s", image_size=32, fps=5, progress=False)
