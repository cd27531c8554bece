"""Steps that are replayed, with a stand-in for the recorder of a GPU."""

import dataclasses
import warnings

import pytest
import torch

from mcss.engine import replay
from mcss.engine.replay import Replayed, launched_because
from mcss.feeding import Batch
from mcss.training import FIGURES, TrainingConfig, train

CONFIG = TrainingConfig(pairs=8, labelled=4, epochs=2, gap=0.2, checkpoint_every=5)


class Pretended:
    """Records by keeping the work, which each replay does; what it gives stays in one place, as a
    graph's result does.
    """

    def __init__(self, broken=False):
        self.broken, self.recorded = broken, 0

    def launch(self, work):
        return work()

    def record(self, work):
        if self.broken:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")
        self.recorded += 1
        result = torch.zeros(2)

        def again():
            result.resize_(0)
            given = work()
            result.resize_(given.shape).copy_(given.detach())

        return again, result


def batch_of(value, n=4, pairs=1, groups=(1,)):
    return Batch(torch.full((n, 3, 2, 2), value), pairs, torch.full((2, 1), value), list(groups))


def test_each_size_is_launched_then_replayed_on_what_it_is_given():
    recorder = Pretended()
    step = Replayed(
        lambda batch: torch.stack((batch.images.sum(), batch.targets.sum())), recorder=recorder
    )
    results = []
    for k in range(10):
        for n in (4, 6):
            results.append(step(batch_of(float(k), n)))
    assert [x.tolist() for x in results] == [
        [12.0 * n * k, 2.0 * k] for k in range(10) for n in (4, 6)
    ]
    assert recorder.recorded == 2
    assert step.launched == 2 * replay.WARM and step.replayed == 20 - step.launched


@pytest.mark.parametrize("by_group, graphs", [(False, 1), (True, 2)])
def test_who_is_in_a_batch_counts_where_the_step_looks(by_group, graphs):
    recorder = Pretended()
    step = Replayed(lambda batch: batch.targets.sum()[None], by_group, recorder)
    for _ in range(6):
        step(batch_of(1.0, groups=(1, 3)))
        step(batch_of(1.0, groups=(2, 2)))
    assert recorder.recorded == graphs


def test_there_is_an_end_to_the_graphs(monkeypatch):
    monkeypatch.setattr(replay, "MOST", 2)
    recorder = Pretended()
    step = Replayed(lambda batch: batch.targets.sum()[None], recorder=recorder)
    for n in range(2, 7):
        for _ in range(5):
            step(batch_of(1.0, n))
    assert recorder.recorded == 2 and step.replayed == 4


def test_what_cannot_be_recorded_is_launched_and_said():
    step = Replayed(lambda batch: batch.targets.sum()[None], recorder=Pretended(broken=True))
    with pytest.warns(RuntimeWarning, match=r"launched operation by operation .operation not perm"):
        for k in range(6):
            assert step(batch_of(float(k))).item() == 2 * k
    with warnings.catch_warnings(action="error"):  # once is enough
        for k in range(6):
            assert step(batch_of(float(k), 5)).item() == 2 * k
    assert step.launched == 12 and step.replayed == 0


@pytest.mark.parametrize(
    "given, why",
    [
        (("cpu", "float32", 1), "no GPU"),
        (("cuda", "float16", 1), "float16"),
        (("cuda", "bfloat16", 2), "processes"),
        (("cuda", "bfloat16", 1, True), "torch.compile"),
    ],
)
def test_it_says_why_a_step_is_launched(given, why):
    assert why in launched_because(*given)
    assert launched_because("cuda:0", "bfloat16", 1) is None


@pytest.mark.slow
def test_a_training_replayed_is_the_training(store, tmp_path, monkeypatch):
    """To the bit; and a checkpoint of either goes on in the other."""
    steps = []

    def replayed(run, take, config):
        steps.append(Replayed(take, recorder=Pretended()))
        return steps[-1]

    plain = train(store, CONFIG, tmp_path / "plain", device="cpu", progress=False)
    with monkeypatch.context() as patch:
        patch.setattr("mcss.engine.run.Run.replayed", replayed)
        found = train(store, CONFIG, tmp_path / "replayed", device="cpu", progress=False)
    assert steps[0].replayed > 3
    assert_same(plain, found)

    class Cut(Exception):
        pass

    def cut(step, model):
        if step == 10:
            raise Cut

    for first, second in ((True, False), (False, True)):
        folder = tmp_path / f"cut-{first}"
        with monkeypatch.context() as patch:
            if first:
                patch.setattr("mcss.engine.run.Run.replayed", replayed)
            with pytest.raises(Cut):
                train(store, CONFIG, folder, device="cpu", progress=False, watch=cut)
        with monkeypatch.context() as patch:
            if second:
                patch.setattr("mcss.engine.run.Run.replayed", replayed)
            assert_same(plain, train(store, CONFIG, folder, device="cpu", progress=False))


def assert_same(one, two):
    for a, b in zip(one.model.state_dict().values(), two.model.state_dict().values()):
        assert torch.equal(a, b)
    assert all(one.history[name] == two.history[name] for name in FIGURES)


def test_settings_of_the_machine_make_no_other_run():
    changed = dataclasses.replace(CONFIG, graph=False, data="resident")
    assert changed.method() == CONFIG.method()
    with pytest.raises(ValueError, match="data must be one of auto, resident, streamed"):
        dataclasses.replace(CONFIG, data="disk")
