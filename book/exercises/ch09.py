"""Chapter 9: retrieval."""

import math

import torch

from . import close, unanswered


def exercise_1(error):
    """M(1) in mm when the query is in its own gallery."""
    if abs(float(error)) < 1e-6:
        return None
    return (
        "Which picture lies nearest to the query, if it may be found itself? How does its pose"
        " differ from the query's?"
    )


def exercise_2(my_mean_error_at_k):
    """A function from distances (q, n), errors (q, n) and k to the mean error of the k nearest."""
    generator = torch.Generator().manual_seed(0)
    for k in (1, 4):
        errors = 200 * torch.rand(6, 30, generator=generator)
        distances = errors / 100 + torch.rand(6, 30, generator=generator)
        distances[torch.arange(30) % 5 == torch.arange(6)[:, None]] = torch.inf
        answer = my_mean_error_at_k(distances, errors, k)
        if hint := unanswered(answer):
            return hint
        if torch.as_tensor(answer).numel() != 1:
            return (
                "One number is asked for; yours has the shape"
                f" {tuple(torch.as_tensor(answer).shape)}. Average over all."
            )
        if not close(answer, errors.gather(1, distances.topk(k, largest=False).indices).mean()):
            return _mistake(float(answer), distances, errors, k)
    return None


def _mistake(answer, distances, errors, k):
    """A hint for an M(K) that is wrong in a common way."""
    nearest = distances.topk(k, largest=False)
    searched = errors.masked_fill(distances.isinf(), torch.inf)
    of_nearest = errors.gather(1, nearest.indices)
    if close(answer, of_nearest.sum(1).mean()) or close(answer, of_nearest.sum()):
        return (
            "You add the errors up; M(K) is their mean, over the k neighbours and over the queries."
        )
    if close(answer, nearest.values.mean()):
        return (
            "That is the mean distance in the embedding. The distances only choose; what is"
            " averaged are the errors of those chosen."
        )
    if close(answer, errors.topk(k, largest=False).values.mean()) or close(
        answer, searched.topk(k, largest=False).values.mean()
    ):
        return (
            "You take the smallest errors: that is an Oracle, who knows the poses. The distances"
            " have to choose."
        )
    if math.isinf(answer) or close(answer, errors.gather(1, distances.topk(k).indices).mean()):
        return "You take the farthest ones: topk gives the largest unless it is told otherwise."
    if close(answer, errors.gather(1, distances.argsort(1)[:, k - 1 : k]).mean()):
        return "That is the error of the k-th neighbour alone. Average over the first k."
    return (
        "Find the k smallest distances of each row, take the errors at the same places (gather),"
        " and average them all."
    )


def exercise_3(names):
    """Which of M, O and M - O can fall as K grows."""
    names = [names] if isinstance(names, str) else names
    chosen = {
        str(name).upper().replace(" ", "").replace("(K)", "").replace("−", "-") for name in names
    }
    if not chosen or not chosen <= {"M", "O", "M-O"}:
        return "Answer with a list of some of these texts: 'M', 'O', 'M - O'."
    if "O" in chosen:
        return (
            "The Oracle takes the best picture first. Can the next one be better than those"
            " before it?"
        )
    if "M" not in chosen:
        return (
            "The network may well find a bad picture first, and better ones after it. What does the"
            " mean do then?"
        )
    if "M-O" in chosen:
        return None
    return "M is right. And the difference: what does it do when O rises and M stays?"
