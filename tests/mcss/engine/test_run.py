import dataclasses
import json
import signal
import subprocess
import sys
import time

import pytest
import torch
from toy import toy_store

from mcss.engine.checkpoint import load_checkpoint, load_model
from mcss.training import FIGURES, TrainingConfig, train

pytestmark = pytest.mark.slow  # trains

SMALL = TrainingConfig(pairs=8, labelled=4, epochs=2, gap=0.2, lr_drop_epoch=1, checkpoint_every=3)


def same_weights(a, b):
    return all(
        torch.equal(x.cpu(), y.cpu())
        for x, y in zip(a.state_dict().values(), b.state_dict().values())
    )


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
