"""Chapter 10c: what others learn from the same cameras."""

import math

import torch

from . import unanswered


def _turns(*angles):
    """Rotations about two different axes, one after the other, for each angle."""
    found = []
    for angle in angles:
        c, s = math.cos(angle), math.sin(angle)
        about_z = torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
        about_x = torch.tensor([[1.0, 0, 0], [0, c, -s], [0, s, c]])
        found.append(about_x @ about_z)
    return found


def exercise_1(my_relative):
    """From R of one camera and R of another to the rotation between them."""
    A, B = _turns(0.7, -1.9)
    answer = my_relative(A.clone(), B.clone())
    if hint := unanswered(answer):
        return hint
    answer = torch.as_tensor(answer)
    if answer.shape != (3, 3):
        return f"A rotation is 3 x 3, not {tuple(answer.shape)}."
    if torch.allclose(answer, B @ A.T, atol=1e-4):
        return None
    if torch.allclose(answer, A @ B.T, atol=1e-4):
        return "That is the way back: from the second camera to the first."
    if torch.allclose(answer, A.T @ B, atol=1e-4) or torch.allclose(answer, B.T @ A, atol=1e-4):
        return (
            "R takes the world into a camera. So first go back into the world, by the transpose,"
            " and then into the other camera: which of the two stands on the right?"
        )
    if torch.allclose(answer, B @ A, atol=1e-4):
        return "A point in the first camera's frame has to leave it first: by the transpose."
    return "Back into the world (the transpose of the first), then into the second camera."


def exercise_2(my_disagreement):
    """Millimetres between what two cameras' predictions say of the world."""
    generator = torch.Generator().manual_seed(0)
    R_1, R_2 = _turns(0.4, 2.2)
    world = 300 * torch.randn(16, 3, generator=generator)
    p_1 = world @ R_1.T
    p_2 = (world + torch.tensor([30.0, 0.0, -40.0])) @ R_2.T
    answer = my_disagreement(p_1.clone(), R_1.clone(), p_2.clone(), R_2.clone())
    if hint := unanswered(answer):
        return hint
    answer = float(answer)
    if abs(answer - 50) < 0.05:
        return None
    in_cameras = (p_1 - p_2).norm(dim=-1).mean().item()
    if abs(answer - in_cameras) < 0.5:
        return "These are two frames: one pose has other coordinates in each. Turn both first."
    twice = (p_1 @ R_1.T - p_2 @ R_2.T).norm(dim=-1).mean().item()
    if abs(answer - twice) < 0.5:
        return (
            "You turned each pose by its R once more. Back into the world goes R transposed: for"
            " points in rows that is p @ R."
        )
    if abs(answer - 70 / 3) < 0.5 or abs(answer - 2500 / 3) < 1:
        return "Of each joint, the length of the difference (a norm over x, y, z); then the mean."
    return f"Here every joint is 50 mm off in the world; your answer is {answer:.1f}."


def exercise_3(share):
    """Accuracy, in percent, of always answering 'not mirrored'."""
    answer = float(share)
    if abs(answer - 100 * 2 / 3) < 0.5:
        return None
    if abs(answer - 2 / 3) < 0.01:
        return "A percentage is asked for."
    if abs(answer - 50) < 0.5:
        return "Half would be right if half of the pairs were mirrored. How many are?"
    if abs(answer - 100 / 3) < 0.5:
        return "That is the share of mirrored pairs: of these the answer is wrong."
    return "Of three equal parts one is mirrored; on which parts is 'no' right?"
