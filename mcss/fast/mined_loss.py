"""Eq. 1 and 2 on a GPU, where each operation costs the same whatever its size: as few
as can be, and none whose result the main thread has to wait for.
"""

from typing import NamedTuple

import torch
from torch.nn.functional import threshold_

#: Of the mean distance: nearer than this to beta counts as beta, since the embeddings
#: are no more exact.
ROUNDING = 2e-7
#: Distances looked at together: half a gigabyte.
AT_ONCE = 1 << 26


class Mined(NamedTuple):
    """What `mcss.mining.ContrastiveLoss` holds."""

    loss: torch.Tensor
    valid_share: torch.Tensor
    positive_distance: torch.Tensor
    negative_distance: torch.Tensor


def mined_loss(anchor, positive, margin, beta):
    """Eq. 2 with its figures, a `Mined`: the same to 1e-5 as the plain form gives.

    anchor, positive: `(m, d)`. All distances are compared in float64, which needs no
    second look where rounding could decide, and which no setting makes less exact; of
    two negatives that are equally near to six digits it may take the other. Memory
    grows with m.
    """
    return Mined(*MinedLoss.apply(anchor, positive, margin, beta))


class MinedLoss(torch.autograd.Function):
    """(anchor, positive, margin, beta) -> the four of `Mined`. The gradient is 0 where
    a distance is 0.
    """

    @staticmethod
    def forward(ctx, anchor, positive, margin, beta):
        ctx.set_materialize_grads(False)  # of the figures there is none
        m = len(anchor)
        with torch.autocast(anchor.device.type, enabled=False):
            row, column, others = _nearest(anchor, positive, beta)
            each = torch.arange(m, device=anchor.device)
            in_row = row[0] <= column[0]
            nearest = torch.minimum(row[0], column[0])
            # own distances first, then the mined ones
            i = torch.cat((each, torch.where(in_row, each, column[1])))
            j = torch.cat((each, torch.where(in_row, row[1], each)))
            ends = anchor.index_select(0, i).sub_(positive.index_select(0, j))
            distances = torch.linalg.vector_norm(ends, dim=1)
            own, mined = distances.split(m)
            # beyond the margin there is neither push nor gradient
            mined.masked_fill_(nearest >= margin, torch.inf)
            push, pull = (margin - mined).clamp_min_(0).mean(), own.mean()
            valid = (nearest < torch.inf).mean(dtype=own.dtype)
            # from here on by how much, and which way, each end is moved
            own.clamp_min_(torch.finfo(own.dtype).tiny)
            mined.neg_()
        ctx.save_for_backward(ends, distances, i, j)
        ctx.mark_non_differentiable(valid, pull, others)
        return pull + push, valid, pull, others

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient, *_):
        ends, distances, i, j = ctx.saved_tensors
        m = len(ends) // 2
        ends = ends * (gradient / distances)[:, None]
        zero = ends.new_zeros(m, ends.shape[1])
        of_anchor = zero.index_add(0, i, ends, alpha=1 / m)
        return of_anchor, zero.index_add(0, j, ends, alpha=-1 / m), None, None


def _nearest(anchor, positive, beta):
    """Distance and index of the nearest beyond beta in each row of D, the same of each
    column, `(m,)` each, and the mean of all D(i, j), j != i.
    """
    m, anchor, rest = len(anchor), anchor.double(), positive.double()
    rows = max(1, AT_ONCE // m)
    if m <= rows:
        return _strip(anchor, rest, 0, beta)
    strips = [
        _strip(part, rest, first, beta)
        for part, first in zip(anchor.split(rows), range(0, m, rows))
    ]
    row, column, mean = zip(*strips)
    row = [torch.cat(each) for each in zip(*row)]
    value, index = (torch.stack(each) for each in zip(*column))
    value, strip = value.min(0)
    index = index.gather(0, strip[None])[0] + strip * rows
    weights = [len(part) / m for part in anchor.split(rows)]
    mean = sum(each * weight for each, weight in zip(mean, weights))
    return row, (value, index), mean


def _strip(anchor, positive, first, beta):
    """Rows `first` and following of D: the nearest beyond beta in each, in each column,
    and the mean without D(i, i).
    """
    D = torch.cdist(anchor, positive, compute_mode="use_mm_for_euclid_dist")
    (D[:, first:] if first else D).fill_diagonal_(0)
    total = D.sum(dtype=torch.float32)
    mean = total / (D.numel() - len(D))
    D.sub_(mean, alpha=ROUNDING)
    # equal embeddings of unit length may lie 1e-8 apart here
    threshold_(D, max(beta, ROUNDING), torch.inf)
    return D.min(1), D.min(0), mean
