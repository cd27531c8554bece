"""HardNet mining and the contrastive loss (Section 3.1, Eq. 1 and 2)."""

from typing import NamedTuple

import torch

from .fast.mined_distances import mined_distances
from .fast.mined_loss import mined_loss

#: Pairs from which on the distances are mined in blocks, without the (m, m) matrix.
FAST_FROM = 128


class HardestNegatives(NamedTuple):
    #: (m,) distance of each pair's nearest valid negative, +inf where there is none
    nearest: torch.Tensor
    found: torch.Tensor  #: (m,) bool, whether the pair has a valid negative


class ContrastiveLoss(NamedTuple):
    """The loss of Eq. 2, and the figures that tell whether training is healthy."""

    loss: torch.Tensor  #: scalar, Eq. 2
    valid_share: torch.Tensor  #: share of pairs that have a valid negative
    positive_distance: torch.Tensor  #: mean D(i, i)
    #: mean D(i, j), j != i: it falls to 0 in a collapse
    negative_distance: torch.Tensor


def pairwise_distances(anchor, positive):
    """D(i, j) = || anchor_i - positive_j ||_2.

    anchor, positive: `(m, d)`. Returns `(m, m)`. The gradient is finite, and 0, where a
    distance is 0.
    """
    check_pairs(anchor, positive)
    # Differences, not |a|^2 + |p|^2 - 2 a.p: near 0, where positives live, that formula
    # loses half the digits.
    mode = "donot_use_mm_for_euclid_dist"
    return torch.cdist(anchor, positive, compute_mode=mode)


def hardest_negatives(distances, beta=0.3):
    """Eq. 1 as intended: of each pair i, the nearest negative farther than beta, over
    row i and column i.

    distances: `(m, m)`, D of `pairwise_distances`. Returns `(nearest (m,), found
    (m,))`: D_min^i and whether there is one. A pair without a valid negative has
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
    """Eq. 2 together with what is worth watching: a `ContrastiveLoss`.

    anchor, positive: `(m, d)` embeddings, row i of both being the same instant in two
    views; m >= 2. The mean covers both terms; a pair without a valid negative gets no
    push. D(i, i) is not squared.
    """
    check_pairs(anchor, positive, least=2)
    if anchor.is_cuda:  # the same numbers, in a third of the operations
        return ContrastiveLoss(*mined_loss(anchor, positive, margin, beta))
    if len(anchor) >= FAST_FROM:  # the same numbers, in memory that grows with m only
        pull, nearest, found, others = mined_distances(anchor, positive, beta)
    else:
        distances = pairwise_distances(anchor, positive)
        nearest, found = hardest_negatives(distances, beta)
        pull, others = distances.diagonal(), mean_of_others(distances)
    push = (margin - nearest).clamp_min(0)  # inf gives 0: no push without a negative
    loss = (pull + push).mean()
    return ContrastiveLoss(loss, found.to(loss).mean(), pull.detach().mean(), others)


def multiview_contrastive_loss(anchor, positive, margin=0.6, beta=0.3):
    """Eq. 2, a scalar: mean over i of D(i, i) + max(0, margin - D_min^i). See
    `contrastive_loss`.
    """
    return contrastive_loss(anchor, positive, margin, beta).loss


def mean_of_others(distances):
    """The mean of D(i, j) over all j != i; carries no gradient."""
    distances = distances.detach()
    m = len(distances)
    return (distances.sum() - distances.trace()) / (m * (m - 1))


def check_pairs(anchor, positive, least=0):
    """Raises `ValueError` unless both are `(m, d)`, with m of at least `least`."""
    if anchor.ndim != 2 or anchor.shape != positive.shape:
        raise ValueError(
            f"anchor and positive must both be (m, d), not {tuple(anchor.shape)} and"
            f" {tuple(positive.shape)}"
        )
    if len(anchor) < least:
        raise ValueError(
            "the contrastive loss needs at least two pairs in a batch: a single pair"
            " has no negative"
        )
