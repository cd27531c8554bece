"""Films that were started by hand, by known amounts: what is heard or moves says by how much."""

import re

import numpy as np
import pytest
from scipy.signal import resample_poly

pytest.importorskip("av")

from data_scripts.common import sync
from data_scripts.videos import main
from mcss.data import open_store
from tests.data_scripts.films import film, moments, trim

SECOND = 48000


def room(seed=0, seconds=20):
    """What is to be heard in a room: steps, words and things that fall, at random moments."""
    rng, n = np.random.default_rng(seed), SECOND * seconds
    heard = np.zeros(n + SECOND)
    for at in rng.integers(0, n, 3 * seconds):
        length = int(rng.uniform(0.02, 0.3) * SECOND)
        burst = rng.normal(size=length) * np.exp(-np.arange(length) / (0.3 * length))
        heard[at : at + length] += rng.uniform(0.1, 1) * burst
    return 0.2 * heard[:n]


def microphone(heard, seed):
    """The same at another place: fainter, with an echo and a noise of its own."""
    rng = np.random.default_rng(seed)
    echo = np.zeros_like(heard)
    echo[4000:] = heard[:-4000]
    return rng.uniform(0.2, 1) * (heard + 0.4 * echo) + 0.004 * rng.normal(size=len(heard))


def filmed(path, begin, seconds=8.0, heard=None, seed=1, rate=25, numbers=None):
    """A film of the room from second `begin` on; its pictures say the 25th of a second."""
    times = [round(k * 90000 / rate) for k in range(int(seconds * rate))]
    numbers = numbers or [round((begin + t / 90000) * 25) for t in times]
    if heard is not None:
        first = round(begin * SECOND)
        heard = microphone(heard, seed)[first : first + int(seconds * SECOND)]
    film(path, times, numbers, rate=rate, sound=heard)


def in_step(seen, least):
    both = seen[(seen >= 0).all(1)]
    return len(both) >= least and (both == both[:, :1]).all()


@pytest.mark.parametrize("begins, ending", [((0, 1.48, 3.2), "mp4"), ((2.6, 0, 0.04), "mkv")])
def test_by_sound(tmp_path, begins, ending):
    for k, begin in enumerate(begins):
        filmed(tmp_path / f"in/P/clip/{'abc'[k]}.{ending}", begin, heard=room(), seed=k)
    report, seen = moments(tmp_path / "in", tmp_path / "store", sync="sound")
    assert in_step(seen, 20) and "offsets found by sound: a" in str(report)
    assert "no offsets are given" not in str(report)
    (note,) = [note for note in report.notes if "found by sound" in note]
    for view, begin in zip("abc", begins):
        assert abs(offset_in(note, view) - (max(begins) - begin)) < 0.02


def offset_in(note, view):
    return float(re.search(rf"[ :]{view} (-?[0-9.]+)", note)[1])


def scene(seed=0, count=500):
    """Numbers of pictures, one a 25th of a second: 12 things, each of which moves now and then, all
    of them more in busy moments.
    """
    rng = np.random.default_rng(seed)
    busy = np.convolve(rng.normal(size=count + 8), np.ones(9) / 3, "valid")
    flips = rng.random((count, 12)) < 1 / (1 + np.exp(2 - 1.5 * busy))[:, None]
    return (np.cumsum(flips, 0) % 2) @ (1 << np.arange(12))


#: Which of the 12 things two cameras see; both see those of BOTH.
ONE, TWO, BOTH = 0b111111110000, 0b000011111111, 0b000011110000


def moving(path, begin, mask, seed=0, seconds=16):
    numbers = scene(seed)[round(begin * 25) : round((begin + seconds) * 25)] & mask
    film(path, [k * 3600 for k in range(len(numbers))], numbers.tolist())


def test_by_motion_from_two_sides(tmp_path):
    """One of them counts what a player shows: an edit list hides its begin."""
    moving(tmp_path / "raw.mp4", 1, TWO)
    trim(tmp_path / "raw.mp4", tmp_path / "in/P/clip/b.mp4", 15)  # begins at 1.6
    moving(tmp_path / "in/P/clip/a.mp4", 0, ONE)
    report, seen = moments(tmp_path / "in", tmp_path / "store", sync="motion", fps=25)
    assert in_step(np.where(seen < 0, -1, seen & BOTH), 300), str(report)
    (note,) = [note for note in report.notes if "found by motion" in note]
    assert abs(offset_in(note, "a") - 1.6) < 0.02 and offset_in(note, "b") == 0


