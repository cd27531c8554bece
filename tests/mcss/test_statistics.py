"""BatchNorm's statistics, estimated anew."""

import pytest
import torch
from torch import nn
from toy import toy_store, views_missing

from mcss.data import Split
from mcss.inference import predict
from mcss.model import MCSS
from mcss.statistics import with_statistics_of


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return MCSS(image_size=32).eval()


def batch_norms(model):
    return [m for m in model.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]


def test_the_first_layer_by_hand(model, store):
    """Mean and variance of what the first convolution gives for all pictures of a person."""
    split = Split(["C"], [0, 1, 2, 3], {"C": range(40)})
    again = with_statistics_of(model, store, split, batch_size=160)
    images = torch.cat([store.images("C", range(40), v) for v in range(4)]) / 255
    seen = model.F[0].conv1((images - model.image_mean) / model.image_std).detach()
    layer = again.F[0].bn1
    tolerance = {"atol": 0.02, "rtol": 0.02}  # bfloat16, where the processor has it
    torch.testing.assert_close(layer.running_mean, seen.mean((0, 2, 3)), **tolerance)
    torch.testing.assert_close(layer.running_var, seen.var((0, 2, 3)), **tolerance)


def test_the_network_itself_stays_as_it_is(model, store):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    again = with_statistics_of(model, store)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not again.training and not model.training
    weights = dict(again.named_parameters())
    assert all(torch.equal(p, weights[name]) for name, p in model.named_parameters())
    assert all(layer.num_batches_tracked == 3 for layer in batch_norms(again))  # 320 of 128
    assert not torch.equal(again.F[0].bn1.running_mean, model.F[0].bn1.running_mean)


def test_the_same_seed_draws_the_same_pictures(model, store):
    means = [
        with_statistics_of(model, store, most=16, seed=seed).F[0].bn1.running_mean
        for seed in (0, 0, 1)
    ]
    assert torch.equal(means[0], means[1]) and not torch.equal(means[0], means[2])


def test_a_person_by_their_own_statistics(model, store):
    """What `predict` does for each person is what one gets by asking for that person alone."""
    two = Split(["B", "C"], [0, 2], {"B": range(10), "C": range(5, 20)})
    own = predict(model, store, two, statistics="subject")
    for name in two.subjects:
        alone = Split([name], two.views, {name: two.frames[name]})
        expected = predict(with_statistics_of(model, store, alone), store, alone)
        mine = torch.from_numpy(own.subjects == name)
        torch.testing.assert_close(own.embeddings[mine], expected.embeddings)
    running = predict(model, store, two)
    assert not torch.allclose(running.embeddings, own.embeddings, atol=1e-2)


def test_bad_input(model, store, tmp_path):
    with pytest.raises(ValueError, match="'running' or 'subject', not 'batch'"):
        predict(model, store, statistics="batch")
    with pytest.raises(ValueError, match="1 pictures have no statistics"):
        with_statistics_of(model, store, Split(["C"], [0], {"C": [3]}))
    gaps = views_missing(tmp_path / "s", [(0, 1)])
    everything = Split(["S"], [0, 1, 2, 3], {"S": range(10)})
    with_statistics_of(model, gaps, everything)  # missing views are left out
    with pytest.raises(KeyError):
        with_statistics_of(model, toy_store(tmp_path / "t", frames=4), "no such split")
