"""How many operations a step asks for: what can be known of a GPU without one.

Whatever its size, an operation costs the thread that launches it some ten microseconds, and a step
on a large GPU takes as long as its launches. Views launch nothing and are counted apart, too; what
one operation of PyTorch does inside is not counted. Backward cannot run on fake tensors of a GPU
that is not there, so the tensors are the CPU's and only say that they are on a GPU: the code takes
the GPU's way.
"""

from collections import Counter
from contextlib import contextmanager
from unittest import mock

import torch
import torchvision
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from mcss.engine.precision import autocast
from mcss.feeding import Batch
from mcss.mining import contrastive_loss
from mcss.model import MCSS
from mcss.training import TrainingConfig, losses, new_optimizer

from .timing import Row

#: What waits for the device.
WAITING = {"_local_scalar_dense", "nonzero", "equal"}


class Operations(TorchDispatchMode):
    """Counts what is dispatched within it, by name."""

    def __init__(self):
        super().__init__()
        self.launched, self.views, self.names = Counter(), Counter(), []
        self.waiting = []  #: what waits for the device, or copies from main memory to it

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.__name__.split(".")[0]
        result = function(*args, **(kwargs or {}))
        if function.namespace == "aten":  # not a fake tensor's own
            (self.views if _is_view(function) else self.launched)[name] += 1
            self.names.append(name)
        tensors = [x for x in args if isinstance(x, torch.Tensor)]
        copied = isinstance(result, torch.Tensor) and name in ("_to_copy", "copy_")
        if name in WAITING or copied and any(x.device != result.device for x in tensors):
            self.waiting.append(name)
        return result

    @property
    def total(self):
        return len(self.names)


def _is_view(function):
    """Whether it returns its argument's memory, and writes nothing."""
    aliases = [result.alias_info for result in function._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


@contextmanager
def pretended_gpu():
    """Within it, every tensor says that it is on a GPU."""
    with mock.patch.object(torch.Tensor, "is_cuda", True, create=True):
        yield


def counted(work):
    """The `Operations` of the second call of `work()`: the first makes Adam's state."""
    with pretended_gpu():
        work()
        with Operations() as operations:
            work()
    return operations


def bare_step(images=6, size=32):
    """A training step of torchvision's ResNet-18 on a batch that lies ready, in bfloat16."""
    model = torchvision.models.resnet18().to(memory_format=torch.channels_last).train()
    batch = torch.zeros(images, 3, size, size).contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step():
        with autocast("bfloat16", "cpu"):
            loss = model(batch).float().square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return counted(step)


def joint_step(config=TrainingConfig(pairs=4, labelled=2), size=32):
    """Ours, on a batch of bytes that lies ready on the device."""
    model = MCSS(image_size=size).to(memory_format=torch.channels_last).train()
    m, n = config.pairs, config.labelled
    images = torch.zeros(2 * m + n, 3, size, size, dtype=torch.uint8)
    batch = Batch(images, m, torch.zeros(n, 16, 3), [m - m // 2, m // 2])
    with pretended_gpu():
        optimizer = new_optimizer(model, config)

    def step():
        with autocast("bfloat16", "cpu"):
            embedding = model.embed(batch.images)
        loss, _ = losses(model, embedding, batch, config)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return counted(step)


def mining_and_loss(pairs, dimensions=128):
    """Eq. 1 and 2 with the gradient and the figures; no number is calculated."""
    with FakeTensorMode():
        pair = [torch.zeros(pairs, dimensions, requires_grad=True) for _ in range(2)]
        one = torch.ones(())  # the gradient that comes from the total loss

        def step():
            torch.autograd.grad(contrastive_loss(*pair).loss, pair, one)

        return counted(step)


def rows(device, rounds):
    ours, bare = (step().launched.total() for step in (joint_step, bare_step))
    yield Row(
        "operations of a joint step",
        154,
        "images",
        {},
        faster=False,
        target=1.15,
        value=ours / bare,
        unit="times the bare ResNet-18's",
        note=f"{ours} and {bare}",
    )
    for m in (66, 512, 4096):
        value = mining_and_loss(m).launched.total()
        more = {"faster": False, "target": 45, "value": value, "unit": "operations"}
        yield Row("operations of mining and loss", m, "pairs", {}, **more)
