import numpy as np
import pytest
import torch

from mcss.rivals.feeding import RivalFeeder
from mcss.rivals.synchronisation import FLIPPED, SHIFTED, SYNCHRONOUS, Synchronisation
from mcss.rivals.training import RivalConfig, batches, new_rival
from mcss.training import TrainingConfig

CONFIG = TrainingConfig(pairs=9, labelled=6, epochs=2, lr_drop_epoch=2)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Synchronisation(32).eval()


@pytest.fixture
def feeder(store):
    """Of a store that nobody has calibrated."""
    config = RivalConfig.like(CONFIG, "synchronisation", target="canonical", shift=(0.15, 0.65))
    pairs, labelled = batches(store, config)
    return RivalFeeder(store, new_rival(store, config, labelled), pairs, labelled, config)


def test_who_comes_first_does_not_matter(model, store):
    first, second = store.images("A", [0, 5, 9], 0), store.images("A", [0, 7, 9], 2)
    with torch.no_grad():
        logits = model.logits(first, second)
        assert torch.equal(logits, model.logits(second, first))
        assert not torch.allclose(logits, model.logits(first, second.roll(1, 0)))


def test_a_synchronous_pair_and_its_shifted_twin_get_different_labels(feeder):
    """Synchronous and mirrored pairs show one instant; shifted ones show two of one clip, as far
    apart as said; both views are of cameras that differ."""
    clips = feeder.store.clips("A")
    for step in range(6):
        batch = feeder._pairs_of(step)
        frames, views, given = feeder.rival.draw(feeder, batch, np.random.default_rng(step))
        kinds, (first, second) = given["kinds"].numpy(), np.split(frames, 2)
        seconds = np.abs(first - second) / feeder.store.fps
        shifted = kinds == SHIFTED
        assert set(kinds) == {SYNCHRONOUS, SHIFTED, FLIPPED}
        assert (seconds[~shifted] == 0).all()
        assert (seconds[shifted] > 0.15).all() and (seconds[shifted] < 0.65).all()
        for a, b in zip(first[shifted], second[shifted]):
            assert any(c.start <= min(a, b) and max(a, b) < c.stop for c in clips)
        assert (np.not_equal(*np.split(views, 2))).all()
        pairs = given["mirrored"].numpy().reshape(2, -1)
        assert (pairs.sum(0) == (kinds == FLIPPED)).all()  # one picture of the two


def test_the_loss_knows_the_kinds(model, store):
    """Logits that say each pair's kind have a loss of nearly nothing, those of the twin have not;
    whether a mirrored pair is synchronous is not asked."""
    kinds = torch.tensor([SYNCHRONOUS, SHIFTED, FLIPPED])
    given = {"kinds": kinds, "mirrored": torch.zeros(6, dtype=torch.bool)}
    images = torch.zeros(6, 3, 32, 32)
    model.settings["others"] = False

    def loss_of(logits):
        model.fused = lambda first, second: torch.tensor(logits)
        return model.pretext(images, given)

    right = [[9.0, -9], [-9, -9], [9, 9]]
    loss, figures = loss_of(right)
    assert loss < 0.01 and figures[1] == figures[2] == 1
    assert loss_of([[9.0, -9], [-9, -9], [-9, 9]])[0] == pytest.approx(loss.item())
    assert loss_of([[-9.0, -9], [9, -9], [9, 9]])[0] > 5
    assert loss_of([[9.0, 9], [-9, -9], [9, -9]])[0] > 5


def test_a_mirrored_picture_is_mirrored(model, store):
    given = {"kinds": torch.tensor([FLIPPED] * 2), "mirrored": torch.tensor([0, 0, 1, 0]).bool()}
    images, asked = store.images("A", [0, 5, 0, 5], [0, 0, 1, 1]), []
    model.settings["others"] = False
    feature = model.feature
    model.feature = lambda images: asked.append(images) or feature(images)
    model.pretext(images, given)
    assert torch.equal(asked[0][2], images[2].flip(-1)) and torch.equal(asked[0][3], images[3])
    assert not torch.equal(asked[0][2], images[2])


def test_others_are_never_of_the_same_instant(model):
    """Only pairs of different instants are pushed apart beside the asked ones."""
    m, seen = 5, []
    codes = torch.eye(m)
    model.feature = lambda images: torch.cat([codes, codes])
    real = model.fused
    model.T = torch.nn.Linear(m, 2)
    model.fused = lambda first, second: seen.append((first, second)) or real(first, second)
    given = {"kinds": torch.zeros(m, dtype=torch.long), "mirrored": torch.zeros(10).bool()}
    model.pretext(torch.zeros(10, 3, 32, 32), given)
    (_, _), (first, second) = seen
    assert len(first) == m * (m - 1) and not (first * second).any()


def test_a_clip_that_is_too_short_has_no_twin(feeder):
    feeder.rival.settings["shift"] = [5.0, 9.0]
    batch = feeder._pairs_of(0)
    frames, _, given = feeder.rival.draw(feeder, batch, np.random.default_rng(0))
    assert not (given["kinds"] == SHIFTED).any()
    assert np.equal(*np.split(frames, 2)).all()
