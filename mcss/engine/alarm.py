"""Is the embedding collapsing into one place?"""

import warnings


class CollapseAlarm:
    """Warns, at most every 100 steps, while the mean distance between different
    instants is falling under beta.
    """

    def __init__(self, beta):
        self.beta, self.silent_until = beta, 0

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
