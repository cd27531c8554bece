"""When films that were started by hand show the same moment: by their sound, or by how much moves.

Of each film a signal is made: how much louder each moment is than the one before, or how much one
picture differs from the one before. Two films of one scene have the same signal, shifted; where the
correlation of the two is highest is their offset. How much higher it is there than at the next best
shift is the confidence, and below `LEAST` nothing is believed.
"""

from itertools import combinations
from typing import NamedTuple

import av
import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d
from scipy.signal import correlate
from tqdm import tqdm

from .alignment import view_of
from .video_reader import decoded

STEP = 0.005  # seconds between two values of a signal
LEAST = 2.0  # times as high as the next best must a correlation be; of unlike films it is to 1.8
SHORTEST = 1.0  # seconds that two films must share
RATE = 8000  # samples of sound a second: claps and speech need no more
LOOK = 80  # pixels of width, to which pictures are made small to be compared
AROUND = {"sound": 0.1, "motion": 0.3}  # seconds of a peak, where no other one is sought


class Signal(NamedTuple):
    """Values `(n,)`, `STEP` seconds apart, of which the first belongs to second `start` of the
    film, as a player counts.
    """

    start: float
    values: np.ndarray


def find_offsets(clocks, how, given, notes, progress=True):
    """`{view: seconds}`: this second of each film shows second 0 of the clip.

    clocks: `{video: Timing}`, at least two. how: 'sound' or 'motion'. given: `{view: seconds}` of
    those that are known; then the clip's second 0 is theirs, else that of the film that was started
    last. Films that do not fit the others are taken out of `clocks`, and noted. Raises `ValueError`
    if no two fit, or if they contradict each other.
    """
    signals = {}
    for path, clock in clocks.items():
        try:
            signals[path] = SIGNALS[how](path, clock, progress)
        except ValueError as error:
            notes.append(f"view {view_of(path)}: {error}")
    pairs = {pair: shift(*(signals[p] for p in pair), how) for pair in combinations(signals, 2)}
    found, sure = _joined(clocks, pairs)
    remedy = (
        f"give its offset, as --offset {{}}=SECONDS, or try --sync"
        f" {'motion' if how == 'sound' else 'sound'}"
    )
    lost = [path for path in clocks if path not in found and view_of(path) not in given]
    if len(found) < 2 or len(clocks) - len(lost) < 2:
        best = max((confidence for _, confidence in pairs.values()), default=0.0)
        names = ", ".join(map(view_of, clocks))
        raise ValueError(
            f"by their {how} it cannot be said how its videos lie in time ({names}; confidence"
            f" {best:.2f}, {LEAST:g} is needed): {remedy.format('VIEW')}"
        )
    step = max(clock.step for clock in clocks.values())
    for (one, two), (seconds, confidence) in pairs.items():
        apart = found.get(two, np.nan) - found.get(one, np.nan) - seconds
        if confidence >= LEAST and abs(apart) > 1.5 * step:
            raise ValueError(
                f"by their {how} its videos contradict each other: {view_of(one)} and"
                f" {view_of(two)} differ by {abs(apart):.3g} s from what the others say. Do their"
                f" clocks drift, or is one cut? {remedy.format(view_of(two))}"
            )
    for path in lost:
        del clocks[path]
        notes.append(
            f"view {view_of(path)}: left out: its {how} does not say how it lies in time (below the"
            f" confidence {LEAST:g}): {remedy.format(view_of(path))}"
        )
    offsets = {view_of(path): seconds for path, seconds in found.items()}
    known = [given[view] - offsets[view] for view in offsets if view in given]
    if not known and any(view_of(path) in given for path in clocks):
        names = ", ".join(offsets)
        raise ValueError(
            f"by their {how} {names} fit each other, but the given offsets are of other views: give"
            f" that of one of these too, as --offset {next(iter(offsets))}=SECONDS"
        )
    zero = np.median(known) if known else -min(offsets.values())
    offsets = {view: seconds + float(zero) for view, seconds in offsets.items()}
    notes += [
        f"view {view}: its offset is given as {given[view]:g} s, its {how} says {seconds:.3f} s"
        for view, seconds in offsets.items()
        if abs(given.get(view, seconds) - seconds) > step
    ]
    listed = ", ".join(f"{view} {seconds:.3f}" for view, seconds in offsets.items())
    notes.append(f"offsets found by {how}: {listed} s (confidence {sure:.2f}, at least {LEAST:g})")
    return offsets | given


def _joined(paths, pairs):
    """The offsets `{video: seconds}` of the largest group that confident pairs join, the surest
    pairs first, and the least confidence among those.
    """
    groups = [{path: 0.0} for path in paths]
    least = {}
    for (one, two), (seconds, confidence) in sorted(pairs.items(), key=lambda pair: -pair[1][1]):
        (left,), (right,) = ([g for g in groups if path in g] for path in (one, two))
        if confidence >= LEAST and left is not right:
            groups.remove(right)
            moved = left[one] + seconds - right[two]
            left |= {path: place + moved for path, place in right.items()}
            least[id(left)] = confidence
    largest = max(groups, key=len)
    return largest, least.get(id(largest), 0.0)


