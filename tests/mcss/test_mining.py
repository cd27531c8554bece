import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import ContrastiveLoss
from pytorch_metric_learning.reducers import SumReducer
from torch.nn.functional import normalize

from mcss.fast import mined_distances
from mcss.mining import (
    contrastive_loss,
    hardest_negatives,
    multiview_contrastive_loss,
    pairwise_distances,
)


def embeddings(m, d=8, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    anchor = normalize(torch.randn(m, d, generator=generator, dtype=dtype), dim=1)
    return anchor, normalize(
        anchor + 0.3 * torch.randn(m, d, generator=generator, dtype=dtype), dim=1
    )


def double_loop(distances, beta):
    """Eq. 1 as intended, word by word."""
    nearest = []
    for i in range(len(distances)):
        valid = [
            float(distances[i, j])
            for j in range(len(distances))
            if j != i and distances[i, j] > beta
        ]
        valid += [
            float(distances[k, i])
            for k in range(len(distances))
            if k != i and distances[k, i] > beta
        ]
        nearest.append(min(valid, default=float("inf")))
    return nearest


def test_by_hand():
    D = torch.tensor([[0.1, 0.2, 0.9], [0.5, 0.0, 0.3], [0.7, 0.31, 0.2]])
    nearest, found = hardest_negatives(D, beta=0.3)
    # pair 0: row 0.9, column 0.5, 0.7 (0.2 is a near-duplicate); pair 1: row 0.5 (0.3 is not beyond
    # 0.3), column 0.31
    torch.testing.assert_close(nearest, torch.tensor([0.5, 0.31, 0.31]))
    assert found.all()


def test_the_column_is_searched_as_well_as_the_row():
    D = torch.tensor([[0.0, 1.0], [0.4, 0.0]])
    assert hardest_negatives(D).nearest.tolist() == pytest.approx([0.4, 0.4])


def test_a_distance_of_exactly_beta_is_not_a_negative():
    D = torch.tensor([[0.0, 0.25], [0.25, 0.0]])
    assert not hardest_negatives(D, beta=0.25).found.any()
    assert hardest_negatives(D, beta=0.2499).found.all()


@given(st.integers(2, 12), st.integers(0, 10**6), st.floats(0, 1.5))
@settings(deadline=None, max_examples=100)
def test_against_a_double_loop(m, seed, beta):
    D = 2 * torch.rand(m, m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    nearest, found = hardest_negatives(D, beta)
    assert nearest.tolist() == double_loop(D, beta)
    assert found.tolist() == [x < float("inf") for x in nearest.tolist()]


def test_the_loss_by_hand():
    """Three unit vectors of the plane: at 0, 90 and 180 degrees, anchors equal to positives but for
    the third.
    """
    anchor = torch.tensor([[1.0, 0], [0, 1], [-1, 0]])
    positive = torch.tensor([[1.0, 0], [0, 1], [0, 1]])
    # D(2, 2) = sqrt 2; D(1, 2) = 0 and no negative; all others sqrt 2 or 2, beyond any margin of
    # 0.6
    assert multiview_contrastive_loss(anchor, positive) == pytest.approx(2**0.5 / 3)
    # with a margin of 2 each pair is pushed by 2 - sqrt 2
    assert multiview_contrastive_loss(anchor, positive, margin=2.0) == pytest.approx(
        2**0.5 / 3 + 2 - 2**0.5
    )


def test_no_push_where_no_negative_exists():
    anchor = torch.ones(4, 3, requires_grad=True) / 3**0.5
    report = contrastive_loss(anchor, anchor.detach())
    assert report.loss == 0 and report.valid_share == 0 and report.negative_distance == 0


def test_the_reported_figures():
    anchor, positive = embeddings(20)
    D = pairwise_distances(anchor, positive)
    off = ~torch.eye(20, dtype=torch.bool)
    report = contrastive_loss(anchor, positive, beta=0.9)
    assert report.negative_distance.item() == pytest.approx(D[off].mean().item())
    assert report.positive_distance.item() == pytest.approx(D.diagonal().mean().item())
    assert report.valid_share.item() == pytest.approx(
        sum(x < float("inf") for x in double_loop(D, 0.9)) / 20
    )


def test_distances_against_their_definition():
    anchor, positive = embeddings(9)
    torch.testing.assert_close(
        pairwise_distances(anchor, positive), (anchor[:, None] - positive[None]).norm(dim=2)
    )


def test_gradient():
    anchor, positive = (x.clone().requires_grad_() for x in embeddings(6, seed=3))
    assert torch.autograd.gradcheck(
        lambda a, p: multiview_contrastive_loss(a, p, 1.2, 0.3), (anchor, positive)
    )


def test_the_gradient_is_finite_where_a_distance_is_zero():
    anchor = embeddings(5)[0].clone().requires_grad_()
    multiview_contrastive_loss(anchor, anchor.detach().clone()).backward()
    assert torch.isfinite(anchor.grad).all()


@pytest.mark.parametrize("margin", [0.6, 1.2])
def test_against_pytorch_metric_learning(margin):
    """Its contrastive loss over the pairs that Eq. 1 picks, given to it as indices."""
    anchor, positive = embeddings(16, seed=5)
    beta, m = 0.3, 16
    D = pairwise_distances(anchor, positive)
    rows, columns = [], []
    for i, nearest in enumerate(double_loop(D, beta)):
        where = [(i, j) for j in range(m) if j != i and D[i, j] == nearest] + [
            (k, i) for k in range(m) if k != i and D[k, i] == nearest
        ]
        rows.append(where[0][0])
        columns.append(where[0][1])
    own = torch.arange(m)
    loss = ContrastiveLoss(
        pos_margin=0,
        neg_margin=margin,
        distance=LpDistance(normalize_embeddings=False),
        reducer=SumReducer(),
    )
    expected = loss(
        anchor,
        indices_tuple=(own, own, torch.tensor(rows), torch.tensor(columns)),
        ref_emb=positive,
    )
    torch.testing.assert_close(
        multiview_contrastive_loss(anchor, positive, margin, beta), expected / m
    )


@pytest.mark.parametrize("m", [128, 129, 300])
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.1])
@pytest.mark.parametrize("kind", ["spread out", "crowded", "repeated", "long"])
def test_the_fast_form_is_the_plain_form(m, beta, kind, monkeypatch):
    """Value, figures and gradient, in blocks that do not divide m; also where rounding decides what
    is beyond beta.
    """
    monkeypatch.setattr(mined_distances, "SIDE", 112)
    anchor, positive = embeddings(m, 2 if kind == "crowded" else 16, seed=m, dtype=torch.float32)
    if kind == "repeated":
        anchor = positive = anchor[torch.arange(m) // 3]
    scale = 50 if kind == "long" else 1
    results = []
    for fast_from in (10**9, 0):
        monkeypatch.setattr("mcss.mining.FAST_FROM", fast_from)
        a, p = (x.mul(scale).requires_grad_() for x in (anchor, positive))
        found = contrastive_loss(a, p, 1.2 * scale, beta * scale)
        found.loss.backward()
        results.append(
            (torch.stack(found).detach() / torch.tensor([scale, 1, scale, scale]), a.grad, p.grad)
        )
    torch.testing.assert_close(results[1][0], results[0][0], atol=1e-5, rtol=0)
    if kind in (
        "spread out",
        "long",
    ):  # elsewhere several are the nearest, and either may be pushed
        torch.testing.assert_close(results[1][1:], results[0][1:], atol=1e-5, rtol=0)


def test_the_fast_form_needs_no_matrix(monkeypatch):
    largest = []
    product = torch.Tensor.__matmul__
    monkeypatch.setattr(
        torch.Tensor,
        "__matmul__",
        lambda a, b: largest.append(len(a) * b.shape[1]) or product(a, b),
    )
    multiview_contrastive_loss(*embeddings(3000, dtype=torch.float32))
    assert max(largest) == mined_distances.SIDE**2 and len(largest) == 9


def test_bad_input():
    with pytest.raises(ValueError, match="at least two pairs"):
        multiview_contrastive_loss(torch.ones(1, 4), torch.ones(1, 4))
    with pytest.raises(ValueError, match=r"\(m, d\)"):
        pairwise_distances(torch.ones(3, 4), torch.ones(2, 4))
    with pytest.raises(ValueError, match="square"):
        hardest_negatives(torch.ones(3, 4))
