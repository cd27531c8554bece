"""Chapter 4: hard-negative mining."""

import torch

from . import unanswered


def exercise_1(distance):
    """The hardest negative distance of pair 0 of the chapter's D4."""
    if distance in (0.25, 0.28):
        return "That one is not beyond beta, so it is left out."
    if distance == 0.70:
        return "That is the nearest of the row. The column counts too."
    if abs(distance - 0.50) < 1e-6:
        return None
    return (
        "Row 0 without its first entry, column 0 without its first entry, and only what is"
        " above 0.3."
    )


def exercise_2(my_loss):
    """A function (pull (m,), nearest (m,), margin) -> the mean loss of Eq. 2."""
    pull, nearest = torch.tensor([0.2, 0.4, 0.3]), torch.tensor([0.4, 0.9, torch.inf])
    answer = my_loss(pull, nearest, 0.6)
    if hint := unanswered(answer):
        return hint
    if torch.as_tensor(answer).ndim:
        return "It should be one number, the mean over the pairs."
    answer = float(answer)
    if answer != answer or abs(answer) == float("inf"):
        return "A pair without a negative must get no push: max(0, margin - infinity) is 0."
    if abs(answer - 1.1) < 1e-5:
        return "That is the sum over the pairs. Eq. 2 takes the mean."
    if abs(answer - 1.1 / 3) < 1e-5:
        return None
    return (
        "For each pair: pull + max(0, margin - nearest). Is a negative that is far enough left"
        " alone?"
    )


def exercise_3(loss):
    """The loss of a collapsed batch."""
    if abs(loss - 0.6) < 1e-6:
        return "So it would be if a negative at distance 0 counted. What does beta do to it?"
    return None if loss == 0 else "Which distances are there, and which of them are beyond beta?"
