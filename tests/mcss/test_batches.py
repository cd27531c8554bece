import numpy as np
import pytest
from toy import views_missing

from mcss.batches import SameSubjectPairs
from mcss.data import Split


def test_an_epoch_shows_each_instant_once(store):
    sampler = SameSubjectPairs(store, pairs=8, gap=0.3)
    batches = sampler.epoch(0)
    assert len(batches) == len(sampler)
    for subject in store.splits["train"].subjects:
        shown = np.concatenate([b.frames for b in batches if b.subject == subject])
        assert sorted(shown) == list(range(40))


def test_batches_are_of_one_subject_and_two_different_views(store):
    for batch in SameSubjectPairs(store, pairs=8):
        assert batch.subject in ("A", "B") and len(batch.frames) <= 8
        assert (batch.anchor_views != batch.positive_views).all()


@pytest.mark.parametrize("gap", [0.1, 0.3, 0.5, 1.0])
def test_the_gap_is_kept_within_a_clip(store, gap):
    for epoch in range(5):
        for batch in SameSubjectPairs(store, pairs=8, gap=gap).epoch(epoch):
            for a in range(len(batch.frames)):
                for b in range(a):
                    same_clip = batch.frames[a] // 20 == batch.frames[b] // 20
                    assert not same_clip or abs(batch.frames[a] - batch.frames[b]) >= gap * 10


def test_all_views_serve_as_anchor_and_positive(store):
    batches = [b for e in range(10) for b in SameSubjectPairs(store, pairs=8).epoch(e)]
    pairs = {(a, p) for b in batches for a, p in zip(b.anchor_views, b.positive_views)}
    assert len(pairs) == 12


def test_seeds_and_epochs(store):
    def frames(seed, epoch):
        return [b.frames.tolist() for b in SameSubjectPairs(store, pairs=8, seed=seed).epoch(epoch)]

    assert (
        frames(0, 0) == frames(0, 0)
        and frames(0, 0) != frames(1, 0)
        and frames(0, 0) != frames(0, 1)
    )


def test_which_instants_meet_changes_with_the_epoch(store):
    def partners(epoch):
        return {
            frozenset((b.subject, f) for f in b.frames)
            for b in SameSubjectPairs(store, pairs=8).epoch(epoch)
        }

    assert not partners(0) & partners(1)


def test_batches_are_even(store):
    sizes = [len(b.frames) for b in SameSubjectPairs(store, pairs=16, gap=0.1)]
    assert max(sizes) - min(sizes) <= 1


def test_more_instants_than_a_pool_holds(store, monkeypatch):
    """Every instant once, the gap kept, no batch too large, and as many batches as promised; other
    instants meet in the next epoch.
    """
    monkeypatch.setattr("mcss.dealing.POOL", 16)
    sampler = SameSubjectPairs(store, pairs=4, gap=0.2)
    epochs = [sampler.epoch(e) for e in range(20)]
    for batches in epochs:
        assert len(batches) == len(sampler)
        shown = sorted((b.subject, f) for b in batches for f in b.frames)
        assert shown == [(s, f) for s in ("A", "B") for f in range(40)]
        for batch in batches:
            assert 2 <= len(batch.frames) <= 4
            near = np.diff(np.sort(batch.frames)) < 2
            assert not (near & (np.sort(batch.frames)[1:] != 20)).any()
    met = [{frozenset(b.frames.tolist()) for b in batches} for batches in epochs[:2]]
    assert not met[0] & met[1]


def test_missing_views(tmp_path):
    # frame 0 in one view only, frame 1 in two: the one is left out, the other a pair of just these
    # two
    store = views_missing(tmp_path / "s", [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2)])
    batches = list(SameSubjectPairs(store, pairs=4, gap=0.1))
    shown = np.concatenate([b.frames for b in batches])
    assert sorted(shown) == list(range(1, 10))
    (pair,) = [
        {b.anchor_views[i], b.positive_views[i]}
        for b in batches
        for i in range(len(b.frames))
        if b.frames[i] == 1
    ]
    assert pair == {1, 3}


def test_bad_input(store):
    with pytest.raises(ValueError, match="subject A has 40 distinct instants.*a batch needs 66"):
        SameSubjectPairs(store)
    one_view = Split(["A"], [2], {"A": np.arange(40)})
    with pytest.raises(ValueError, match="subject A is never seen in two views"):
        SameSubjectPairs(store, one_view, pairs=4)
    with pytest.raises(ValueError, match="at least 2"):
        SameSubjectPairs(store, pairs=1)
