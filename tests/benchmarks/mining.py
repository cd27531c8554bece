"""Mining and loss, forward and backward, against pytorch-metric-learning."""

import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import ContrastiveLoss
from pytorch_metric_learning.reducers import SumReducer
from torch.nn.functional import normalize

from mcss.mining import hardest_negatives, multiview_contrastive_loss, pairwise_distances

from .timing import extra_memory, interleaved, row

MARGIN, BETA = 0.6, 0.3
TARGETS = {66: 1, 512: 3, 2048: 5, 4096: 5}
MATRIX = 65_536  # pairs whose matrix would take 17 GB


def embeddings(m, device, d=128):
    """Pairs in groups of 16 that are near each other, so that every pair has negatives within the
    margin.
    """
    generator = torch.Generator().manual_seed(m)
    centre = torch.randn(-(-m // 16), d, generator=generator).repeat_interleave(16, 0)[:m]
    anchor = normalize(centre + 0.4 * torch.randn(m, d, generator=generator), dim=1)
    positive = normalize(anchor + 0.02 * torch.randn(m, d, generator=generator), dim=1)
    return [x.to(device).requires_grad_() for x in (anchor, positive)]


class Peer:
    """`ContrastiveLoss` with `ref_emb` over the pairs that Eq. 1 picks, which it is given as
    indices.

    The picking is done as lightly as its tools allow: one distance matrix for both directions,
    without autograd.
    both: negatives found in a column go through a second call with anchors and positives exchanged.
    """

    def __init__(self, both):
        self.both, self.distance = both, LpDistance(normalize_embeddings=False)
        self.loss = ContrastiveLoss(
            pos_margin=0, neg_margin=MARGIN, distance=self.distance, reducer=SumReducer()
        )

    def __call__(self, anchor, positive):
        own = torch.arange(len(anchor), device=anchor.device)
        with torch.no_grad():
            D = self.distance(anchor, positive)
            D.fill_diagonal_(torch.inf).masked_fill_(D <= BETA, torch.inf)
            row, column = D.min(1), D.min(0)
            in_row = row.values <= column.values
        if not self.both:
            i, j = torch.where(in_row, own, column.indices), torch.where(in_row, row.indices, own)
            return self.loss(anchor, indices_tuple=(own, own, i, j), ref_emb=positive) / len(anchor)
        none, rows, columns = own[:0], own[in_row], own[~in_row]
        loss = self.loss(
            anchor, indices_tuple=(own, own, rows, row.indices[rows]), ref_emb=positive
        )
        return (
            loss
            + self.loss(
                positive,
                indices_tuple=(none, none, columns, column.indices[columns]),
                ref_emb=anchor,
            )
        ) / len(anchor)


def whole_matrix(anchor, positive):
    """The plain form, also where `mcss.mining` takes the fast one."""
    distances = pairwise_distances(anchor, positive)
    push = (MARGIN - hardest_negatives(distances, BETA).nearest).clamp_min(0)
    return (distances.diagonal() + push).mean()


def forward_and_backward(loss, pair):
    for x in pair:
        x.grad = None
    loss(*pair).backward()


def rows(device, rounds):
    losses = {
        "ours": lambda a, p: multiview_contrastive_loss(a, p, MARGIN, BETA),
        "pytorch-metric-learning, both directions": Peer(True),
        "pytorch-metric-learning, one call": Peer(False),
        "the whole matrix, plain": whole_matrix,
    }
    for m, target in TARGETS.items():
        pair = embeddings(m, device)
        expected = float(losses["ours"](*pair).detach())
        for name, loss in losses.items():
            difference = abs(float(loss(*pair).detach()) - expected)
            if difference > 1e-5:
                raise AssertionError(
                    f"{name} does other work: its loss differs by {difference} at m = {m}"
                )
        seconds = interleaved(
            {
                name: lambda loss=loss: forward_and_backward(loss, pair)
                for name, loss in losses.items()
            },
            rounds,
        )
        yield row(
            "mining and loss",
            m,
            "pairs",
            seconds,
            "pytorch-metric-learning, both directions",
            target=target,
            note=f"loss {expected:.4f}, equal to 1e-5",
        )
    for m in (16_384, MATRIX):
        pair = embeddings(m, device)
        seconds = interleaved(
            {"ours": lambda: forward_and_backward(losses["ours"], pair)}, 1, warm=0
        )
        memory = extra_memory(lambda: forward_and_backward(losses["ours"], pair), device) / 1e9
        yield row(
            "mining and loss",
            m,
            "pairs",
            seconds,
            faster=False,
            value=memory,
            unit="GB of extra memory",
            target=1 if m == MATRIX else None,
        )
