"""Chapter 7: evaluating poses."""

import math

import torch

from mcss.experiments.claims import verdict_of
from mcss.metrics import mpjpe, n_mpjpe

from . import close, unanswered


def exercise_1(errors):
    """MPJPE, N-MPJPE and PA-MPJPE of exact poses at half size, joints 600 mm from the pelvis on
    average.
    """
    answer = [float(value) for value in errors] if isinstance(errors, (tuple, list)) else [errors]
    if len(answer) != 3:
        return (
            "Three numbers are asked for, as a tuple: MPJPE, N-MPJPE and PA-MPJPE. You gave"
            f" {len(answer)}."
        )
    if not abs(answer[0] - 300) <= 1e-6:
        return (
            "MPJPE: a joint that should lie 600 mm from the pelvis is put at half of that. How far"
            " is it from its true place?"
        )
    if not abs(answer[1]) <= 1e-6:
        return (
            "MPJPE is right. N-MPJPE may multiply the pose by any number first: which one, and what"
            " is left?"
        )
    if abs(answer[2]) < 1e-6:
        return None
    return "The first two are right. PA-MPJPE forgives all that N-MPJPE forgives, and more."


def exercise_2(my_n_mpjpe):
    """A function from two poses (16, 3) to the N-MPJPE."""
    generator = torch.Generator().manual_seed(0)
    target = 300 * torch.randn(16, 3, generator=generator)
    for size in (1.0, 0.5):
        predicted = size * (target + 80 * torch.randn(16, 3, generator=generator))
        answer = my_n_mpjpe(predicted, target)
        if hint := unanswered(answer):
            return hint
        if torch.as_tensor(answer).numel() != 1:
            return (
                "One number is asked for; yours has the shape"
                f" {tuple(torch.as_tensor(answer).shape)}. Average over the joints."
            )
        if not close(answer, n_mpjpe(predicted, target)):
            return _mistake(float(answer), predicted, target)
    return None


def _mistake(answer, predicted, target):
    """A hint for an N-MPJPE that is wrong in a common way."""
    scale = (predicted * target).sum() / predicted.square().sum()
    inverse = (predicted * target).sum() / target.square().sum()
    lengths = target.norm() / predicted.norm()
    offset = scale * predicted - target
    if close(answer, mpjpe(predicted, target)):
        return "That is MPJPE: where is the scale?"
    if close(answer, mpjpe(inverse * predicted, target)):
        return "The scale is <p, g> / <p, p>, with the prediction p below; you divide by <g, g>."
    if close(answer, mpjpe(lengths * predicted, target)):
        return (
            "You make both poses equally long. The best scale in the sense of least squares is <p,"
            " g> / <p, p>."
        )
    if close(answer, mpjpe(predicted, scale * target)) or close(
        answer, mpjpe(predicted, target / scale)
    ):
        return (
            "Scale the prediction, not the truth: the error should be in the millimetres of the"
            " true person."
        )
    if close(answer, offset.square().mean().sqrt()) or close(
        answer, offset.square().sum(-1).mean().sqrt()
    ):
        return (
            "The scale is right. First the length of each joint's offset (norm over x, y, z), then"
            " the mean over joints: no mean of squares."
        )
    if close(answer, offset.abs().mean()):
        return (
            "The scale is right. A joint's distance is the norm over x, y and z, not the mean of"
            " their absolute values."
        )
    return (
        "First s = <p, g> / <p, p>, both summed over all joints and coordinates; then the mean over"
        " joints of the distance from s p to g."
    )


def exercise_3(verdict):
    """The verdict on 'better' for differences of 2, 9 and 4 mm."""
    answer = str(verdict).strip().lower()
    right = verdict_of([2.0, 9.0, 4.0], (0, math.inf))
    if answer not in ("holds", "does not hold", "open"):
        return "Answer with 'holds', 'does not hold' or 'open'."
    if answer == "holds":
        return (
            "All three differences are above 0, but is the interval? Compute mean ± 4.30 ·"
            " (standard deviation) / √3."
        )
    if answer == right:
        return None
    return (
        "The mean difference is above 0, so the claim is not refuted. How far down does the"
        " interval reach?"
    )
