"""HardNet mining and the contrastive loss (Section 3.1, Eq. 1 and 2)."""

from typing import NamedTuple

import torch
from torch.nn.functional import cross_entropy

from .fast.nearest_negatives import nearest_negatives


class HardestNegatives(NamedTuple):
    #: (m,) distance of the nearest valid negative of each pair, +inf where there is
    #: none
    nearest: torch.Tensor
    found: torch.Tensor  #: (m,) bool, whether the pair has a valid negative


class ContrastiveLoss(NamedTuple):
    """What `contrastive_loss` found: the loss of Eq. 2 and the figures worth watching."""

    loss: torch.Tensor  #: scalar, Eq. 2
    valid_share: torch.Tensor  #: share of pairs that have a valid negative
    positive_distance: torch.Tensor  #: mean D(i, i)
    negative_distance: (
        torch.Tensor
    )  #: mean D(i, j), j != i: it falls to 0 in a collapse


def pairwise_distances(anchor, positive):
    """D(i, j) = || anchor_i - positive_j ||_2.

    anchor, positive: `(m, d)`. Returns `(m, m)`. The gradient is finite, and 0, where a
    distance is 0.
    """
    _check_shapes(anchor, positive)
    # Differences, not |a|^2 + |p|^2 - 2 a.p: near 0, where positives live, that formula
    # loses half the digits.
    return torch.cdist(anchor, positive, compute_mode="donot_use_mm_for_euclid_dist")


def hardest_negatives(distances, beta=0.3):
    """Eq. 1 as intended: of each pair i, the nearest negative farther than beta, over
    row i and column i.

    distances: `(m, m)`, D of `pairwise_distances`. Returns `(nearest (m,), found (m,)
    bool)`: D_min^i and whether there is one. A pair without a valid negative has
    `nearest` = inf and `found` = False.

    Taken literally, argmin of delta(D) * D picks exactly the pairs with D <= beta,
    whose product is 0 and which the text wants left out as near-duplicates; intended is
    the argmin over {j != i, D(i, j) > beta}.
    """
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1]:
        raise ValueError(
            f"distances must be a square (m, m) matrix, not {tuple(distances.shape)}"
        )
    own = torch.eye(len(distances), dtype=torch.bool, device=distances.device)
    candidates = distances.masked_fill(own | (distances <= beta), torch.inf)
    nearest = torch.minimum(candidates.amin(dim=1), candidates.amin(dim=0))
    return HardestNegatives(nearest, torch.isfinite(nearest))


def contrastive_loss(anchor, positive, margin=0.6, beta=0.3):
    """Eq. 2 together with the figures that tell whether training is healthy: a
    `ContrastiveLoss`.

    anchor, positive: `(m, d)` embeddings, row i of both being the same instant in two
    views; m >= 2. The mean covers both terms; a pair without a valid negative gets no
    push. D(i, i) is not squared.
    """
    distances = _distances_of_batch(anchor, positive)
    nearest, found = hardest_negatives(distances, beta)
    pull = distances.diagonal()
    push = (margin - nearest).clamp_min(
        0
    )  # inf gives 0: no push where no negative exists
    return _with_figures((pull + push).mean(), distances, found)


def sparse_contrastive_loss(anchor, positive, margin=0.6, beta=0.3):
    """`contrastive_loss` for any m: only the m distances D(i, i) and the m mined ones
    carry a gradient, so no more are kept.

    Arguments and result as in `contrastive_loss`, whose value it gives to 1e-5; memory
    grows with m, not with m x m.
    """
    _check_batch(anchor, positive)
    nearest = nearest_negatives(anchor, positive, beta)
    pull, mined = OwnAndMined.apply(anchor, positive, nearest.anchor, nearest.positive)
    push = torch.where(nearest.found, (margin - mined).clamp_min(0), 0)
    return ContrastiveLoss(
        (pull + push).mean(),
        nearest.found.to(pull.dtype).mean(),
        pull.detach().mean(),
        nearest.mean_distance.to(pull.dtype),
    )


