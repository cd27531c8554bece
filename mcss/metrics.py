"""MPJPE, N-MPJPE and PA-MPJPE, as the field computes them (Section 5)."""

import torch

from .fast.procrustes import pairwise_residual
from .skeleton import check_pose

#: Pairs from which on compiling, half a minute, takes less time than it saves.
COMPILED_FROM = {"cpu": 1 << 28, "cuda": 1 << 33}


def mpjpe(predicted, target):
    """Mean per-joint position error: mean over joints of || predicted_j - target_j ||.

    predicted, target: `(..., J, 3)`, root-relative. Returns `(...)` in the unit of the
    input.
    """
    predicted, target = _check_pair(predicted, target)
    return (predicted - target).norm(dim=-1).mean(dim=-1)


def n_mpjpe(predicted, target):
    """MPJPE after scaling each prediction by `best_scale` (Rhodin et al., CVPR 2018).

    Forgives the person's size. Shapes and unit as in `mpjpe`. A prediction of all zeros
    stays zero.
    """
    predicted, target = _check_pair(predicted, target)
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

    Forgives size, place and orientation. Shapes and unit as in `mpjpe`.
    """
    predicted, target = _check_pair(predicted, target)
    return mpjpe(aligned(predicted, target), target)


def aligned(predicted, target):
    """Procrustes: each prediction turned, scaled and shifted onto its target, the best
    way in least squares (Umeyama, PAMI 1991).

    predicted, target: `(..., J, 3)`. Returns `(..., J, 3)`: s R p_j + t. R is a
    rotation, never a reflection; joints that all coincide go to the target's centre.
    """
    p, q = predicted.double(), target.double()
    centre = q.mean(-2, keepdim=True)
    p, q = p - p.mean(-2, keepdim=True), q - centre
    U, S, Vt = torch.linalg.svd(q.mT @ p)
    # where the best match would mirror, the least important axis is turned instead
    sign = torch.ones_like(S)
    sign[..., 2] = torch.where(torch.linalg.det(U @ Vt) < 0, -1, 1)
    R = (U * sign[..., None, :]) @ Vt
    square = p.square().sum((-2, -1))
    s = torch.where(square > 0, (S * sign).sum(-1) / square, 0)
    return (s[..., None, None] * p @ R.mT + centre).to(target.dtype)


def pairwise_pa_mpjpe(queries, gallery, compile=None):
    """PA-MPJPE of every gallery pose aligned to every query pose.

    queries `(Q, J, 3)`, gallery `(G, J, 3)`. Returns `(Q, G)`, what `pa_mpjpe` gives
    pair by pair, in closed form and in bounded memory besides that result.
    compile: whether to let `torch.compile` make one loop of it, which needs a C++
    compiler; None does so for so many pairs that it is worth it.
    """
    queries = check_pose(queries, "queries", None)
    gallery = check_pose(gallery, "gallery", None)
    if not queries.ndim == gallery.ndim == 3 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            "queries (Q, J, 3) and gallery (G, J, 3) do not fit:"
            f" {tuple(queries.shape)} and {tuple(gallery.shape)}"
        )
    if compile is None:
        compile = worth_compiling(len(queries) * len(gallery), queries.device)
    return pairwise_residual(queries, gallery, pa_mpjpe, compile)


def worth_compiling(pairs, device):
    """Whether so many pairs should be aligned by compiled code."""
    return pairs >= COMPILED_FROM.get(device.type, COMPILED_FROM["cpu"])


def _check_pair(predicted, target):
    predicted = check_pose(predicted, "predicted", None)
    target = check_pose(target, "target", None)
    if predicted.shape != target.shape:
        raise ValueError(
            f"predicted and target differ in shape: {tuple(predicted.shape)} and"
            f" {tuple(target.shape)}"
        )
    return predicted, target
