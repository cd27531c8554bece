"""One training on two processes (gloo), compared with one process that averages the gradients of the same half-batches."""

import subprocess
import sys
from dataclasses import asdict

import pytest
import torch
from toy import toy_store

from mcss.checkpoint import load_checkpoint
from mcss.feeding import Feeder
from mcss.model import MCSS
from mcss.training import TrainingConfig, losses

CONFIG = TrainingConfig(pairs=8, labelled=4, epochs=1, gap=0.2, lr_drop_epoch=1, channels_last=False, precision="float32")

SCRIPT = """
import sys
import torch
from torch import distributed
from mcss.data import open_store
from mcss.training import TrainingConfig, train

torch.set_num_threads(1)
distributed.init_process_group("gloo")
config = TrainingConfig(**{config!r})
trained = train(open_store({store!r}), config, {directory!r}, device="cpu", progress=False)
again = train(open_store({store!r}), config, {directory!r}, device="cpu", progress=False)  # finished: both ranks only load it
assert again.history == trained.history or distributed.get_rank()
distributed.destroy_process_group()
"""


def on_two_processes(script, tmp_path):
    file = tmp_path / "script.py"
    file.write_text(script)
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(file)],
        capture_output=True, text=True, timeout=300,
    )


def by_hand(store, config):
    """Gradients of the two halves of each batch, each with its own negatives and BatchNorm statistics, averaged."""
    halves = [Feeder(store, config, "cpu", rank, 2) for rank in (0, 1)]
    torch.manual_seed(config.seed)
    model = MCSS(image_size=store.image_size)
    optimizer = torch.optim.Adam(
        [{"params": [*model.F.parameters(), *model.G.parameters()]}, {"params": model.H.parameters(), "lr": config.lr * config.pose_lr_factor}],
        lr=config.lr, betas=config.betas, fused=True,
    )
    model.train()
    for step in range(halves[0].steps):
        optimizer.zero_grad()
        for half in halves:
            batch = half.batch(step)
            (losses(model, model.embed(batch.images), batch, config)[0] / 2).backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("change", [{}, {"pose_loss": False}, {"metric_loss": False}], ids=["both", "metric", "pose"])
def test_two_processes_do_what_one_does_with_averaged_gradients(tmp_path, change):
    store, config = toy_store(tmp_path / "store"), TrainingConfig(**(asdict(CONFIG) | change))
    done = on_two_processes(SCRIPT.format(config=asdict(config), store=str(store.path), directory=str(tmp_path / "run")), tmp_path)
    assert done.returncode == 0, done.stderr
    tensors, meta = load_checkpoint(tmp_path / "run")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        expected = by_hand(store, config)
    finally:
        torch.set_num_threads(threads)
    assert meta["ranks"] == 2 and meta["step"] == meta["steps"] >= 6
    for name, parameter in expected.named_parameters():
        torch.testing.assert_close(tensors[f"model.{name}"], parameter.detach(), atol=2e-4, rtol=1e-3, msg=lambda m, n=name: f"{n}: {m}")


def test_the_halves_are_the_batch(store):
    whole, *halves = Feeder(store, CONFIG), *(Feeder(store, CONFIG, "cpu", rank, 2) for rank in (0, 1))
    batch, parts = whole.batch(3), [half.batch(3) for half in halves]
    m, pieces = batch.pairs, [part.images.split([part.pairs, part.pairs, 2]) for part in parts]
    anchors, positives, labelled = batch.images.split([m, m, 4])
    for r in (0, 1):
        assert torch.equal(pieces[r][0], anchors[r::2]) and torch.equal(pieces[r][1], positives[r::2])
        assert torch.equal(pieces[r][2], labelled[r::2]) and torch.equal(parts[r].targets, batch.targets[r::2])


def test_too_small_to_share(store):
    with pytest.raises(ValueError, match="do not give 5 processes two each"):
        Feeder(store, CONFIG, "cpu", 0, 5)


def test_another_number_of_processes_is_refused(tmp_path, store):
    script = SCRIPT.format(config=asdict(CONFIG), store=str(store.path), directory=str(tmp_path / "run"))
    assert on_two_processes(script, tmp_path).returncode == 0
    from mcss.training import train

    with pytest.raises(ValueError, match="the number of ranks differ"):
        train(store, CONFIG, tmp_path / "run", device="cpu", progress=False)