class OwnAndMined(torch.autograd.Function):
    """All D(i, i), and D(i, j) for lists of i and j: `(m, d)` twice, `(n,)` indices
    twice -> `(m,)`, `(n,)`. The gradient is 0 where a distance is 0.

    What autograd would do with indexing, subtraction and norm, in fewer passes over
    `(m, d)`.
    """

    @staticmethod
    def forward(ctx, anchor, positive, i, j):
        own, mined = (
            anchor - positive,
            anchor.index_select(0, i).sub_(positive.index_select(0, j)),
        )
        distances = [torch.linalg.vector_norm(ends, dim=1) for ends in (own, mined)]
        ctx.save_for_backward(own, mined, *distances, i, j)
        return tuple(distances)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *gradients):
        own, mined, *distances, i, j = ctx.saved_tensors
        own, mined = (
            ends * torch.where(distance > 0, gradient / distance, 0)[:, None]
            for ends, distance, gradient in zip((own, mined), distances, gradients)
        )
        return (
            own.index_add(0, i, mined),
            own.neg().index_add_(0, j, mined, alpha=-1),
            None,
            None,
        )


def multiview_contrastive_loss(anchor, positive, margin=0.6, beta=0.3):
    """Eq. 2, a scalar: mean over i of D(i, i) + max(0, margin - D_min^i). See
    `contrastive_loss`.
    """
    return sparse_contrastive_loss(anchor, positive, margin, beta).loss


def _check_shapes(anchor, positive):
    if anchor.ndim != 2 or anchor.shape != positive.shape:
        raise ValueError(
            f"anchor and positive must both be (m, d), not {tuple(anchor.shape)} and"
            f" {tuple(positive.shape)}"
        )


def _check_batch(anchor, positive):
    _check_shapes(anchor, positive)
    if len(anchor) < 2:
        raise ValueError(
            "the contrastive loss needs at least two pairs in a batch: a single pair"
            " has no negative"
        )


def _distances_of_batch(anchor, positive):
    _check_batch(anchor, positive)
    return pairwise_distances(anchor, positive)


def _with_figures(loss, distances, found):
    m, pull = len(distances), distances.detach().diagonal()
    return ContrastiveLoss(
        loss=loss,
        valid_share=found.to(distances.dtype).mean(),
        positive_distance=pull.mean(),
        negative_distance=(distances.detach().sum() - pull.sum()) / (m * (m - 1)),
    )


# What the paper's mining is compared with, over the same batches (experiment `mining`).


def semi_hard_loss(anchor, positive, margin=0.6, beta=0.3):
    """Eq. 2 with semi-hard negatives (Schroff et al., CVPR 2015): the nearest that is
    farther than the positive.

    Arguments and result as in `contrastive_loss`; beta is not used.
    """
    distances = _distances_of_batch(anchor, positive)
    pull = distances.diagonal()
    in_row = distances.masked_fill(distances <= pull[:, None], torch.inf).amin(dim=1)
    in_column = distances.masked_fill(distances <= pull, torch.inf).amin(dim=0)
    nearest = torch.minimum(in_row, in_column)
    return _with_figures(
        (pull + (margin - nearest).clamp_min(0)).mean(),
        distances,
        torch.isfinite(nearest),
    )


def random_loss(anchor, positive, margin=0.6, beta=0.3):
    """Eq. 2 with a negative drawn at random, in expectation: the mean push of all j !=
    i. beta is not used.
    """
    distances = _distances_of_batch(anchor, positive)
    m, pull = len(distances), distances.diagonal()
    push = (margin - distances).clamp_min(0)
    push = (push.sum(1) - push.diagonal()) / (m - 1)
    return _with_figures((pull + push).mean(), distances, torch.ones_like(pull))


def info_nce_loss(anchor, positive, margin=0.6, beta=0.3, temperature=0.1):
    """InfoNCE (van den Oord et al., 2018) in both directions over cosine similarity;
    margin and beta are not used.

    temperature 0.1 is SimCLR's (Chen et al., ICML 2020).
    """
    distances = _distances_of_batch(anchor, positive)
    similarity = (1 - distances.square() / 2) / temperature  # of unit vectors
    own = torch.arange(len(distances), device=distances.device)
    loss = (cross_entropy(similarity, own) + cross_entropy(similarity.T, own)) / 2
    return _with_figures(loss, distances, torch.ones_like(own))


#: The metric losses by name; the first is the paper's.
LOSSES = {
    "hardest": sparse_contrastive_loss,
    "semi-hard": semi_hard_loss,
    "random": random_loss,
    "infonce": info_nce_loss,
}
