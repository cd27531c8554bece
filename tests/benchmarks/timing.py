"""Contenders that take turns, so that whatever slows the machine slows all of them."""

import ctypes
import statistics
from pathlib import Path
from typing import NamedTuple

import torch
from torch.utils.benchmark import timer  # waits for a GPU's work


class Row(NamedTuple):
    """One measurement."""

    work: str  #: what is done; rows of one work differ in size
    size: float
    of: str  #: what the size counts
    seconds: dict  #: by contender, ours first: the median over the rounds
    #: whether `ratio` says how many times faster we are, or how many times as long we take
    faster: bool = True
    ratio: list | None = None  #: against the peer, round by round: median, smallest, largest
    target: float | None = (
        None  #: what the ratio (or `value`) is to reach: at least, if `faster`, else at most
    )
    value: float | None = None  #: what is compared with the target if it is not the ratio
    unit: str = ""  #: of `value`
    note: str = ""

    @property
    def reached(self):
        """Whether the target is reached; None without one."""
        reached = self.ratio[0] if self.value is None and self.ratio else self.value
        if self.target is None or reached is None:
            return None
        return bool(reached >= self.target if self.faster else reached <= self.target)


def interleaved(contenders, rounds, warm=1):
    """Seconds of each round: `{name: [..]}`. contenders: `{name: function}`; the first `warm`
    rounds are not counted.
    """
    seconds = {name: [] for name in contenders}
    for turn in range(warm + rounds):
        for name, work in contenders.items():
            number, start = 1, timer()
            work()
            once = timer() - start
            while once * number < 0.05:  # short work is repeated
                number *= 10
                start = timer()
                for _ in range(number):
                    work()
                once = (timer() - start) / number
            if turn >= warm:
                seconds[name].append(once)
    return seconds


def row(work, size, of, seconds, peer=None, faster=True, scale=None, **more):
    """A `Row` from seconds by round. scale: `{name: factor}` of contenders that did only a part of
    the work.
    """
    seconds = {
        name: [s * (scale or {}).get(name, 1) for s in each] for name, each in seconds.items()
    }
    ratio = None
    if peer:
        pairs = list(zip(next(iter(seconds.values())), seconds[peer]))
        ratios = [p / o if faster else o / p for o, p in pairs]
        ratio = [statistics.median(ratios), min(ratios), max(ratios)]
    return Row(
        work,
        size,
        of,
        {name: statistics.median(each) for name, each in seconds.items()},
        faster,
        ratio,
        **more,
    )


def extra_memory(work, device):
    """The most memory in bytes that `work()` took beyond what was in use before."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    ctypes.CDLL(None).malloc_trim(
        0
    )  # what was freed goes back to the system, and counts when it is used again
    Path("/proc/self/clear_refs").write_text("5")  # Linux forgets the peak so far
    before = _status("VmRSS")
    work()
    return _status("VmHWM") - before


def _status(key):
    (line,) = (
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith(key + ":")
    )
    return int(line.split()[1]) * 1024
