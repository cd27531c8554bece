"""Chapter 1: multiview data."""

import torch

from mcss.skeleton import root_relative

from . import unanswered


def exercise_1(row):
    """The row of the left hip in a 16-row pose."""
    if row == 4:
        return (
            "That is its number among the 17 joints. A pose leaves one joint out: which, and what"
            " does that do to the rows?"
        )
    return None if row == 3 else "Print JOINTS, leave out the first, and count from 0."


def exercise_2(my_root_relative):
    """A function from (n, 17, 3) to (n, 16, 3)."""
    world = torch.randn(5, 17, 3, generator=torch.Generator().manual_seed(0)) * 500
    answer = my_root_relative(world)
    if hint := unanswered(answer):
        return hint
    if tuple(answer.shape) != (5, 16, 3):
        return f"The shape is {tuple(answer.shape)} for five instants, and should be (5, 16, 3)."
    if torch.allclose(answer, root_relative(world)):
        return None
    return "The shape is right. Is each joint relative to the pelvis of its own instant?"


def exercise_3(pairs):
    """Unordered pairs of pictures of one instant: 100 instants, four views."""
    if pairs == 1200:
        return "You counted every pair twice."
    if pairs == 400:
        return "That is the number of pictures."
    if pairs == 600:
        return None
    return "How many pairs can be made of four pictures? Then take 100 instants."
