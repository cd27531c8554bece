import warnings

import numpy as np
import pytest
import roma
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from mcss.fast import procrustes as fast
from mcss.metrics import mpjpe, n_mpjpe, pa_mpjpe, pairwise_pa_mpjpe


def poses(n, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    base = torch.randn(16, 3, generator=generator, dtype=dtype) * 300
    return base + torch.randn(n, 16, 3, generator=generator, dtype=dtype) * 150


def by_roma(predicted, target):
    R, t, s = roma.rigid_points_registration(predicted, target, compute_scaling=True)
    return (s[:, None, None] * predicted @ R.mT + t[:, None] - target).norm(dim=-1).mean(-1)


def test_by_hand():
    target = torch.zeros(2, 3)
    target[1] = torch.tensor([3.0, 4, 0])
    assert mpjpe(torch.zeros(2, 3), target) == 2.5
    assert n_mpjpe(2 * target, target) == pytest.approx(0)
    # <p, g> / <p, p> = 3 / 9: the best multiple of (3, 0, 0) for (1, 2, 0) is (1, 0, 0), off by 2;
    # mean over 2 joints
    assert n_mpjpe(
        torch.tensor([[0.0, 0, 0], [3, 0, 0]]), torch.tensor([[0.0, 0, 0], [1, 2, 0]])
    ) == pytest.approx(1)
    # two points align to any two points
    assert pa_mpjpe(torch.tensor([[0.0, 0, 0], [0, 0, 7]]), target) == pytest.approx(0, abs=1e-5)


def test_a_mirrored_pose_is_not_forgiven():
    pose = poses(1)[0]
    assert pa_mpjpe(pose * torch.tensor([-1.0, 1, 1]), pose) > 50


@given(st.integers(0, 10**6), st.floats(0.1, 10), st.floats(-3000, 3000))
@settings(deadline=None, max_examples=60)
def test_any_similarity_is_forgiven(seed, scale, shift):
    pose = poses(1, seed)[0]
    R = torch.from_numpy(Rotation.random(random_state=seed).as_matrix())
    assert pa_mpjpe(scale * pose @ R.T + shift, pose) < 1e-6


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=30)
def test_each_metric_forgives_more_and_none_is_negative(seed):
    a, b = poses(2, seed)
    assert 0 <= pa_mpjpe(a, b)
    # PA minimises the squared error, so it need not lie under the others for every single pose; its
    # square does
    assert n_mpjpe(a, a) < 1e-9 and mpjpe(a, a) == 0 and n_mpjpe(a, b) >= 0


def test_against_roma():
    a, b = poses(200, 1), poses(200, 2)
    torch.testing.assert_close(pa_mpjpe(a, b), by_roma(a, b), atol=1e-6, rtol=0)


def test_against_scipy():
    a, b = poses(20, 3).numpy(), poses(20, 4).numpy()
    for p, t, ours in zip(a, b, pa_mpjpe(torch.from_numpy(a), torch.from_numpy(b))):
        U, _, Vt = np.linalg.svd((t - t.mean(0)).T @ (p - p.mean(0)))
        if np.linalg.det(U @ Vt) < 0:
            continue  # scipy's alignment would reflect
        target, aligned, _ = procrustes(t, p)
        size = np.linalg.norm(t - t.mean(0))
        assert np.linalg.norm(target - aligned, axis=1).mean() * size == pytest.approx(
            ours.item(), abs=1e-6
        )


DEGENERATE = {
    "flat": lambda p: p * torch.tensor([1.0, 1, 0]),
    "on a line": lambda p: p * torch.tensor([1.0, 0, 0]),
    "mirrored": lambda p: p * torch.tensor([1.0, 1, -1]),
    "itself": lambda p: p,
}


@pytest.mark.parametrize("kind", DEGENERATE)
def test_degenerate_poses_against_roma(kind):
    a, b = poses(50, 5), poses(50, 6)
    for target in (b, a):
        odd = DEGENERATE[kind](a)
        torch.testing.assert_close(pa_mpjpe(odd, target), by_roma(odd, target), atol=1e-3, rtol=0)
        torch.testing.assert_close(pa_mpjpe(target, odd), by_roma(target, odd), atol=1e-3, rtol=0)


