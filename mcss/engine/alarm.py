"""Is the embedding collapsing into one place, and does it learn anything?"""

import warnings

#: Steps after which two views of an instant should lie nearer than different ones.
LONG = 150


class CollapseAlarm:
    """Warns, at most every 100 steps, while the mean distance between different
    instants is falling under beta.
    """

    def __init__(self, beta):
        self.beta, self.silent_until = beta, 0
        self._said = False

    def check(self, step, valid_share, distance):
        """step: steps done. valid_share: of the pairs that have a negative. distance:
        mean D(i, j) over j != i.
        """
        if step < self.silent_until or (distance >= self.beta and valid_share >= 0.5):
            return
        self.silent_until = step + 100
        warnings.warn(
            f"step {step}: the embedding is collapsing: different instants are"
            f" {distance:.2f} apart on average, {valid_share:.0%} of the pairs have a"
            f" negative beyond beta = {self.beta}. Without negatives nothing pushes."
            " Keep batch_norm=True, or lower beta or lr",
            RuntimeWarning,
            stacklevel=2,
        )

    def check_learning(self, step, positive, negative):
        """Warns once if, after LONG steps, two views of one instant lie as far apart as
        different instants. positive, negative: mean D(i, i) and D(i, j).
        """
        if self._said or step < LONG or positive < 0.95 * negative:
            return
        self._said = True
        warnings.warn(
            f"step {step}: two views of one instant lie {positive:.2f} apart, different"
            f" instants {negative:.2f}: nothing is learned from the pairs. Do people"
            " move? Were the films taken by one clock? (Chapter 'Your own data' shows"
            " how to check)",
            RuntimeWarning,
            stacklevel=2,
        )
