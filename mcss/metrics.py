"""MPJPE, N-MPJPE and PA-MPJPE, as the field computes them (Section 5)."""

import torch

from .fast.procrustes import (
    compiled,
    correlation,
    normalised,
    residual,
    similarity_residual,
)
from .skeleton import check_pose

#: Query poses for each core, and gallery poses, aligned at once by `pairwise_pa_mpjpe`:
#: what a core's cache holds.
BLOCK = 16, 2048
#: Pairs from which on compiling takes less time than it saves.
COMPILED_FROM = 1 << 28


def _pair(predicted, target):
    predicted = check_pose(predicted, "predicted", None)
    target = check_pose(target, "target", None)
    if predicted.shape != target.shape:
        raise ValueError(
            f"predicted and target differ in shape: {tuple(predicted.shape)} and"
            f" {tuple(target.shape)}"
        )
    return predicted, target


def mpjpe(predicted, target):
    """Mean per-joint position error: mean over joints of || predicted_j - target_j
    ||_2.

    predicted, target: `(..., J, 3)`, root-relative. Returns `(...)` in the unit of the
    input.
    """
    predicted, target = _pair(predicted, target)
    return (predicted - target).norm(dim=-1).mean(dim=-1)


def n_mpjpe(predicted, target):
    """MPJPE after scaling each prediction by `best_scale` (Rhodin et al., CVPR 2018).

    Forgives the person's size. Shapes and unit as in `mpjpe`. A prediction of all zeros
    stays zero.
    """
    predicted, target = _pair(predicted, target)
    return mpjpe(best_scale(predicted, target) * predicted, target)


def best_scale(predicted, target):
    """s = <p, g> / <p, p>, which brings each prediction nearest to its target: `(...,
    J, 3)` twice -> `(..., 1, 1)`; 0 for p = 0.
    """
    dot = (predicted * target).sum((-2, -1), keepdim=True)
    square = (predicted * predicted).sum((-2, -1), keepdim=True)
    return torch.where(square > 0, dot / square, 0)


def pa_mpjpe(predicted, target):
    """MPJPE after the best similarity (scale, rotation, translation) of each
    prediction; never a reflection.

    Forgives size, place and orientation (Procrustes alignment). Shapes and unit as in
    `mpjpe`.
    """
    predicted, target = _pair(predicted, target)
    return similarity_residual(predicted, target).to(target.dtype)


def pairwise_pa_mpjpe(queries, gallery, compile=None):
    """PA-MPJPE of every gallery pose aligned to every query pose.

    queries `(Q, J, 3)`, gallery `(G, J, 3)`. Returns `(Q, G)`; the work takes bounded
    memory besides that result.
    compile: whether to let `torch.compile` make one loop of it, which needs a C++
    compiler; None does so for COMPILED_FROM pairs and more where it can.
    """
    queries = check_pose(queries, "queries", None)
    gallery = check_pose(gallery, "gallery", None)
    if queries.ndim != 3 or gallery.ndim != 3 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            "queries (Q, J, 3) and gallery (G, J, 3) do not fit:"
            f" {tuple(queries.shape)} and {tuple(gallery.shape)}"
        )
    (q, size), (p, _) = normalised(queries[:, None]), normalised(gallery[None])
    rows, columns = BLOCK
    rows *= 64 if queries.is_cuda else torch.get_num_threads()
    closed_form = None
    if compile or (compile is None and len(queries) * len(gallery) >= COMPILED_FROM):
        closed_form = compiled()
        q, p = (
            _whole_blocks(q, 2, rows),
            _whole_blocks(p, 3, columns),
        )  # it is compiled for one size of block
    result = queries.new_empty(len(queries), len(gallery))
    for i in range(0, len(queries), rows):
        for j in range(0, len(gallery), columns):
            a, b = q[:, :, i : i + rows], p[..., j : j + columns]
            block = residual(
                correlation(a, b), b.to(queries.dtype), a.to(queries.dtype), closed_form
            )
            result[i : i + rows, j : j + columns] = block[
                : len(queries) - i, : len(gallery) - j
            ]
    return result.mul_(size.to(queries.dtype))


def _whole_blocks(poses, dim, block):
    """Fills up to a multiple of `block` by repeating the last pose."""
    n = poses.shape[dim]
    return poses.index_select(
        dim, torch.arange(-(-n // block) * block, device=poses.device).clamp_max(n - 1)
    )
