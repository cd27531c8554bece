import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import warnings

import pytest
import torch
from toy import toy_store

from mcss.engine.alarm import CollapseAlarm
from mcss.engine.checkpoint import load_checkpoint, load_model, save_checkpoint
from mcss.engine.precision import resolve
from mcss.inference import predict
from mcss.metrics import mpjpe
from mcss.retrieval import mean_pa_mpjpe_at_k, random_pick
from mcss.targets import truth_of
from mcss.training import FIGURES, TrainingConfig, feeder_of, index_batches, train

SMALL = TrainingConfig(pairs=8, labelled=4, epochs=2, gap=0.2, lr_drop_epoch=1, checkpoint_every=3)


def fed(store, **change):
    config = dataclasses.replace(SMALL, **change)
    return feeder_of(store, config, *index_batches(store, config))


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


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    store = toy_store(tmp_path_factory.mktemp("learn") / "store", frames=60)
    return store, train(
        store, TrainingConfig(pairs=16, labelled=8, epochs=8, lr_drop_epoch=6), progress=False
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


def test_the_baseline_sees_the_same_labels_and_steps(store):
    both, baseline = (fed(store, metric_loss=m) for m in (True, False))
    for step in (0, 5, SMALL.epochs * len(both.pairs) - 1):
        a, b = both.batch(step), baseline.batch(step)
        assert torch.equal(a.images[2 * a.pairs :], b.images) and torch.equal(a.targets, b.targets)
        assert b.pairs == 0 and len(b.images) == 4
    steps = {
        len(
            train(store, dataclasses.replace(SMALL, metric_loss=m), progress=False).history[
                "pose_loss"
            ]
        )
        for m in (True, False)
    }
    assert steps == {SMALL.epochs * len(both.pairs)}


def test_metric_loss_alone_needs_no_poses(tmp_path):
    store = toy_store(tmp_path / "s", poses=False)
    result = train(store, dataclasses.replace(SMALL, pose_loss=False, epochs=1), progress=False)
    assert set(result.history["pose_loss"]) == {0.0} and min(result.history["metric_loss"]) > 0


def test_targets_are_normalised_over_the_labelled_poses(store):
    feeder = fed(store, label_subjects=("B",))
    poses = truth_of(store, "B", range(40))
    torch.testing.assert_close(feeder.labelled.mean, poses.mean(0))
    batch, labels = feeder.batch(0), feeder.labelled.batch(0)
    restored = batch.targets * feeder.labelled.std + feeder.labelled.mean
    torch.testing.assert_close(restored, poses[labels.frames], atol=1e-2, rtol=0)
    assert torch.equal(batch.images[-1], store.images("B", labels.frames[-1], labels.views[-1])[0])


def test_global_targets(store):
    canonical, world = (fed(store, target=t).labelled for t in ("canonical", "global"))
    assert canonical.std[3, 1] == 1.0  # the left hip's y never varies
    assert world.std[3, 1] > 20
    with pytest.raises(ValueError, match="'canonical' or 'global'"):
        fed(store, target="camera")


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


RUN = """
from mcss.data import open_store
from mcss.training import TrainingConfig, train
print("ready", flush=True)
config = TrainingConfig(**{config!r})
train(open_store({store!r}), config, {directory!r}, device="cpu", progress=False)
"""


def test_killed_at_several_points_it_ends_with_the_same_bits(store, tmp_path):
    whole = train(store, SMALL, tmp_path / "whole", device="cpu", progress=False)
    directory = tmp_path / "killed"
    script = RUN.format(
        store=str(store.path), config=dataclasses.asdict(SMALL), directory=str(directory)
    )
    kills, stops = 0, []
    for wanted in (0, 1, 2):  # kill before the first checkpoint, then after some, at odd moments
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
        )
        process.stdout.readline()
        seen = -1
        while process.poll() is None and seen < wanted:
            index = directory / "checkpoint.json"
            if wanted == 0 and directory.exists():
                break
            if index.exists():
                seen = json.loads(index.read_text())["step"] // SMALL.checkpoint_every
            time.sleep(0.001)
        time.sleep(0.02 * wanted)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        process.stdout.close()
        found = load_checkpoint(directory)
        stops.append(found[1]["step"] if found else 0)
    assert kills == 3 and stops[-1] < len(whole.history["metric_loss"])
    resumed = train(store, SMALL, directory, device="cpu", progress=False)
    assert same_weights(whole.model, resumed.model)
    assert all(whole.history[name] == resumed.history[name] for name in FIGURES)
    assert not list(directory.glob(".*.part")) and len(list(directory.glob("*.safetensors"))) == 1


