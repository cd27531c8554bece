"""Whether another training still ends in time: Colab stops without asking."""

import time


class Clock:
    """minutes: from now on; None for no limit."""

    def __init__(self, minutes=None):
        self.end = None if minutes is None else time.monotonic() + 60 * minutes
        self._pace = 0.0  # seconds an image, the slowest seen

    def allows(self, run):
        """Whether a `TrainingRun` would end in time, judged by the slowest so far; the
        first of all is begun in any case.
        """
        if self.end is None:
            return True
        return time.monotonic() + self._pace * images_of(run) <= self.end

    def note(self, run, seconds):
        """Learns from a run that took so long."""
        self._pace = max(self._pace, seconds / images_of(run))


def images_of(run):
    """About how many images a `TrainingRun` goes through."""
    config, split = run.config, run.store.splits[run.config.split]
    instants = sum(len(split.frames[subject]) for subject in split.subjects)
    each = 2 * config.pairs * config.sees_pairs + config.labelled * config.pose_loss
    return config.epochs * instants * each / config.pairs
