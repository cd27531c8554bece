"""Chapter 4: hard-negative mining."""

import torch

from . import unanswered


def exercise_1(distance):
    """The hardest negative distance of pair 0 of the chapter's D4."""
    if distance in (0.20, 0.30):
        return "That one is not beyond beta, so it is left out."
    if distance == 0.45:
        return "That is the nearest of the row. The column counts too."
    if abs(distance - 0.35) < 1e-6:
        return None
    return (
        "Row 0 without its first entry, column 0 without its first entry, and only what is"
        " above 0.3."
    )


def exercise_2(my_loss):
    """A function (pull (m,), nearest (m,), margin) -> HardNet's triplet loss."""
    pull, nearest = torch.tensor([0.2, 0.4, 0.3, 0.1]), torch.tensor([0.4, 0.9, torch.inf, 1.2])
    answer = my_loss(pull, nearest, 1.0)
    if hint := unanswered(answer):
        return hint
    if torch.as_tensor(answer).ndim:
        return "It should be one number, the mean over the pairs."
    answer = float(answer)
    if answer != answer or abs(answer) == float("inf"):
        return "A pair without a negative misses nothing: take the maximum with 0 before the mean."
    if abs(answer - 1.3) < 1e-5:
        return "That is the sum over the pairs. Take the mean."
    if abs(answer - (1.0 + 0.6 + 0.1) / 4) < 1e-5:
        return "That is Eq. 2. Here the positive's distance stands inside the maximum."
    if abs(answer - 1.3 / 4) < 1e-5:
        return None
    return "For each pair: is nearest at least pull + margin? If not, how much is missing?"


def exercise_3(loss):
    """The loss of a collapsed batch."""
    if abs(loss - 0.6) < 1e-6:
        return "So it would be if a negative at distance 0 counted. What does beta do to it?"
    return None if loss == 0 else "Which distances are there, and which of them are beyond beta?"
