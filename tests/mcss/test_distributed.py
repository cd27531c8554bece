"""One training on two processes (gloo), compared with one process that averages the gradients of
the same half-batches.
"""

import subprocess
import sys
from dataclasses import asdict

import pytest
import torch

from mcss.engine.checkpoint import load_checkpoint
from mcss.training import (
    TrainingConfig,
    feeder_of,
    index_batches,
    losses,
    new_model,
    new_optimizer,
    set_learning_rate,
    train,
)

pytestmark = pytest.mark.slow  # trains

CONFIG = TrainingConfig(
    pairs=8,
    labelled=4,
    epochs=1,
    gap=0.2,
    lr_drop_epoch=1,
    channels_last=False,
    precision="float32",
)


def share(store, config, rank, world):
    """The `Feeder` of one rank."""
    return feeder_of(store, config, *index_batches(store, config), "cpu", rank, world)


CHANGES = {"both": {}, "metric": {"pose_loss": False}, "pose": {"metric_loss": False}}

SCRIPT = """
import torch
from torch import distributed
from mcss.data import open_store
from mcss.training import TrainingConfig, train

torch.set_num_threads(1)
distributed.init_process_group("gloo")
for directory, config in {runs!r}.items():
    config = TrainingConfig(**config)
    trained = train(open_store({store!r}), config, directory, device="cpu", progress=False)
    # finished: both ranks only load it
    again = train(open_store({store!r}), config, directory, device="cpu", progress=False)
    assert again.history == trained.history or distributed.get_rank()
distributed.destroy_process_group()
"""


@pytest.fixture(scope="module")
def runs(store, tmp_path_factory):
    """{name: (configuration, folder)} of trainings on two processes; one start for all, which takes
    longer than they do.
    """
    folder = tmp_path_factory.mktemp("distributed")
    runs = {
        name: (TrainingConfig(**(asdict(CONFIG) | change)), folder / name)
        for name, change in CHANGES.items()
    }
    file = folder / "script.py"
    file.write_text(
        SCRIPT.format(
            store=str(store.path),
            runs={str(place): asdict(config) for config, place in runs.values()},
        )
    )
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            "2",
            str(file),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return runs


def by_hand(store, config):
    """Gradients of the two halves of each batch, each with its own negatives and BatchNorm
    statistics, averaged.
    """
    halves = [share(store, config, rank, 2) for rank in (0, 1)]
    pairs, labelled = index_batches(store, config)
    model = new_model(store, config, labelled)
    optimizer = new_optimizer(model, config)
    set_learning_rate(optimizer, config, epoch=0)
    model.train()
    for step in range(len(pairs)):
        optimizer.zero_grad()
        for half in halves:
            batch = half.batch(step)
            (losses(model, model.embed(batch.images), batch, config)[0] / 2).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("kind", CHANGES)
def test_two_processes_do_what_one_does_with_averaged_gradients(store, runs, kind):
    config, folder = runs[kind]
    tensors, meta = load_checkpoint(folder)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        expected = by_hand(store, config)
    finally:
        torch.set_num_threads(threads)
    assert meta["ranks"] == 2 and meta["step"] == meta["steps"] >= 6
    for name, parameter in expected.named_parameters():
        torch.testing.assert_close(
            tensors[f"model.{name}"],
            parameter.detach(),
            atol=2e-4,
            rtol=1e-3,
            msg=lambda m, n=name: f"{n}: {m}",
        )


def test_the_halves_are_the_batch(store):
    whole, *halves = (
        share(store, CONFIG, 0, 1),
        *(share(store, CONFIG, rank, 2) for rank in (0, 1)),
    )
    batch, parts = whole.batch(3), [half.batch(3) for half in halves]
    m, pieces = batch.pairs, [part.images.split([part.pairs, part.pairs, 2]) for part in parts]
    anchors, positives, labelled = batch.images.split([m, m, 4])
    for r in (0, 1):
        assert torch.equal(pieces[r][0], anchors[r::2]) and torch.equal(
            pieces[r][1], positives[r::2]
        )
        assert torch.equal(pieces[r][2], labelled[r::2]) and torch.equal(
            parts[r].targets, batch.targets[r::2]
        )


def test_too_small_to_share(store):
    with pytest.raises(ValueError, match="do not give 5 processes two each"):
        share(store, CONFIG, 0, 5)


def test_another_number_of_processes_is_refused(store, runs):
    with pytest.raises(ValueError, match="the number of ranks differ"):
        train(store, *runs["both"], device="cpu", progress=False)
