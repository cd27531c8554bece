"""Chapter 10: what the embedding knows."""

import torch

from . import unanswered


def exercise_1(what):
    """What keeps one person's pictures apart."""
    return None if "push" in str(what).lower() else "Which pictures are the negatives of a batch of S1?"


def exercise_2(share_of_neighbours):
    """A function (embeddings (n, d), labels) -> share of pictures whose nearest other picture has their label."""
    embeddings = torch.tensor([[0.0, 0.0], [0.1, 0.0], [5.0, 0.0], [5.2, 0.0], [5.3, 0.0]])
    answer = share_of_neighbours(embeddings, ["a", "a", "a", "b", "b"])
    if hint := unanswered(answer):
        return hint
    if abs(float(answer) - 1) < 1e-6:
        return "Does each picture find itself? Leave the diagonal out."
    return None if abs(float(answer) - 0.8) < 1e-6 else "Five pictures on a line, of which four have a nearest neighbour with their label: it should say 0.8."


def exercise_3(difference):
    """What the loss asks of two views of one instant."""
    return None if difference == 0 else "What does the pull D(i, i) ask for?"
