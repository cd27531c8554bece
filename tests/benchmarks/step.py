"""A joint training step, from JPEG files on disk to new weights, against the bare backbone and
against its plain form.
"""

import copy

import torch
import torchvision

from mcss.engine.precision import autocast, resolve
from mcss.engine.replay import WARM, Recorder
from mcss.model import IMAGENET_MEAN, IMAGENET_STD, MCSS
from mcss.training import (
    TrainingConfig,
    feeder_of,
    index_batches,
    losses,
    new_optimizer,
    train,
)

from .stores import store
from .timing import interleaved, row, timer

PAIRS, LABELLED = 66, 22
EPOCH = 3  # steps


def configuration(steps, pause=EPOCH, data="streamed"):
    """The paper's batches."""
    return TrainingConfig(
        pairs=PAIRS, labelled=LABELLED, epochs=steps // EPOCH, checkpoint_every=pause, data=data
    )


def feeder(data, config, device):
    return feeder_of(data, config, *index_batches(data, config), device)


#: What `TrainingConfig.data` means, in the tables.
WAYS = {"streamed": "from disk", "resident": "pictures resident"}


class Backbone:
    """The peer: torchvision's ResNet-18 as it comes, forward, backward and Adam, on one batch that
    lies ready as floats.

    replayed: captured as a CUDA graph.
    """

    def __init__(self, data, device, replayed=False):
        config = configuration(EPOCH)
        images = feeder(data, config, device).batch(0).images / 255
        mean, std = (
            torch.tensor(x, device=device)[:, None, None] for x in (IMAGENET_MEAN, IMAGENET_STD)
        )
        self.images = ((images - mean) / std).contiguous(memory_format=torch.channels_last)
        self.model = (
            torchvision.models.resnet18().to(device).to(memory_format=torch.channels_last).train()
        )
        self.optimizer = torch.optim.Adam(
            self.model.parameters(),
            lr=config.lr,
            betas=config.betas,
            fused=True,
            capturable=replayed,
        )
        self.precision, self.device = resolve("auto", device), device
        self.step = self.launch
        if replayed:
            recorder = Recorder()
            for _ in range(WARM):
                recorder.launch(self.launch)
            self.step, _ = recorder.record(self.launch)

    def __call__(self):
        self.step()

    def launch(self):
        with autocast(self.precision, self.device):
            loss = self.model(self.images).float().square().mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()


def against_the_backbone(data, device, rounds, kept="streamed", replayed=False):
    """`mcss.training.train` as it is, stopped every few steps for as many of the backbone's.

    kept: where its pictures are, `TrainingConfig.data`. replayed: the backbone's step is a graph.
    """
    part = (
        30 if device == "cuda" else EPOCH
    )  # many more than are decoded ahead, where a step is short
    peer, ours, theirs, clock = Backbone(data, device, replayed), [], [], []

    def pause(done, model):
        if clock:
            ours.append((timer() - clock.pop()) / part)
            start = timer()
            for _ in range(part):
                peer()
            theirs.append((timer() - start) / part)
        clock.append(timer())

    peer()
    config = configuration(part * (rounds + 1), part, kept)
    train(data, config, device=device, progress=False, watch=pause)
    name = "bare ResNet-18, replayed" if replayed else "bare ResNet-18"
    return {f"ours, {WAYS[kept]}": ours[1:], name: theirs[1:]}  # the first ones warm up


def against_the_plain_form(data, device, rounds):
    """The step as it is shipped and in float32 with contiguous images, from the same weights on the
    same batch; and how their results differ.
    """
    batch = feeder(data, configuration(EPOCH), device).batch(0)
    weights, steps, first = MCSS(image_size=data.image_size).to(device).train(), {}, {}
    for name, precision, layout in (
        ("as shipped", resolve("auto", device), torch.channels_last),
        ("float32, contiguous", "float32", torch.contiguous_format),
    ):
        model = copy.deepcopy(weights).to(memory_format=layout)
        optimizer = new_optimizer(model, TrainingConfig())

        def step(model=model, optimizer=optimizer, precision=precision):
            with autocast(precision, device):
                embedding = model.embed(batch.images)
            loss, figures = losses(model, embedding, batch, TrainingConfig())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return figures

        first[name] = step().detach()[:2].tolist()
        steps[name] = step
    (metric, pose), (metric2, pose2) = first.values()
    return (
        interleaved(steps, rounds),
        f"first losses {metric:.3f} and {pose:.3f}, plain {metric2:.3f} and {pose2:.3f}",
    )


def on_a_gpu(rounds):
    """Rows of the step with pictures that stay on the GPU."""
    for size in (128, 224):
        for replayed, target in ((False, 0.6), (True, 1.1)):
            seconds = against_the_backbone(store(size), "cuda", rounds, "resident", replayed)
            peer = list(seconds)[1]
            work = "joint step, pictures resident" + (", against a graph" if replayed else "")
            more = {"faster": False, "target": target, "note": resolve("auto", "cuda")}
            yield row(work, size, "pixels", seconds, peer, **more)


def rows(device, rounds):
    if device == "cuda":
        yield from on_a_gpu(min(rounds, 4))
    for size in (64, 128, 224):
        data, images = store(size), 2 * PAIRS + LABELLED
        seconds = against_the_backbone(data, device, min(rounds, 4))
        yield row(
            "joint training step",
            size,
            "pixels",
            seconds,
            "bare ResNet-18",
            faster=False,
            target=(1.1 if device == "cuda" else 1.05) if size > 64 else None,
            note=(
                f"{images} images, {images / min(seconds['ours, from disk']):.0f} a second,"
                f" {resolve('auto', device)}"
            ),
        )
    for size, target in ((64, 1.6), (224, 2.0)):
        seconds, note = against_the_plain_form(store(size), device, min(rounds, 3))
        yield row(
            "training step, as shipped",
            size,
            "pixels",
            seconds,
            "float32, contiguous",
            target=target if device == "cpu" else None,
            note=note,
        )
