"""MPJPE, N-MPJPE and PA-MPJPE, as the field computes them (Section 5)."""

import torch

from .alignment import similarity_residual
from .skeleton import check_pose

#: Pairs aligned at once by `pairwise_pa_mpjpe`; bounds its memory at about 20 MB.
PAIRS_AT_ONCE = 1 << 16


def _pair(predicted, target):
    predicted = check_pose(predicted, "predicted", None)
    target = check_pose(target, "target", None)
    if predicted.shape != target.shape:
        raise ValueError(f"predicted and target differ in shape: {tuple(predicted.shape)} and {tuple(target.shape)}")
    return predicted, target


def mpjpe(predicted, target):
    """Mean per-joint position error: mean over joints of || predicted_j - target_j ||_2.

    predicted, target: `(..., J, 3)`, root-relative. Returns `(...)` in the unit of the input.
    """
    predicted, target = _pair(predicted, target)
    return (predicted - target).norm(dim=-1).mean(dim=-1)


def n_mpjpe(predicted, target):
    """MPJPE after scaling each prediction by `best_scale` (Rhodin et al., CVPR 2018).

    Forgives the person's size. Shapes and unit as in `mpjpe`. A prediction of all zeros stays zero.
    """
    predicted, target = _pair(predicted, target)
    return mpjpe(best_scale(predicted, target) * predicted, target)


def best_scale(predicted, target):
    """s = <p, g> / <p, p>, which brings each prediction nearest to its target: `(..., J, 3)` twice -> `(..., 1, 1)`; 0 for p = 0."""
    dot = (predicted * target).sum((-2, -1), keepdim=True)
    square = (predicted * predicted).sum((-2, -1), keepdim=True)
    return torch.where(square > 0, dot / square, 0)


def pa_mpjpe(predicted, target):
    """MPJPE after the best similarity (scale, rotation, translation) of each prediction; never a reflection.

    Forgives size, place and orientation (Procrustes alignment). Shapes and unit as in `mpjpe`.
    """
    predicted, target = _pair(predicted, target)
    return similarity_residual(predicted, target).to(target.dtype)


def pairwise_pa_mpjpe(queries, gallery):
    """PA-MPJPE of every gallery pose aligned to every query pose.

    queries `(Q, J, 3)`, gallery `(G, J, 3)`. Returns `(Q, G)`; the work takes bounded memory besides that result.
    """
    queries = check_pose(queries, "queries", None)
    gallery = check_pose(gallery, "gallery", None)
    if queries.ndim != 3 or gallery.ndim != 3 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(f"queries (Q, J, 3) and gallery (G, J, 3) do not fit: {tuple(queries.shape)} and {tuple(gallery.shape)}")
    result = queries.new_empty(len(queries), len(gallery))
    if not result.numel():
        return result
    columns = min(len(gallery), PAIRS_AT_ONCE)
    rows = max(1, PAIRS_AT_ONCE // columns)
    for i in range(0, len(queries), rows):
        for j in range(0, len(gallery), columns):
            block = similarity_residual(gallery[None, j : j + columns], queries[i : i + rows, None])
            result[i : i + rows, j : j + columns] = block.to(result.dtype)
    return result