def signals(how, seed, other, begin, seconds):
    """Two signals, the second from `begin` on, of scene `seed` and of scene `other`."""
    if how == "sound":
        heard = [microphone(room(s, seconds + 4), 7 * s + k) for k, s in enumerate((seed, other))]
        cut = [heard[0], heard[1][round(begin * SECOND) :]]
        return [sync.louder(resample_poly(h[: seconds * SECOND], 1, 6), 0.0) for h in cut]
    both = []
    for from_, mask, of in ((0, ONE, seed), (begin, TWO, other)):
        numbers = scene(of, 25 * (seconds + 4))[round(from_ * 25) :][: seconds * 25] & mask
        amount = np.bitwise_count(numbers[1:] ^ numbers[:-1]) + np.float64(0.2)
        both.append(sync.livelier((np.arange(len(amount)) + 0.5) / 25, amount))
    return both


@pytest.mark.parametrize("how, seconds", [("sound", 10), ("motion", 30)])
def test_shifts_are_found_to_a_frame_and_what_is_unlike_is_never_believed(how, seconds):
    for seed, begin in enumerate((0.0, 0.04, 1.2, 3.16)):
        found, confidence = sync.shift(*signals(how, seed, seed, begin, seconds), how)
        assert abs(found + begin) < 0.02 and confidence > sync.LEAST
        assert sync.shift(*signals(how, seed, seed + 50, begin, seconds), how)[1] < sync.LEAST


def test_other_rates_and_clocks(tmp_path):
    """30 beside 25 a second, and a film of which an edit list hides the begin."""
    heard = room(3)
    filmed(tmp_path / "in/P/clip/a.mp4", 0, heard=heard)
    filmed(tmp_path / "in/P/clip/b.mp4", 1.4, heard=heard, rate=30)
    report, seen = moments(tmp_path / "in", tmp_path / "store", sync="sound", fps=5)
    both = seen[(seen >= 0).all(1)]
    assert len(both) > 25 and abs(both[:, 0] - both[:, 1]).max() <= 1
    assert abs((both[:, 0] - both[:, 1]).mean()) < 0.5


def test_given_offsets_stay_and_the_rest_is_found(tmp_path):
    """The clip's second 0 is that of the given one; one that is given wrongly is said."""
    for view, begin in zip("abc", (0, 1.2, 2.0)):
        filmed(tmp_path / f"in/P/clip/{view}.mp4", begin, heard=room(), seed=ord(view))
    _, seen = moments(tmp_path / "in", tmp_path / "store", sync="sound", offsets={"b": 2.0}, fps=25)
    assert in_step(seen, 80) and seen[0].tolist() == [80, 80, 80]  # 3.2 s after a's begin
    given = {"a": 2.0, "b": 0.8, "c": 0.4}
    report, seen = moments(tmp_path / "in", tmp_path / "all", sync="sound", offsets=given)
    assert "found by sound" not in str(report)  # nothing was missing
    (tmp_path / "in/P/clip/offsets.csv").write_text("view,seconds\na,2.0\nb,1.1\n")
    report, seen = moments(tmp_path / "in", tmp_path / "wrong", sync="sound")
    assert "view b: its offset is given as 1.1 s, its sound says 0.9" in str(report)


def test_films_of_other_rooms_are_refused(tmp_path, capsys):
    filmed(tmp_path / "in/P/clip/a.mp4", 0, heard=room(1), seed=1)
    filmed(tmp_path / "in/P/clip/b.mp4", 1, heard=room(2), seed=2)
    line = [str(tmp_path / "in"), str(tmp_path / "store"), "--image-size", "32", "--fps", "5"]
    assert main([*line, "--sync", "sound"]) == 1
    error = capsys.readouterr().err
    assert "by their sound it cannot be said how its videos lie in time (a, b; confiden" in error
    assert "give its offset, as --offset VIEW=SECONDS, or try --sync motion" in error
    assert not (tmp_path / "store/dataset.json").exists()


def test_one_that_does_not_fit_is_left_out_unless_its_offset_is_given(tmp_path):
    for view, begin in zip("ab", (0, 0.8)):
        filmed(tmp_path / f"in/P/clip/{view}.mp4", begin, heard=room(), seed=ord(view))
    filmed(tmp_path / "in/P/clip/dumb.mp4", 1.2)
    filmed(tmp_path / "in/P/clip/silent.mp4", 1.2, heard=np.zeros(20 * SECOND))
    report, seen = moments(tmp_path / "in", tmp_path / "store", sync="sound")
    assert in_step(seen[:, :2], 20) and (seen[:, 2] == -1).all()
    notes = str(report)
    assert "dumb.mp4 has no sound" in notes and "view dumb: left out: its sound" in notes
    assert "--offset dumb=SECONDS, or try --sync motion" in notes
    given = {"a": 1.2, "dumb": 0.0, "silent": 0.0}
    _, seen = moments(tmp_path / "in", tmp_path / "given", sync="sound", offsets=given)
    assert in_step(seen, 20)


