"""Chapter 6: joint training."""

import torch

from . import unanswered


def exercise_1(images):
    """Pictures in one step of the paper's batch."""
    if images == 88:
        return "A pair is two pictures."
    return None if images == 154 else "Two pictures for each pair, and one for each label."


def exercise_2(my_pose_loss):
    """A function (predicted (n, 16, 3), target (n, 16, 3), std (16, 3)) -> mean absolute difference
    in std.
    """
    predicted, target = torch.randn(2, 7, 16, 3, generator=torch.Generator().manual_seed(0)) * 100
    std = torch.rand(16, 3, generator=torch.Generator().manual_seed(1)) * 50 + 10
    answer = my_pose_loss(predicted, target, std)
    if hint := unanswered(answer):
        return hint
    expected = float(((predicted - target) / std).abs().mean())
    if torch.as_tensor(answer).ndim:
        return "It should be one number, the mean over everything."
    if abs(float(answer) - expected) < 1e-3 * expected:
        return None
    return (
        "Divide each coordinate's difference by its own standard deviation, take absolute"
        " values, then the mean."
    )


def exercise_3(what):
    """All distances fall to 0."""
    if str(what).strip().lower() == "collapsed":
        return None
    return "Where are the negatives, if their distance is 0, too?"
