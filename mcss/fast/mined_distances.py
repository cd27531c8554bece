"""Eq. 1 in blocks: which distances the loss is about, found without autograd and
without the m x m matrix. Only the m distances D(i, i) and the m mined ones carry a
gradient, so no more are kept.
"""

from typing import NamedTuple

import torch
from torch.nn.functional import threshold_

from .full_float32 import full_float32

#: Pairs that are decided anew in float64 together, where rounding may have decided.
UNSURE = 128
#: Pairs along one side of a block, which bounds the memory: what a core's cache holds.
SIDE = 1024
#: Of the largest distance: nearer than this to beta counts as beta, since the
#: embeddings are no more exact.
ROUNDING = 1e-7
#: Rows looked at together before the nearest is sought among them; all sides are
#: multiples of it.
GROUP = 16


class Mined(NamedTuple):
    """All that Eq. 2 takes of the distances D(i, j) = || anchor_i - positive_j ||."""

    own: torch.Tensor  #: (m,) D(i, i), with gradient
    #: (m,) D_min^i with gradient, +inf where there is none
    nearest: torch.Tensor
    found: torch.Tensor  #: (m,) bool, whether there is one
    mean_distance: torch.Tensor  #: scalar, mean of D(i, j) over j != i


def mined_distances(anchor, positive, beta):
    """Of each pair its own distance and that of the nearest negative farther than beta,
    over row and column: `Mined`.

    anchor, positive: `(m, d)`; meant for 128 pairs and more. The same to 1e-5 as
    `pairwise_distances` and `hardest_negatives` of `mcss.mining` give; memory grows
    with m, not with m x m.
    """
    picked = nearest_negatives(anchor, positive, beta)
    own, mined = OwnAndMined.apply(anchor, positive, picked.anchor, picked.positive)
    nearest = torch.where(picked.found, mined, torch.inf)
    return Mined(own, nearest, picked.found, picked.mean_distance.to(own.dtype))


class OwnAndMined(torch.autograd.Function):
    """All D(i, i), and D(i, j) for lists of i and j: `(m, d)` twice, `(n,)` indices
    twice -> `(m,)`, `(n,)`. The gradient is 0 where a distance is 0.

    What autograd would do with indexing, subtraction and norm, in fewer passes over
    `(m, d)`.
    """

    @staticmethod
    def forward(ctx, anchor, positive, i, j):
        own = anchor - positive
        mined = anchor.index_select(0, i).sub_(positive.index_select(0, j))
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
        of_positive = own.neg().index_add_(0, j, mined, alpha=-1)
        return own.index_add(0, i, mined), of_positive, None, None


class Nearest(NamedTuple):
    """Of each pair i, where its D_min^i lies in D, and whether there is one."""

    anchor: torch.Tensor  #: (m,) row of D: i itself, or the anchor of another pair
    #: (m,) column of D: the positive of another pair, or i itself
    positive: torch.Tensor
    found: torch.Tensor  #: (m,) bool
    mean_distance: torch.Tensor  #: scalar, mean of D(i, j) over j != i


@torch.no_grad()
def nearest_negatives(anchor, positive, beta):
    """For each pair the nearest negative farther than beta, over row and column: a
    `Nearest`.

    anchor, positive: `(m, d)`. The same choice as `mcss.mining.hardest_negatives` makes
    on the whole matrix; but of two negatives that are equally near to six digits it may
    take the other. Memory grows with m, not with m x m.
    """
    with torch.autocast(anchor.device.type, enabled=False):
        m, own = len(anchor), torch.arange(len(anchor), device=anchor.device)
        row, column, total = _in_blocks(anchor, positive, beta)
        in_row = row[0] <= column[0]
        found = torch.isfinite(torch.minimum(row[0], column[0]))
        return Nearest(
            torch.where(in_row, own, column[1]),
            torch.where(in_row, row[1], own),
            found,
            total / (m * (m - 1)),
        )


def _distances(a, b):
    squares = torch.addmm(b.square().sum(1), a, b.T, alpha=-2)
    return squares.add_(a.square().sum(1, keepdim=True)).clamp_min_(0).sqrt_()


def _in_blocks(anchor, positive, beta):
    """Distance and index of the nearest beyond beta in each row, the same of each
    column, and the sum of all D(i, j), j != i.
    """
    m, device, side = len(anchor), anchor.device, SIDE
    a, b = (x if x.dtype == torch.float64 else x.float() for x in (anchor, positive))
    a2, b2 = a.square().sum(1, keepdim=True), b.square().sum(1, keepdim=True)
    # |a|^2 + |b|^2 - 2 a.b as one product; what fills up the last group is infinitely
    # far away
    fill, one = -m % GROUP, torch.ones_like(a2)
    left, right = torch.cat((-2 * a, a2, one), 1), torch.cat((b, one, b2), 1)
    if fill:
        nowhere = left.new_zeros(2, fill, left.shape[1])
        nowhere[0, :, -2] = nowhere[1, :, -1] = torch.inf
        nowhere[0, :, -1] = nowhere[1, :, -2] = 1
        left, right = torch.cat((left, nowhere[0])), torch.cat((right, nowhere[1]))

    error = 16 * torch.finfo(a.dtype).eps * (a2.amax() + b2.amax())
    error = (error / error.sqrt().clamp_min(beta)).item()  # of a distance near beta
    value = a.new_full((2, m + fill), torch.inf)  # of rows, of columns
    index = torch.zeros(2, m + fill, dtype=torch.long, device=device)
    total = a.new_zeros((), dtype=torch.float64)
    for i in range(0, m, side):
        for j in range(0, m, side):
            with full_float32():
                D = left[i : i + side] @ right[j : j + side].T
            D.clamp_min_(0).sqrt_()
            total += D[: m - i, : m - j].sum()
            if i == j:
                total -= D.diagonal()[: m - i].sum()
                D.diagonal().fill_(torch.inf)
            threshold_(D, beta - error, torch.inf)
            for k, part, first, (near, where) in (
                (0, slice(i, i + side), j, _minimum(D, 1)),
                (1, slice(j, j + side), i, _minimum(D, 0)),
            ):
                better = near < value[k, part]
                value[k, part] = torch.where(better, near, value[k, part])
                index[k, part] = torch.where(better, where + first, index[k, part])
    value, index = value[:, :m], index[:, :m]
    unsure = torch.nonzero(value.amin(0) <= beta + error)[
        :, 0
    ]  # rounding may have decided: once more, in float64
    for i in unsure.split(UNSURE) if len(unsure) else ():
        for k, (x, y) in enumerate(((anchor, positive), (positive, anchor))):
            D = _distances(x[i].double(), y.double())
            D[torch.arange(len(i), device=device), i] = 0
            near, index[k, i] = D.masked_fill_(
                D <= beta + ROUNDING * D.amax(), torch.inf
            ).min(1)
            value[k, i] = near.to(a.dtype)
    return (value[0], index[0]), (value[1], index[1]), total


def _minimum(D, dim):
    """`D.min(dim)` in a fifth of the time: a minimum without its place is quick, and
    its place is then one of GROUP.
    """
    members = D.unflatten(dim, (GROUP, -1))
    value, group = members.amin(dim).min(dim, keepdim=True)
    place = group.unsqueeze(dim).expand(
        *members.shape[: dim + 1], 1, *members.shape[dim + 2 :]
    )
    member = members.gather(dim + 1, place).min(dim).indices
    return value.squeeze(dim), (member * members.shape[dim + 1] + group).squeeze(dim)
