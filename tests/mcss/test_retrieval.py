import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from mcss.metrics import pa_mpjpe
from mcss.retrieval import mean_pa_mpjpe_at_k, random_pick, right_instant


def data(n=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    poses = torch.randn(n, 16, 3, generator=generator) * 200
    embeddings = torch.nn.functional.normalize(torch.randn(n, 8, generator=generator), dim=1)
    subjects = [["S9", "S11"][i % 2] for i in range(n)]
    views = [i % 4 // 2 * 2 + (i // 4) % 2 for i in range(n)]
    return embeddings, poses, subjects, views


def by_loops(embeddings, poses, subjects, views, k, cross):
    model, oracle = 0.0, 0.0
    for q in range(len(poses)):
        gallery = [
            g
            for g in range(len(poses))
            if views[g] != views[q] and not (cross and subjects[g] == subjects[q])
        ]
        errors = torch.stack([pa_mpjpe(poses[g], poses[q]) for g in gallery])
        search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(embeddings[gallery].numpy())
        nearest = search.kneighbors(embeddings[q : q + 1].numpy(), return_distance=False)[0]
        model += errors[nearest].mean().item() / len(poses)
        oracle += errors.sort().values[:k].mean().item() / len(poses)
    return model, oracle


@pytest.mark.parametrize("cross", [False, True])
def test_against_scikit_learn_and_loops(cross, monkeypatch):
    monkeypatch.setattr("mcss.retrieval.PAIRS_AT_ONCE", 100)  # several chunks
    found = mean_pa_mpjpe_at_k(*data(), ks=[1, 3, 7], cross_subject=cross)
    for k in (1, 3, 7):
        model, oracle = by_loops(*data(), k, cross)
        assert found.model[k] == pytest.approx(model, rel=1e-5)
        assert found.oracle[k] == pytest.approx(oracle, rel=1e-5)
        assert found.relative[k] == pytest.approx(model - oracle, abs=1e-3)


def test_a_querys_own_view_is_not_in_its_gallery():
    """Two instants, two views. In the embedding the nearest is always the other instant in the same
    view.
    """
    poses = torch.randn(2, 16, 3, generator=torch.Generator().manual_seed(1)).repeat_interleave(
        2, 0
    )  # a a b b
    embeddings = torch.tensor([[1.0, 0], [0, 1], [0.9, 0.1], [0.1, 0.9]])  # by view
    views = [0, 1, 0, 1]
    found = mean_pa_mpjpe_at_k(embeddings, poses, ["S"] * 4, views, ks=[1])
    # a-view0 -> (a-view1 or b-view1): 1.41 or 1.27 away, so b; the mirror image for the rest: view
    # 0's b -> a's view 1? nearest is b's
    queries = [0, 1, 2, 3]
    nearest = {0: 3, 1: 2, 2: 3, 3: 2}
    expected = torch.stack([pa_mpjpe(poses[nearest[q]], poses[q]) for q in queries]).mean()
    assert found.model[1] == pytest.approx(expected.item(), abs=1e-4)
    assert found.oracle[1] == pytest.approx(0, abs=1e-3)


def test_a_perfect_embedding_is_the_oracle_where_poses_repeat():
    embeddings, poses, subjects, _ = data(20)
    four = [x.repeat_interleave(4, 0) for x in (embeddings, poses)]
    found = mean_pa_mpjpe_at_k(
        *four, [s for s in subjects for _ in range(4)], list(range(4)) * 20, ks=[1, 3]
    )
    assert found.model[3] == pytest.approx(0, abs=1e-3) and found.relative[1] == pytest.approx(
        0, abs=1e-3
    )


def test_queries_take_a_sample():
    whole = [mean_pa_mpjpe_at_k(*data(), ks=[2], queries=[q]).model[2] for q in (3, 5, 8)]
    assert mean_pa_mpjpe_at_k(*data(), ks=[2], queries=torch.tensor([3, 5, 8])).model[
        2
    ] == pytest.approx(sum(whole) / 3)


def test_random_pick_is_the_mean_over_the_gallery():
    embeddings, poses, subjects, views = data(24)
    k = sum(v != views[0] for v in views)
    same_size = [q for q in range(24) if sum(v != views[q] for v in views) == k]
    all_of_it = mean_pa_mpjpe_at_k(
        embeddings, poses, subjects, views, ks=[k], queries=same_size
    ).model[k]
    assert random_pick(poses, subjects, views, queries=same_size) == pytest.approx(
        all_of_it, rel=1e-5
    )


def test_bad_input():
    embeddings, poses, subjects, views = data()
    with pytest.raises(ValueError, match="k = 39 is larger than the gallery.*30 images"):
        mean_pa_mpjpe_at_k(embeddings, poses, subjects, views, ks=[1, 39])
    with pytest.raises(ValueError, match="gallery of query 0 is empty"):
        mean_pa_mpjpe_at_k(embeddings, poses, subjects, [0] * 40, ks=[1])
    with pytest.raises(ValueError, match="gallery of query 0 is empty"):
        mean_pa_mpjpe_at_k(embeddings, poses, ["S9"] * 40, views, ks=[1], cross_subject=True)
    with pytest.raises(ValueError, match="embeddings hold NaN"):
        mean_pa_mpjpe_at_k(embeddings * torch.nan, poses, subjects, views, ks=[1])
    with pytest.raises(ValueError, match="poses holds NaN"):
        mean_pa_mpjpe_at_k(embeddings, poses * torch.nan, subjects, views, ks=[1])
    with pytest.raises(ValueError, match="must be"):
        mean_pa_mpjpe_at_k(embeddings[:3], poses, subjects, views, ks=[1])
    with pytest.raises(ValueError, match="at least one query"):
        mean_pa_mpjpe_at_k(embeddings, poses, subjects, views, ks=[1], queries=[])
    with pytest.raises(ValueError, match="every k"):
        mean_pa_mpjpe_at_k(embeddings, poses, subjects, views, ks=[0])


def test_the_right_instant_by_loops():
    """Of one person in three views, some instants missing in some, two clips far apart."""
    generator = torch.Generator().manual_seed(4)
    views = torch.randint(0, 3, (60,), generator=generator)
    times = torch.randint(0, 12, (60,), generator=generator).double() * 0.1
    times[30:] += 1e6
    embeddings = torch.randn(60, 5, generator=generator)
    rate = blind = 0
    for q in range(60):
        others = [g for g in range(60) if views[g] != views[q]]
        right = [abs(times[g] - times[q]) < 0.2001 for g in others]
        distances = [(embeddings[g] - embeddings[q]).norm() for g in others]
        rate += right[int(torch.stack(distances).argmin())] / 60
        blind += sum(right) / len(right) / 60
    found = right_instant(embeddings, times, views, within=0.2)
    rate, blind = float(rate), float(blind)
    assert found == pytest.approx((rate, blind), abs=1e-6) and 0.1 < blind < 0.4