def test_steps_that_repeat_are_refused():
    """Somebody marches: each step fits each other one as well."""
    times = np.arange(0, 20, 0.04)
    march = [sync.livelier(times, 1 + np.sin(2 * np.pi * (times + at)) ** 4) for at in (0, 0.3)]
    assert sync.shift(*march, "motion")[1] < sync.LEAST


def test_a_picture_that_stands_still(tmp_path):
    for view in "ab":
        film(tmp_path / f"in/P/clip/{view}.mp4", [k * 3600 for k in range(50)], [7] * 50)
    with pytest.raises(ValueError, match="--sync sound"):
        moments(tmp_path / "in", tmp_path / "s", sync="motion")


class Clock:
    step = 0.04


class Film:
    def __init__(self, name):
        self.stem = name
        self.name = name + ".mp4"


@pytest.mark.parametrize("wrong", [0.0, 0.03, 0.5])
def test_views_that_contradict_each_other(monkeypatch, wrong):
    """Three pairs of three films close a circle."""
    a, b, c = map(Film, "abc")
    pairs = {"ab": (1.0, 5.0), "bc": (2.0, 4.0), "ac": (3.0 + wrong, 3.0)}
    monkeypatch.setitem(sync.SIGNALS, "sound", lambda path, clock, progress: path.stem)
    monkeypatch.setattr(sync, "shift", lambda one, two, how: pairs[one + two])
    call = lambda: sync.find_offsets({a: Clock, b: Clock, c: Clock}, "sound", {}, [])
    if wrong > 0.1:
        with pytest.raises(ValueError, match="a and c differ by 0.5 s from what the others say"):
            call()
    else:
        assert call() == {"a": 0, "b": 1, "c": 3}


def test_two_pairs_that_nothing_joins(monkeypatch):
    """The larger group stays; where there is none, the surest pair."""
    films = list(map(Film, "abcde"))
    sure = {"ab": (1.0, 5.0), "bc": (1.0, 5.0), "de": (-1.0, 9.0)}
    monkeypatch.setitem(sync.SIGNALS, "sound", lambda path, clock, progress: path.stem)
    monkeypatch.setattr(sync, "shift", lambda one, two, how: sure.get(one + two, (7.0, 1.1)))
    clocks, notes = dict.fromkeys(films, Clock), []
    assert sync.find_offsets(clocks, "sound", {}, notes) == {"a": 0, "b": 1, "c": 2}
    assert list(clocks) == films[:3] and sum("left out" in note for note in notes) == 2


def test_an_offset_of_a_view_that_nothing_joins(monkeypatch):
    """Where its second 0 lies for the others, nobody knows."""
    a, b, c = map(Film, "abc")
    monkeypatch.setitem(sync.SIGNALS, "sound", lambda path, clock, progress: path.stem)
    pairs = {"ab": (1.0, 5.0)}
    monkeypatch.setattr(sync, "shift", lambda one, two, how: pairs.get(one + two, (0.0, 1.0)))
    call = lambda given: sync.find_offsets(dict.fromkeys((a, b, c), Clock), "sound", given, [])
    with pytest.raises(
        ValueError, match="a, b fit each other, but the given .* --offset a=SECONDS"
    ):
        call({"c": 4.0})
    assert call({"c": 4.0, "b": 3.0}) == {"a": 2.0, "b": 3.0, "c": 4.0}


def test_the_found_offsets_are_of_the_recipe(tmp_path):
    for view, begin in zip("ab", (0, 0.8)):
        filmed(tmp_path / f"in/P/clip/{view}.mp4", begin, heard=room(), seed=ord(view))
    report, _ = moments(tmp_path / "in", tmp_path / "store", sync="sound")
    assert open_store(report.path).recipe["sync"] == "sound"
    again, _ = moments(tmp_path / "in", tmp_path / "store", sync="sound")
    assert str(again) == str(report)
    with pytest.raises(ValueError, match="other settings"):
        moments(tmp_path / "in", tmp_path / "store")