def shift(one, two, how):
    """(seconds, confidence): two shows at its second t + seconds what one shows at t.

    one, two: `Signal`s. The correlation is that of what both show, times the root of its length: a
    short piece is alike by chance more easily. The confidence is 0 if they are too short.
    """
    a, b = ((s.values - s.values.mean()) / (s.values.std() or 1) for s in (one, two))
    product = correlate(b, a, method="fft")
    power = correlate(b**2, np.ones_like(a), method="fft") * correlate(
        np.ones_like(b), a**2, method="fft"
    )
    lags = np.arange(1 - len(a), len(b))
    common = np.minimum(len(a) + lags.clip(max=0), len(b) - lags.clip(min=0))
    common = np.minimum(common, min(len(a), len(b)))
    enough = max(SHORTEST / STEP, 0.3 * min(len(a), len(b)))
    score = product / np.sqrt(power.clip(min=1e-6)) * np.sqrt(common)
    score[common < enough] = 0
    best = int(score.argmax())
    far = abs(lags - lags[best]) > AROUND[how] / STEP
    other = max(score[far].max(initial=0), 1e-6)
    if not score[best] > 0 or not far.any():
        return 0.0, 0.0
    place = lags[best] + _top(score[max(0, best - 1) : best + 2])
    return float(two.start - one.start + STEP * place), float(score[best] / other)


def _top(three):
    """Where the top of a parabola through three neighbours lies, -0.5 to 0.5 from the middle."""
    if len(three) < 3 or not (bend := three[0] - 2 * three[1] + three[2]):
        return 0.0
    return float(np.clip((three[0] - three[2]) / (2 * bend), -0.5, 0.5))


def sound(path, clock, progress=True):
    """The `Signal` of a film's sound: by how much it becomes louder, as a logarithm."""
    samples, begin, count = [], None, 0
    with av.open(str(path)) as container:
        if not container.streams.audio:
            raise ValueError(f"{path.name} has no sound")
        resampler = av.AudioResampler("flt", "mono", RATE)
        try:
            for frame in container.decode(audio=0):
                time = float((frame.pts or 0) * frame.time_base) - clock.begin
                begin = time if begin is None else begin
                # what the recording lacks is silent here, so that nothing after it is too early
                lacking = round((time - begin) * RATE) - count
                if lacking > 0.1 * RATE:
                    samples.append(np.zeros(lacking, np.float32))
                    count += lacking
                frame.pts = None  # the resampler would fill gaps in a way of its own
                for part in resampler.resample(frame):
                    samples.append(part.to_ndarray()[0])
                    count += len(samples[-1])
        except (av.FFmpegError, OSError):  # cut off
            pass
    if not samples:
        raise ValueError(f"{path.name} has a sound track, but nothing in it")
    return louder(np.concatenate(samples), begin, path.name)


def louder(samples, begin, name="it"):
    """The `Signal` of samples `(n,)`, `RATE` a second, of which the first is heard at second
    `begin`.
    """
    hop = round(STEP * RATE)
    power = (samples[: len(samples) // hop * hop].reshape(-1, hop) ** 2).mean(1)
    if not len(power) or power.max() < 1e-9:
        raise ValueError(f"{name} has a sound track, but it is silent")
    power = uniform_filter1d(power, 3)
    loudness = np.log(power + 0.01 * power.mean())
    return Signal(begin, np.diff(loudness, prepend=loudness[0]).clip(min=0))


def motion(path, clock, progress=True):
    """The `Signal` of how much moves in a film, as a logarithm; at its own times."""
    times, amounts, before = [], [], None
    bar = tqdm(decoded(path), f"motion in {path.name}", len(clock.times), leave=False,
               disable=not progress, unit="frame")  # fmt: skip
    for position, frame in bar:
        small = frame.reformat(LOOK, max(1, round(LOOK * frame.height / frame.width)), "gray")
        now, time = small.to_ndarray().astype(np.float32), clock.times[position]
        if before is not None and time > before[1]:
            times.append((time + before[1]) / 2)
            amounts.append(abs(now - before[0]).mean() / (time - before[1]))
        before = now, time
    return livelier(np.array(times), np.array(amounts), path.name)


def livelier(times, amounts, name="it"):
    """The `Signal` of how much moves `(n,)` at these times `(n,)`."""
    if len(times) < 3 or not np.ptp(amounts):
        raise ValueError(f"nothing moves in {name}")
    amounts = median_filter(amounts, 3)  # a key frame looks as if all had moved
    amounts = np.log(amounts + 0.1 * np.mean(amounts))
    values = np.interp(np.arange(times[0], times[-1], STEP), times, amounts)
    slow = uniform_filter1d(values, round(2 / STEP))  # how busy the scene is as a whole
    return Signal(times[0], values - slow)


SIGNALS = {"sound": sound, "motion": motion}
