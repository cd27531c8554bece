"""Chapter 10: what the embedding knows."""

import math

import torch

from . import unanswered

#: Rows of a pose `(16, 3)` with the left and the right joints exchanged.
EXCHANGED = [3, 4, 5, 0, 1, 2, 6, 7, 8, 9, 13, 14, 15, 10, 11, 12]


def exercise_1(share):
    """The share of neighbours of the query's own person by chance, with twice as many pictures of A
    as of B.
    """
    answer = float(share)
    if answer > 1:
        return "A share is between 0 and 1."
    if abs(answer - 0.5) < 1e-6:
        return (
            "That holds for as many pictures of each. Here a query is more often one of A, and so"
            " is a picture of the gallery."
        )
    if abs(answer - 2 / 3) < 1e-3:
        return (
            "That is the share for the queries of A. What is it for those of B, and how many of the"
            " queries are they?"
        )
    if abs(answer - 5 / 9) < 1e-3:
        return None
    return (
        "Take the queries of A and of B one after the other: how many are there, and what share of"
        " the gallery is their own person?"
    )


def exercise_2(my_mean_by_bin):
    """A function from differences (n,), distances (n,) and edges to the mean of each bin."""
    generator = torch.Generator().manual_seed(0)
    difference = 100 * torch.rand(60, generator=generator)
    distance = torch.rand(60, generator=generator)
    difference[0] = 25.0  # on an edge: of the bin that begins there
    # the third bin is empty; some lie beyond the last
    difference[(difference >= 50) & (difference < 75)] += 75
    edges = [0, 25, 50, 75, 100]
    answer = my_mean_by_bin(difference, distance, edges)
    if hint := unanswered(answer):
        return hint
    answer = [float(value) for value in answer]
    if len(answer) != len(edges) - 1:
        return f"Five edges make four bins; your answer has {len(answer)}."
    for k, (low, high) in enumerate(zip(edges, edges[1:])):
        inside = (difference >= low) & (difference < high)
        if not inside.any():
            if not math.isnan(answer[k]):
                return (
                    f"No picture lies between {low} and {high} mm, so there is no mean: nan, not"
                    f" {answer[k]:.2f}. A zero would be drawn as a fact."
                )
        elif not abs(answer[k] - distance[inside].mean().item()) <= 1e-4:
            return (
                f"The bin of what is >= {low} and < {high} mm should give"
                f" {distance[inside].mean():.3f}, not {answer[k]:.3f}."
            )
    return None


def exercise_3(my_mirrored):
    """A function from a pose (16, 3) to the pose of the mirrored person."""
    pose = 300 * torch.randn(16, 3, generator=torch.Generator().manual_seed(0))
    before, answer = pose.clone(), my_mirrored(pose)
    if hint := unanswered(answer):
        return hint
    answer = torch.as_tensor(answer)
    if not torch.equal(pose, before):
        return "Your function changes the pose it was given. Clone it first."
    if answer.shape != pose.shape:
        return f"The answer has the shape {tuple(answer.shape)}, the pose {tuple(pose.shape)}."
    flip = torch.tensor([-1.0, 1.0, 1.0])
    if torch.allclose(answer, pose * flip):
        return (
            "The picture is mirrored, but the joints keep their names: the joint called left wrist"
            " now sits on the right arm. Exchange them."
        )
    if torch.allclose(answer, pose[EXCHANGED]):
        return "The names are exchanged, the places are not: x has to change its sign."
    if torch.allclose(answer, pose[EXCHANGED] * -flip) or torch.allclose(answer, -pose[EXCHANGED]):
        return "The names are right. Only x changes its sign; y and z stay."
    if torch.allclose(answer, pose[EXCHANGED] * flip):
        return None
    return (
        "x changes its sign, and each left row changes places with its right one. Are the rows"
        " those of the 16 joints, without the pelvis?"
    )
