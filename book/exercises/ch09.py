"""Chapter 9: retrieval."""

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


def exercise_2(my_hit_rate):
    """A function from distances (n, n) and instants (n,) to the share of pictures whose nearest
    one is of the same instant.
    """
    generator = torch.Generator().manual_seed(0)
    instants = torch.arange(20) // 4
    distances = torch.rand(20, 20, generator=generator)
    distances[instants[:, None] == instants] *= 0.3
    distances.fill_diagonal_(torch.inf)
    answer = my_hit_rate(distances, instants)
    if hint := unanswered(answer):
        return hint
    if torch.as_tensor(answer).numel() != 1:
        return (
            "One number is asked for; yours has the shape"
            f" {tuple(torch.as_tensor(answer).shape)}. Average over the pictures."
        )
    right = instants[distances.argmin(1)] == instants
    if close(answer, right.float().mean()):
        return None
    if close(answer, right.sum()):
        return "That is how many; the share is asked for."
    if close(
        answer, (instants[distances.nan_to_num(posinf=-1).argmax(1)] == instants).float().mean()
    ):
        return "You take the farthest one."
    return "Find the nearest picture of each row (argmin), and compare its instant with the row's."


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