def test_a_finished_run_is_only_loaded(store, tmp_path, monkeypatch):
    first = train(store, SMALL, tmp_path, progress=False)
    index = (tmp_path / "checkpoint.json").read_bytes()
    again = train(store, SMALL, tmp_path, progress=False)
    assert same_weights(first.model, again.model) and first.history == again.history
    assert (tmp_path / "checkpoint.json").read_bytes() == index
    assert same_weights(first.model, load_model(tmp_path))
    # on another GPU, whose float16 needs loss scaling as the first one's format did not
    monkeypatch.setattr("mcss.engine.run.resolve", lambda *_: "float16")
    assert same_weights(first.model, train(store, SMALL, tmp_path, progress=False).model)


def test_a_watcher_sees_the_beginning_every_pause_and_the_end(store):
    """And leaves the training as it is."""
    seen = {}
    watched = train(
        store,
        SMALL,
        device="cpu",
        progress=False,
        watch=lambda step, model: seen.update(
            {step: (model.training, model.H.weight.detach().clone())}
        ),
    )
    steps = len(watched.history["pose_loss"])
    assert set(seen) == {0, *range(3, steps, 3), steps} and all(
        training for training, _ in seen.values()
    )
    assert not torch.equal(seen[0][1], seen[3][1]) and torch.equal(
        seen[steps][1], watched.model.H.weight
    )
    assert same_weights(watched.model, train(store, SMALL, device="cpu", progress=False).model)


def test_another_run_in_the_same_directory_is_refused(store, tmp_path):
    train(store, SMALL, tmp_path, progress=False)
    with pytest.raises(ValueError, match="other settings .beta differ"):
        train(store, dataclasses.replace(SMALL, beta=0.2), tmp_path, progress=False)
    other = toy_store(tmp_path / "other", frames=21)
    with pytest.raises(ValueError, match="the data differ"):
        train(other, SMALL, tmp_path, progress=False)


@pytest.mark.parametrize("damage", ["cut", "foreign", "garbage", "missing"])
def test_a_damaged_checkpoint(tmp_path, damage):
    save_checkpoint(tmp_path, {"model.x": torch.ones(3)}, {"step": 1, "model": {}})
    (tensors,) = tmp_path.glob("*.safetensors")
    if damage == "cut":
        tensors.write_bytes(tensors.read_bytes()[:-4])
    elif damage == "missing":
        os.remove(tensors)
    else:
        (tmp_path / "checkpoint.json").write_text("{}" if damage == "foreign" else "not JSON")
    with pytest.raises(ValueError, match="not a sound MCSS checkpoint.*train again"):
        load_model(tmp_path)


def test_a_checkpoint_of_another_network(tmp_path):
    save_checkpoint(tmp_path, {"model.x": torch.ones(3)}, {"step": 1, "model": {"image_size": 64}})
    with pytest.raises(ValueError, match="another network"):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "nowhere")


def test_without_batch_norm_it_collapses_and_says_so(store):
    """Constant images embed alike: the alarm rings. With the loss alone, no push is left."""
    alarm = CollapseAlarm(0.3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        alarm.check(10, 1.0, 1.2)
        assert not caught
        alarm.check(20, 0.9, 0.2)
        alarm.check(30, 0.0, 0.1)
        alarm.check(130, 0.0, 0.0)
    assert len(caught) == 2 and "step 20: the embedding is collapsing" in str(caught[0].message)


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


def test_precision_by_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda d: (7, 5))
    assert resolve("auto", "cuda") == "float16"  # a T4
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda d: (9, 0))
    assert resolve("auto", "cuda") == "bfloat16"
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    assert resolve("auto", "cpu") == "float32" and resolve("bfloat16", "cpu") == "bfloat16"


def test_predict_covers_the_split_in_order(learned):
    store, (model, _) = learned
    p = predict(model, store, views=[1, 3], batch_size=50)
    assert len(p.poses) == 240 and set(p.views) == {1, 3} and set(p.subjects) == {"C"}
    row = 57
    one = model.eval()(store.images("C", [p.frames[row]], [p.views[row]], model.pose_mean.device))
    # predict may compute in bfloat16, where the machine has it
    torch.testing.assert_close(
        p.embeddings[row], one.embedding[0].detach().cpu(), atol=5e-3, rtol=0
    )
    torch.testing.assert_close(p.truth[row], truth_of(store, "C", [p.frames[row]])[0])
