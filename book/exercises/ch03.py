"""Chapter 3: the network."""

import torch

from . import unanswered


def exercise_1(width):
    """The width of the feature map that G sees, for 192 pixels."""
    if width == 6:
        return "That is what layer4 gives. One step follows."
    return None if width == 3 else "ResNet halves the resolution five times. And then?"


def exercise_2(my_g):
    """A function (n, d) -> (n, d): BatchNorm without affine parameters, then unit length."""
    x = torch.randn(12, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2
    answer = my_g(x)
    if hint := unanswered(answer):
        return hint
    if tuple(answer.shape) != (12, 5):
        return f"The shape is {tuple(answer.shape)} and should stay (12, 5)."
    if not torch.allclose(answer.norm(dim=1), torch.ones(12), atol=1e-4):
        return "The rows do not have length one."
    expected = torch.nn.functional.normalize(
        torch.nn.functional.batch_norm(x, None, None, training=True), dim=1
    )
    if torch.allclose(answer, expected, atol=1e-3):
        return None
    return (
        "The length is right, the direction is not. Mean and variance are taken over the batch,"
        " for each coordinate."
    )


def exercise_3(distance):
    """The largest distance of two points on the unit sphere."""
    if abs(distance - 2**0.5) < 0.01:
        return "That is the distance of two directions at a right angle. Can they be farther apart?"
    return (
        None if abs(distance - 2) < 1e-6 else "Draw a circle of radius one, and two points on it."
    )
