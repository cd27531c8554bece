"""How many operations a step asks of a GPU, and that it never waits for one: counted without a
GPU.
"""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from mcss.ablations import LOSSES
from mcss.engine.precision import autocast
from mcss.feeding import Batch
from mcss.model import MCSS
from mcss.training import TrainingConfig, losses
from tests.benchmarks import operations

pytestmark = pytest.mark.filterwarnings("ignore:CUDA is not available")


def test_our_step_asks_for_hardly_more_than_the_bare_backbone_s():
    ours, bare = operations.joint_step().total, operations.bare_step().total
    assert ours <= 1.15 * bare, (ours, bare)


@pytest.mark.parametrize("m", [66, 512, 4096])
def test_mining_and_loss_are_few(m):
    found = operations.mining_and_loss(m)
    assert found.total <= 45, found.names


def test_many_pairs_are_mined_strip_by_strip():
    few, many = (operations.mining_and_loss(m).launched for m in (4096, 65_536))
    assert many["fill_"] == 64 * few["fill_"]


@pytest.mark.parametrize("negatives", ["batch", "subject"])
@pytest.mark.parametrize("mining", LOSSES)
def test_a_step_never_waits_for_the_device(mining, negatives):
    """Nor copies anything to it, which cannot be recorded in a graph either. Fake tensors, which
    know their device, go forward only.
    """
    config = TrainingConfig(mining=mining, negatives=negatives, align=0.1)
    with FakeTensorMode(), torch.device("cuda"):
        model = MCSS(image_size=32).train()
        images = torch.zeros(154, 3, 32, 32, dtype=torch.uint8)
        batch = Batch(images, 66, torch.zeros(22, 16, 3), [30, 36])
        with operations.Operations() as step:
            with autocast("bfloat16", "cuda"):
                embedding = model.embed(batch.images)
            losses(model, embedding, batch, config)
        assert step.total > 150 and not step.waiting, step.waiting
        with operations.Operations() as step:
            torch.zeros(3).new_tensor([1.0, 2.0])
        assert step.waiting  # it would have been seen
