"""What the paper's mining is compared with, against double loops and pytorch-metric-learning."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import NTXentLoss
from torch.nn.functional import normalize

from mcss.ablations import LOSSES, MixedSubjectPairs, info_nce_loss, random_loss, semi_hard_loss
from mcss.mining import multiview_contrastive_loss, pairwise_distances


def pairs(m, seed, d=8):
    generator = torch.Generator().manual_seed(seed)
    anchor = normalize(torch.randn(m, d, generator=generator, dtype=torch.float64), dim=1)
    return anchor, normalize(
        anchor + 0.6 * torch.randn(m, d, generator=generator, dtype=torch.float64), dim=1
    )


@given(st.integers(2, 10), st.integers(0, 10**6))
@settings(deadline=None, max_examples=50)
def test_semi_hard_against_a_double_loop(m, seed):
    anchor, positive = pairs(m, seed)
    D = pairwise_distances(anchor, positive)
    losses = []
    for i in range(m):
        farther = [float(d) for j in range(m) for d in (D[i, j], D[j, i]) if j != i and d > D[i, i]]
        losses.append(float(D[i, i]) + (max(0, 0.6 - min(farther)) if farther else 0))
    assert semi_hard_loss(anchor, positive, 0.6).loss.item() == pytest.approx(sum(losses) / m)


@given(st.integers(2, 10), st.integers(0, 10**6))
@settings(deadline=None, max_examples=50)
def test_random_is_the_expectation(m, seed):
    anchor, positive = pairs(m, seed)
    D = pairwise_distances(anchor, positive)
    pushes = [
        sum(max(0, 0.9 - float(D[i, j])) for j in range(m) if j != i) / (m - 1) for i in range(m)
    ]
    assert random_loss(anchor, positive, 0.9).loss.item() == pytest.approx(
        sum(pushes) / m + D.diagonal().mean().item()
    )


def test_infonce_against_another_library():
    anchor, positive = pairs(9, 4)
    labels = torch.arange(9)
    theirs = NTXentLoss(temperature=0.1)
    expected = (
        theirs(anchor, labels, ref_emb=positive, ref_labels=labels.clone())
        + theirs(positive, labels, ref_emb=anchor, ref_labels=labels.clone())
    ) / 2
    assert info_nce_loss(anchor, positive).loss.item() == pytest.approx(expected.item())


@pytest.mark.parametrize("name", LOSSES)
def test_all_share_one_shape(name):
    anchor, positive = pairs(6, 1)
    anchor.requires_grad_()
    found = LOSSES[name](anchor, positive, 0.6, 0.3)
    found.loss.backward()
    assert torch.isfinite(anchor.grad).all() and 0 <= found.valid_share <= 1
    D = pairwise_distances(anchor, positive).detach()
    assert found.positive_distance.item() == pytest.approx(D.diagonal().mean().item())
    assert found.negative_distance.item() == pytest.approx(
        ((D.sum() - D.diagonal().sum()) / 30).item()
    )
    with pytest.raises(ValueError, match="at least two pairs"):
        LOSSES[name](anchor[:1], positive[:1])


def test_the_first_is_the_paper_s():
    anchor, positive = pairs(7, 2)
    assert LOSSES["hardest"](anchor, positive).loss == multiview_contrastive_loss(anchor, positive)


def test_a_mixed_batch_holds_every_subject_and_an_epoch_every_instant(store):
    mixed = MixedSubjectPairs(store, pairs=8, gap=0.2, seed=1)
    batches = mixed.epoch(0)
    assert len(batches) == len(mixed)
    assert all(
        set(batch.subject) == {"A", "B"} and len(batch.subject) == len(batch.frames) <= 10
        for batch in batches[:-1]
    )
    shown = sorted((s, f) for batch in batches for s, f in zip(batch.subject, batch.frames))
    assert shown == sorted((s, f) for s in ("A", "B") for f in store.splits["train"].frames[s])
    assert all((batch.anchor_views != batch.positive_views).all() for batch in batches)
