"""Chapter 8: new viewpoints."""

import torch

from mcss.metrics import mpjpe

from . import close, unanswered


def exercise_1(more):
    """By how many mm the Baseline loses more than MCSS: means 120, 140 (V1234), 123, 147 (V12) of
    MCSS and the Baseline.
    """
    answer = float(more)
    hints = {
        24: (
            "That is how far the two are apart with labels of two views. How far were they apart"
            " before?"
        ),
        20: "That is how far the two are apart with labels of all four views. And with two?",
        7: "That is what the Baseline loses. MCSS loses something, too.",
        3: "That is what MCSS loses. What does the Baseline lose, and how much more is that?",
        -4: "The other way round: the Baseline loses more, so the answer is above zero.",
    }
    if abs(answer - 4) < 0.5:  # the unrounded means give 3.7
        return None
    loss = (
        "First what each of the two loses: its row V12 minus its row V1234. Then the difference of"
        " the two losses."
    )
    return next((hint for value, hint in hints.items() if abs(answer - value) < 0.5), loss)


def exercise_2(my_disagreement):
    """A function from poses (n, V, 16, 3) to the mean MPJPE between two views of one instant."""
    for views in (4, 2):
        poses = 200 * torch.randn(6, views, 16, 3, generator=torch.Generator().manual_seed(views))
        answer = my_disagreement(poses)
        if hint := unanswered(answer):
            return hint
        if torch.as_tensor(answer).numel() != 1:
            return (
                "One number is asked for; yours has the shape"
                f" {tuple(torch.as_tensor(answer).shape)}."
            )
        pairs = [[mpjpe(poses[:, a], poses[:, b]) for b in range(views)] for a in range(views)]
        between = torch.stack([torch.stack(row).mean(1) for row in pairs])
        right = between.sum() / (views * (views - 1))
        if close(answer, right):
            continue
        if close(answer, between.mean()):
            return "You compare each view with itself too. That is always 0, and tells nothing."
        if close(answer, right * 16) or close(answer, between.sum() / 2):
            return "That is a sum: average over the joints, the instants and the pairs of views."
        if close(answer, between.diagonal(1).mean()):
            return (
                f"You compare each view with the next one only. Of {views} views there are"
                f" {views * (views - 1) // 2} pairs."
            )
        if close(answer, (poses - poses.mean(1, keepdim=True)).norm(dim=-1).mean()):
            return (
                "That is the distance from the mean over the views. Compare the views with each"
                " other."
            )
        return (
            "For each pair of views: the norm over x, y and z of the difference, the mean over"
            " joints and instants; then the mean over pairs."
        )
    return None


def exercise_3(most):
    """The largest MPJPE at camera 4: 95 mm at camera 1, and predictions 30 mm apart."""
    if abs(most - 65) < 1e-6:
        return "That is the least that it can be. How much can it be at most?"
    detour = (
        "The way from the prediction at camera 4 to the truth is no longer than the detour over the"
        " prediction at camera 1."
    )
    return None if abs(most - 125) < 1e-6 else detour