def test_joints_all_in_one_place():
    point, pose = torch.ones(1, 16, 3), poses(1, dtype=torch.float32)
    assert pa_mpjpe(pose, point) == 0
    expected = (pose - pose.mean(1, keepdim=True)).norm(dim=-1).mean()
    torch.testing.assert_close(pa_mpjpe(point, pose)[0], expected)


def test_pairwise_is_the_metric_pair_by_pair(monkeypatch):
    queries, gallery = poses(7, 7), poses(11, 8)
    expected = torch.stack([pa_mpjpe(gallery, q.expand(11, 16, 3)) for q in queries])
    torch.testing.assert_close(pairwise_pa_mpjpe(queries, gallery), expected)
    monkeypatch.setattr("mcss.fast.procrustes.BLOCK", (1, 5))  # in blocks smaller than a row
    torch.testing.assert_close(pairwise_pa_mpjpe(queries, gallery), expected)


@pytest.mark.slow
def test_compiled_it_is_the_same(monkeypatch):
    """Three joints, so that compiling takes little time; blocks that do not divide the poses; flat
    poses, which are degenerate.
    """
    monkeypatch.setattr("mcss.fast.procrustes.BLOCK", (8, 64))
    queries, gallery = poses(19, 7, torch.float32)[:, :3], poses(70, 8, torch.float32)[:, :3]
    gallery[5] = gallery[5, :1]
    with warnings.catch_warnings(
        action="error", category=RuntimeWarning
    ):  # that it stays uncompiled
        torch.testing.assert_close(
            pairwise_pa_mpjpe(queries, gallery, compile=True),
            pairwise_pa_mpjpe(queries, gallery),
            atol=1e-3,
            rtol=0,
        )


def test_without_a_compiler(monkeypatch):
    def broken(function, **options):
        def fails(*tensors):
            raise RuntimeError("no compiler\nfound")

        return fails

    monkeypatch.setattr(torch, "compile", broken)
    monkeypatch.setattr("mcss.fast.procrustes.compiled", fast.compiled.__wrapped__)
    queries, gallery = poses(3, 7), poses(4, 8)
    with pytest.warns(RuntimeWarning, match="runs uncompiled, several times slower .no compiler."):
        found = pairwise_pa_mpjpe(queries, gallery, compile=True)
    torch.testing.assert_close(found, pairwise_pa_mpjpe(queries, gallery))


def test_pairs_that_newton_leaves_go_through_the_plain_form(monkeypatch):
    a, b = poses(9, 5), poses(7, 6)
    expected = pairwise_pa_mpjpe(a, b)
    monkeypatch.setattr("mcss.fast.procrustes.STEPS", 1)
    torch.testing.assert_close(pairwise_pa_mpjpe(a, b), expected)


@pytest.mark.parametrize("kind", DEGENERATE)
def test_the_fast_form_is_the_plain_form(kind):
    """Usual, flat, straight, mirrored and equal poses, and one whose joints all coincide."""
    queries, gallery = poses(6, 5), torch.cat([DEGENERATE[kind](poses(9, 6)), poses(6, 5)])
    gallery[0] = gallery[0, :1]
    expected = torch.stack([pa_mpjpe(gallery, q.expand_as(gallery)) for q in queries])
    torch.testing.assert_close(pairwise_pa_mpjpe(queries, gallery), expected, atol=1e-4, rtol=0)


def test_it_is_the_gallery_that_is_scaled():
    small, large = poses(1, 9), 10 * poses(1, 10)
    assert pairwise_pa_mpjpe(small, large) < pairwise_pa_mpjpe(large, small) / 5


def test_float32_and_empty():
    a, b = poses(5, 11), poses(5, 12)
    assert pa_mpjpe(a.float(), b.float()).dtype == torch.float32
    torch.testing.assert_close(
        pa_mpjpe(a.float(), b.float()).double(), pa_mpjpe(a, b), atol=1e-3, rtol=0
    )
    assert pairwise_pa_mpjpe(a[:0], b).shape == (0, 5)


@pytest.mark.parametrize("metric", [mpjpe, n_mpjpe, pa_mpjpe])
def test_bad_input(metric):
    with pytest.raises(ValueError, match="differ in shape"):
        metric(torch.zeros(2, 16, 3), torch.zeros(3, 16, 3))
    with pytest.raises(ValueError, match="predicted holds NaN"):
        metric(torch.full((16, 3), torch.nan), torch.zeros(16, 3))
    with pytest.raises(ValueError, match="shape"):
        metric(torch.zeros(16, 2), torch.zeros(16, 2))
