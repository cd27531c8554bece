"""What would mix up devices on a GPU, found without one: fake tensors say that they are on it, and
hold no numbers.
"""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from mcss.ablations import LOSSES
from mcss.engine.precision import autocast
from mcss.fast.neighbours import nearest
from mcss.feeding import Batch
from mcss.model import MCSS
from mcss.training import TrainingConfig, losses


def inputs():
    model = MCSS(image_size=32)
    batch = Batch(torch.zeros(154, 3, 32, 32, dtype=torch.uint8), 66, torch.zeros(22, 16, 3))
    return model, batch, torch.zeros(300, 128), torch.zeros(5000, 128)


def a_step(mining, precision="float16"):
    def step(model, batch, *_):
        with autocast(precision, "cuda"):
            embedding = model.train().embed(batch.images)
        return losses(model, embedding, batch, TrainingConfig(mining=mining))

    return step


def a_prediction(model, batch, *_):
    with autocast("bfloat16", "cuda"):
        return model.eval()(batch.images)


def neighbours(model, batch, queries, gallery):
    return nearest(queries, gallery, 5)


WORK = {f"a step, {name}": a_step(name) for name in LOSSES} | {
    "a step in bfloat16": a_step("hardest", "bfloat16")
}
WORK |= {"a prediction": a_prediction, "neighbours": neighbours}


@pytest.mark.parametrize("name", WORK)
@pytest.mark.filterwarnings("ignore:CUDA is not available")
def test_everything_stays_on_the_device(name):
    with FakeTensorMode():
        with torch.device("cuda"):
            given = inputs()
        assert {str(x.device) for x in WORK[name](*given)} == {"cuda:0"}
