import numpy as np
import pytest
import torch
from toy_cameras import random_rotations

from mcss.rivals.cameras import rotate
from mcss.rivals.feeding import RivalFeeder
from mcss.rivals.novel_view import NovelView, foreground
from mcss.rivals.training import RivalConfig, batches, new_rival
from mcss.training import TrainingConfig

SMALL = {"points": 20, "width": 16, "hidden": 32}
CONFIG = TrainingConfig(pairs=8, labelled=6, epochs=2, lr_drop_epoch=2)


@pytest.fixture
def model(seen):
    torch.manual_seed(0)
    return NovelView(32, **SMALL).eval()


@pytest.fixture(scope="module")
def feeder(seen):
    config = RivalConfig.like(CONFIG, "novel_view", **SMALL)
    pairs, labelled = batches(seen, config)
    return RivalFeeder(seen, new_rival(seen, config, labelled), pairs, labelled, config)


def test_a_turned_latent_and_its_inverse_draw_the_same_picture(model, seen):
    images = seen.images("A", [0, 5, 9], [0, 1, 2])
    room = torch.zeros(3, 3, 32, 32)
    R, eye = random_rotations(3), torch.eye(3).expand(3, 3, 3)
    with torch.no_grad():
        X, a = torch.randn_like(model.latent(images)[0]), model.latent(images)[1]
        there_and_back = model.synthesise(rotate(X, R), a, R.mT, room)
        as_it_is = model.synthesise(X, a, eye, room)
        turned = model.synthesise(X, a, R, room)
    assert torch.allclose(there_and_back, as_it_is, atol=1e-5)
    assert (turned - as_it_is).abs().max() > 1e-4, (turned - as_it_is).abs().max()


def test_swapping_looks_leaves_the_pose_part_alone(model, seen):
    """X and so the pose come from the picture itself, whoever's looks are drawn."""
    images = seen.images("A", [0, 5], [0, 0])
    room, eye = torch.zeros(2, 3, 32, 32), torch.eye(3).expand(2, 3, 3)
    with torch.no_grad():
        X, a = model.latent(images)
        looks = torch.randn_like(a)
        own = model.synthesise(X, looks, eye, room)
        swapped = model.synthesise(X, looks.flip(0), eye, room)
        assert torch.equal(model.embed(images), X.flatten(1))
        assert torch.equal(model(images).embedding, X.flatten(1))
        # H sees X alone: other looks, the same pose
        before = model(images).pose
        model.G[0].bias[3 * 20 :] += 1.0
        assert torch.equal(model(images).pose, before)
        model.G[0].bias[: 3 * 20] += 1.0
        assert not torch.allclose(model(images).pose, before)
    assert (own - swapped).abs().max() > 1e-4


def test_targets_are_the_instant_itself_and_looks_are_of_another(feeder):
    """The target shows the picture's own instant, in about half of the batch from its own camera;
    the looks are of another instant.
    """
    copies = []
    for step in range(4):
        batch = feeder._pairs_of(step)
        frames, views, given = feeder.rival.draw(feeder, batch, np.random.default_rng(step))
        target, looks = given["target"].numpy(), given["looks_of"].numpy()
        assert (frames[target] == frames).all()
        assert (frames[looks] != frames).all()
        own = target == np.arange(len(frames))
        eye = torch.eye(3).expand(len(frames), 3, 3)
        same = (given["R"] - eye).abs().amax((1, 2)) < 1e-5
        assert (same.numpy() == own).all() and (views[target][~own] != views[~own]).all()
        copies.append(own.mean())
        of = batch.subject, frames[target], views[target]
        assert torch.equal(given["background"], feeder.backgrounds.of(*of))
    assert 0.2 < np.mean(copies) < 0.8


def test_the_loss_is_that_of_the_target_and_counts_the_person_more(feeder, monkeypatch):
    images, given, _ = feeder.batch(0)
    model = feeder.rival.eval()
    true = images.float()[given["target"]] / 255
    monkeypatch.setattr(model, "synthesise", lambda *of: true)
    assert model.pretext(images, given)[0] == 0
    person = foreground(true, given["background"].float() / 255)
    assert 0.02 < person.mean() < 0.5
    losses = {}
    for name, mask in (("person", person), ("room", 1 - person)):
        off = true + 0.1 * mask / mask.mean()
        monkeypatch.setattr(model, "synthesise", lambda *of, off=off: off)
        losses[name] = model.pretext(images, given)[0].item()
    assert losses["person"] > 3 * losses["room"]


def test_what_is_drawn_is_turned_and_wears_the_looks_of_another_instant(feeder, monkeypatch):
    images, given, _ = feeder.batch(0)
    model, asked = feeder.rival.eval(), []
    draw = model.synthesise
    monkeypatch.setattr(model, "synthesise", lambda *of: asked.append(of) or draw(*of))
    with torch.no_grad():
        X, a = model.latent(images)
        model.pretext(images, given)
    expected = X, a[given["looks_of"]], given["R"], given["background"]
    assert all(map(torch.equal, asked[0], expected))
    assert not torch.allclose(a[given["looks_of"]], a)
