import dataclasses

import pytest
import torch
from toy import toy_store

from mcss.configuration import LATER
from mcss.inference import predict
from mcss.metrics import mpjpe
from mcss.retrieval import mean_pa_mpjpe_at_k, random_pick
from mcss.training import FIGURES, TrainingConfig, set_learning_rate, train

pytestmark = pytest.mark.slow  # trains

SMALL = TrainingConfig(pairs=8, labelled=4, epochs=2, gap=0.2, lr_drop_epoch=1, checkpoint_every=3)


def same_weights(a, b):
    return all(
        torch.equal(x.cpu(), y.cpu())
        for x, y in zip(a.state_dict().values(), b.state_dict().values())
    )


def test_the_defaults_are_the_paper_s():
    c = TrainingConfig()
    assert (c.pairs, c.labelled, c.margin, c.beta, c.epochs) == (66, 22, 0.6, 0.3, 40)
    assert (c.lr, c.betas, c.lr_drop, c.lr_drop_epoch, c.embedding_dim) == (
        1e-3,
        (0.9, 0.99),
        0.1,
        20,
        128,
    )


def test_it_learns(learned):
    """On a person never seen: neighbours beat a blind pick, poses beat the mean pose."""
    store, (model, history) = learned
    p = predict(model, store)
    k1 = mean_pa_mpjpe_at_k(p.embeddings, p.truth, p.subjects, p.views, ks=[1]).model[1]
    assert k1 < 0.75 * random_pick(p.truth, p.subjects, p.views)
    assert (
        mpjpe(p.poses, p.truth).mean()
        < 0.8 * mpjpe(model.pose_mean.cpu().expand_as(p.truth), p.truth).mean()
    )
    assert not model.training


def test_the_history_has_every_step(learned):
    _, (model, history) = learned
    assert {len(history[name]) for name in FIGURES} == {8 * history["steps_per_epoch"]}
    assert history["seconds"] > 0 and history["images"] == 40


def test_metric_loss_alone_needs_no_poses(tmp_path):
    store = toy_store(tmp_path / "s", poses=False)
    result = train(store, dataclasses.replace(SMALL, pose_loss=False, epochs=1), progress=False)
    assert set(result.history["pose_loss"]) == {0.0} and min(result.history["metric_loss"]) > 0


def test_the_learning_rate_drops(store, monkeypatch):
    rates = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(
        torch.optim.Adam,
        "step",
        lambda self, *a: (rates.append([g["lr"] for g in self.param_groups]), step(self, *a))[1],
    )
    history = train(store, SMALL, progress=False).history
    first, last = rates[history["steps_per_epoch"] - 1], rates[history["steps_per_epoch"]]
    assert first == pytest.approx([1e-3, 1e-2]) and last == pytest.approx([1e-4, 1e-3])


def test_train_rings_the_alarm(store):
    config = dataclasses.replace(SMALL, batch_norm=False, pose_loss=False, beta=1.9, margin=2.0)
    with pytest.warns(RuntimeWarning, match="collapsing"):
        train(store, config, progress=False)


@pytest.mark.parametrize("change, message", [
    ({"label_subjects": ("Nobody",)}, "labels for .'Nobody'."),
    ({"pairs": 66}, "a batch needs 66"),
    ({"metric_loss": False, "pose_loss": False}, "nothing to learn from"),
    ({"precision": "int8"}, "precision must be"),
    ({"epochs": 0}, "epochs"),
])  # fmt: skip
def test_bad_configurations(store, change, message):
    with pytest.raises(ValueError, match=message):
        train(store, dataclasses.replace(SMALL, **change), progress=False)


def test_a_longer_run_of_the_same_directory_says_how_to_go_on(store, tmp_path):
    short = TrainingConfig(pairs=8, labelled=4, epochs=1, gap=0.2)
    train(store, short, tmp_path / "run", progress=False)
    with pytest.raises(ValueError, match="a run of 1 epochs, not 2.*start="):
        train(store, dataclasses.replace(short, epochs=2), tmp_path / "run", progress=False)


def test_a_run_from_before_a_field_existed_is_found_again(store, tmp_path):
    """Its checkpoint does not name the field; another value of it is still another run."""
    config = TrainingConfig(pairs=8, labelled=4, epochs=1, gap=0.2)
    assert not set(LATER) & config.method().keys()
    changed = dataclasses.replace(config, mirror=True)
    assert changed.method() == config.method() | {"mirror": True}
    train(store, config, tmp_path / "run", progress=False)
    with pytest.raises(ValueError, match=r"other settings \(mirror differ"):
        train(store, changed, tmp_path / "run", progress=False)
    train(store, changed, tmp_path / "mirrored", progress=False)
    with pytest.raises(ValueError, match=r"other settings \(mirror differ"):
        train(store, config, tmp_path / "mirrored", progress=False)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"agree": 1.0, "metric_loss": False}, "sees none: set metric_loss or see_all"),
        ({"align": 1.0, "metric_loss": False}, "sees none: set metric_loss or see_all"),
        ({"agree": 1.0, "pose_loss": False}, "agree compares poses"),
        ({"augment": "both"}, "augment must be one of '', same, different, not 'both'"),
        ({"negatives": "all"}, "negatives must be one of batch, subject"),
    ],
)
def test_settings_that_contradict_each_other(change, message):
    """Without pairs the mean of nothing would be NaN, and the network with it."""
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**change)


def test_the_learning_rate_falls_along_a_cosine_or_drops_once():
    weight = torch.nn.Parameter(torch.zeros(1))
    for cosine, expected in ((True, [1, 0.5, 0.0]), (False, [1, 0.1, 0.1])):
        config = TrainingConfig(epochs=8, lr=1.0, lr_drop_epoch=4, cosine=cosine)
        optimizer = torch.optim.Adam([{"params": [weight]}, {"params": []}])
        for epoch, lr in zip((0, 4, 8), expected):
            set_learning_rate(optimizer, config, epoch)
            rates = [group["lr"] for group in optimizer.param_groups]
            assert rates == pytest.approx([lr, 10 * lr], abs=1e-9)
