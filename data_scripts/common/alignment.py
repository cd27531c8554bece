"""Several videos of one clip: which picture of each shows which moment.

Each video runs by its own times, as a player shows them; nothing is counted in frames.
"""

import unicodedata

import numpy as np

from .video_reader import FASTEST, ROUNDED


def composed(name):
    """A name with each umlaut as one character: macOS writes them as two."""
    return unicodedata.normalize("NFC", name)


def view_of(path):
    """The name of the view that a video shows."""
    return composed(path.stem)


def doubts(path, clock):
    """What is doubtful of a video's `Timing`, a list of notes."""
    notes = []
    name, rate = path.name, 1 / clock.step
    if rate > FASTEST:
        notes.append(
            f"{name} shows {rate:.4g} frames a second: if it was filmed slower, write it again"
        )
    if clock.claimed:
        notes.append(
            f"{name} is cut off: its header counts {clock.claimed} frames, and"
            f" the last is at {clock.times[-1]:.4g} s"
        )
    if clock.begin > 0.02:
        notes.append(
            f"the times of {name} begin with {clock.begin:.4g} s, and that is"
            " taken for its second 0, as most players do"
        )
    if clock.films > 1:
        notes.append(
            f"{name} holds {clock.films} films, and one of them is taken: write"
            " the one that you mean to a file of its own, as with ffmpeg -i IN -map 0:v:0 OUT"
        )
    if abs(clock.pixel - 1) > 0.01:
        notes.append(
            f"a player shows {name} {clock.pixel:.3g} times as wide as its"
            " pixels say, and it is stored narrow: write it again, as with ffmpeg -i IN -vf"
            " scale=iw*sar:ih,setsar=1 OUT"
        )
    if clock.repeated.any():
        notes.append(
            f"{clock.repeated.sum()} frames of {name} bear the time of another,"
            " so their own moment is not known, and they are not used"
        )
    return [f"view {view_of(path)}: {note}" for note in notes]


def align(clocks, seconds, fps, notes):
    """`{video: positions of its pictures (T,)}` at the T instants of a clip that are stored, -1
    where it shows none, for the videos that share moments with others. Raises `ValueError` if there
    are none.
    """
    # The clip's second 0 is second `offset` of a video. Counted from there, the video runs from
    # `begin` to `end`; what lies before second 0 is not used.
    offset = {path: seconds.get(view_of(path), 0.0) for path in clocks}
    begin = {path: max(0.0, clock.times[0] - offset[path]) for path, clock in clocks.items()}
    end = {path: clock.times[-1] - offset[path] for path, clock in clocks.items()}
    spans = ", ".join(f"{view_of(path)} {begin[path]:.4g} to {end[path]:.4g} s" for path in clocks)

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
        f"view {view_of(path)}: left out: by its offset it shows no moment that another view shows"
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
                f"view {view_of(path)}: {path.name} shows {begin[path]:.4g} to {end[path]:.4g} s of"
                f" the clip, so {outside.sum()} of {len(instants)} frames are without it"
            )
        if inside := int((~outside & (positions < 0)).sum()):
            notes.append(
                f"view {view_of(path)}: {inside} of {len(instants)} frames are without it:"
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
        listed = ", ".join(f"{view_of(path)} {rate:.5g}" for path, rate in rates.items())
        notes.append(
            f"its views have different rates ({listed} frames a second): each picture is taken by"
            f" its own time, and is up to {1000 * off:.0f} ms from its instant"
        )
    return found
