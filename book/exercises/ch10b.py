"""Chapter 10b: better than the paper."""

import numpy as np
import torch

from mcss.canonical import mirrored

from . import unanswered


def exercise_1(share):
    """The share of a saving that seeing the pictures brings: 150, 138 and 126 mm."""
    answer = float(share)
    hints = {
        8: "That is what seeing the pictures saves of the Baseline's error. What share is it of"
        " the whole saving?",
        16: "That is the whole saving, as a share of the Baseline's error.",
        12: "That is a number of millimetres. As a share of the whole saving?",
        0.5: "A percentage is asked for.",
        100: "The three errors differ: only part of the way from 150 to 126 is gone at 138.",
    }
    if abs(answer - 50) < 0.5:
        return None
    rest = "How far is it from 150 to 126, and how much of that is gone at 138?"
    return next((hint for value, hint in hints.items() if abs(answer - value) < 0.3), rest)


def exercise_2(my_mirrored):
    """The canonical pose that a mirrored picture shows, for poses (n, 16, 3)."""
    poses = 300 * torch.randn(5, 16, 3, generator=torch.Generator().manual_seed(2))
    # canonical: the left hip (row 3) lies along +x, the right one opposite
    poses[:, 3] = torch.tensor([120.0, 0.0, 10.0])
    poses[:, 0] = -poses[:, 3]
    answer = my_mirrored(poses.clone())
    if hint := unanswered(answer):
        return hint
    answer, right = torch.as_tensor(answer), mirrored(poses)
    if answer.shape != right.shape:
        return f"The result should be {tuple(right.shape)} like the poses, not" + (
            f" {tuple(answer.shape)}."
        )
    if torch.allclose(answer, right, atol=1e-2):
        return None
    flipped = poses * torch.tensor([-1.0, 1.0, 1.0])
    if torch.allclose(answer, flipped, atol=1e-2):
        return (
            "You turned left into right in space, but the rows still have their old names: now the"
            " left hip lies to the right."
        )
    if torch.allclose(answer[..., 0], -right[..., 0], atol=1e-2):
        return "The names have changed sides; the x coordinate has yet to change its sign."
    return "x changes its sign, and each left joint changes its row with the right one."


def exercise_3(my_negatives):
    """From the subject of each pair, (m,), to a bool (m, m): which j is a negative of i."""
    subjects = np.array(["S1", "S1", "S5", "S5", "S5", "S6"])
    answer = my_negatives(subjects)
    if hint := unanswered(answer):
        return hint
    answer = np.asarray(answer)
    if answer.shape != (6, 6):
        return f"Six pairs need a mask of 6 x 6, not {answer.shape}."
    answer = answer.astype(bool)
    same = subjects[:, None] == subjects
    own = np.eye(6, dtype=bool)
    if np.array_equal(answer, same & ~own):
        return None
    if np.array_equal(answer, same):
        return "A pair is not its own negative: the diagonal has to be False."
    if np.array_equal(answer, ~own):
        return "That is the whole batch. Another person's pair would be a negative, too."
    if np.array_equal(answer, ~same):
        return "The other way round: negatives are of the same person."
    return "True where the subjects of i and j are equal and i is not j."
