"""The data path alone: index batches, reading and decoding, with nothing of the files left in main
memory, against what a training step consumes.
"""

import os

import numpy as np

from mcss.batches import SameSubjectPairs
from mcss.data import Split

from .step import EPOCH, Backbone, configuration, feeder
from .stores import store
from .timing import interleaved, row


def forget(data):
    """Asks the system to drop the store's files from its cache, so that they are read from the disk
    again.
    """
    for file in data.path.rglob("*.arrow"):
        with open(file, "rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Clips:
    """As much of a `Store` as `SameSubjectPairs` asks for: one subject of n instants at 10 a
    second, in clips of 1,000, four views.
    """

    fps = 10.0

    def __init__(self, n):
        self.n = n
        self.split = Split(["S"], [0, 1, 2, 3], {"S": np.arange(n)})

    def present(self, subject):
        return np.ones((self.n, 4), bool)

    def clips(self, subject):
        from mcss.data import Clip

        return [
            Clip(start, min(start + 1000, self.n), "walks", str(start))
            for start in range(0, self.n, 1000)
        ]


def rows(device, rounds):
    for size in (64, 128, 224):
        data = store(size)
        fed, step = feeder(data, configuration(EPOCH), device), Backbone(data, device)
        steps = iter(range(10**9))

        def batch():
            forget(data)
            return fed.batch(next(steps) % len(fed.pairs))

        images = len(batch().images)
        on_disk = sum(file.stat().st_size for file in data.path.rglob("*.arrow")) / len(data)
        yield row("an image on disk", size, "pixels", {}, value=on_disk, unit="bytes")
        seconds = interleaved(
            {"reading and decoding, cold": batch, "the backbone's step": step}, min(rounds, 4)
        )
        yield row(
            "data path alone",
            size,
            "pixels",
            seconds,
            "the backbone's step",
            target=2,
            note=f"{images / min(seconds['reading and decoding, cold']):.0f} images a second",
        )
    for n in (1_000, 10_000, 100_000, 1_000_000):
        pairs = SameSubjectPairs(clips := Clips(n), clips.split)
        yield row(
            "an epoch's index batches",
            n,
            "instants",
            interleaved({"ours": lambda: pairs.epoch(0)}, 1, warm=0),
        )
