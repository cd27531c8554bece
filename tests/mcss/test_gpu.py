"""What only a GPU can tell: `pytest -m gpu`, or first of all in `python -m tests.gpu`."""

import dataclasses
import os

import pytest
import torch
from torch import distributed

from mcss.engine.replay import Replayed
from mcss.fast.folded import folded
from mcss.feeding import Batch
from mcss.mining import contrastive_loss
from mcss.model import MCSS
from mcss.training import FIGURES, TrainingConfig, feeder_of, index_batches, train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]

CONFIG = TrainingConfig(pairs=8, labelled=4, epochs=3, gap=0.2, lr_drop_epoch=1, checkpoint_every=5)
#: By how much the losses of two trainings may differ that add in another order: atomic sums and
#: kernels chosen anew make each step of a GPU its own. The first steps have no time to drift apart.
FIRST, TOLERANCE = 8, 0.02


def trained(store, folder=None, **change):
    config = dataclasses.replace(CONFIG, **change)
    return train(store, config, folder, device="cuda", progress=False)


def alike(one, two, steps=FIRST):
    for name in FIGURES:
        a, b = (torch.tensor(x.history[name][:steps]) for x in (one, two))
        torch.testing.assert_close(
            a, b, atol=TOLERANCE, rtol=TOLERANCE, msg=lambda m: f"{name}: {m}"
        )


@pytest.mark.parametrize("change", [
    {},
    {"metric_loss": False},
    {"same_subject": False, "negatives": "subject", "mining": "infonce", "mirror": True},
    {"precision": "float32"},
    {"agree": 0.5, "align": 0.5},
])  # fmt: skip
def test_replayed_steps_are_launched_ones(store, change, monkeypatch, recwarn):
    counted = []
    call = Replayed.__call__
    monkeypatch.setattr(
        Replayed, "__call__", lambda self, batch: (counted.append(self), call(self, batch))[1]
    )
    graph, plain = trained(store, **change), trained(store, graph=False, **change)
    assert counted[-1].replayed > 5, (counted[-1].replayed, len(counted))
    assert not [w for w in recwarn if "cannot be replayed" in str(w.message)]
    alike(graph, plain)


def test_a_checkpoint_goes_on_either_way(store, tmp_path):
    class Cut(Exception):
        pass

    def cut(step, model):
        if step == 10:
            raise Cut

    for graph in (True, False):
        folder = tmp_path / str(graph)
        with pytest.raises(Cut):
            config = dataclasses.replace(CONFIG, graph=graph)
            train(store, config, folder, device="cuda", progress=False, watch=cut)
        rest = trained(store, folder, graph=not graph)
        assert len(rest.history["pose_loss"]) == len(trained(store).history["pose_loss"])
        assert max(rest.history["pose_loss"][-5:]) < 1.2 * max(rest.history["pose_loss"][5:10])


def test_resident_pictures_are_those_from_disk(store):
    feeders = []
    for data in ("resident", "streamed"):
        config = dataclasses.replace(CONFIG, data=data, mirror=True)
        feeders.append(feeder_of(store, config, *index_batches(store, config), "cuda"))
    with feeders[0].prefetch(0, 9) as here, feeders[1].prefetch(0, 9) as disk:
        for one, two in zip(here, disk, strict=True):
            assert torch.equal(one.images, two.images) and torch.equal(one.targets, two.targets)


def test_a_gpu_decodes_what_a_cpu_does(store):
    gpu, cpu = (store.images("A", range(9), 1, device).cpu().int() for device in ("cuda", "cpu"))
    assert (gpu - cpu).abs().float().mean() < 1


@pytest.mark.parametrize("m", [66, 300, 9000])
def test_mining_is_the_plain_form(m, monkeypatch):
    pair = torch.nn.functional.normalize(torch.randn(2, m, 64, device="cuda"), dim=2)
    figures = []
    for cast in (lambda x: x, lambda x: x.cpu()):
        a, p = (cast(x).clone().requires_grad_() for x in pair)
        found = contrastive_loss(a, p, 1.2, 0.3)
        found.loss.backward()
        figures.append((torch.stack(found).detach().cpu(), a.grad.cpu(), p.grad.cpu()))
    torch.testing.assert_close(figures[0], figures[1], atol=1e-5, rtol=0)


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_tf32_changes_nothing_of_mining(precision):
    pair = torch.nn.functional.normalize(torch.randn(2, 500, 128, device="cuda"), dim=2)
    before, expected = torch.get_float32_matmul_precision(), contrastive_loss(*pair)
    torch.set_float32_matmul_precision(precision)
    try:
        found = contrastive_loss(*pair)
    finally:
        torch.set_float32_matmul_precision(before)
    assert all(torch.equal(a, b) for a, b in zip(found, expected))


def test_float16_is_launched_and_learns(store):
    history = trained(store, precision="float16").history
    assert history["pose_loss"][-1] < history["pose_loss"][0]


def test_folded_it_says_the_same():
    model = MCSS(image_size=64).cuda().train()
    images = torch.rand(8, 3, 64, 64, device="cuda")
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        with torch.no_grad():
            model.embed(images)
            expected, found = model.eval()(images), folded(model)(images)
    finally:
        torch.backends.cudnn.allow_tf32 = before
    torch.testing.assert_close(found.embedding, expected.embedding, atol=1e-4, rtol=0)


def test_one_rank_of_nccl(store, monkeypatch):
    for name, value in {"MASTER_ADDR": "localhost", "MASTER_PORT": "29511"}.items():
        monkeypatch.setitem(os.environ, name, value)
    distributed.init_process_group("nccl", rank=0, world_size=1)
    try:
        alike(trained(store), trained(store, graph=False))
    finally:
        distributed.destroy_process_group()


def test_a_batch_of_another_size_has_a_graph_of_its_own():
    weight = torch.ones((), device="cuda")

    def step(batch):
        weight.add_(1)
        return (weight * batch.images.sum())[None]

    replayed = Replayed(step)
    for k in range(1, 11):
        for n in (2, 3):
            images = torch.full((n, 1), float(k), device="cuda")
            steps = 2 * (k - 1) + n - 1
            assert replayed(Batch(images, 1, None)).item() == (1 + steps) * n * k
    assert len(replayed._graphs) == 2
