"""Joint training (Section 4): 66 pairs for the metric loss and 22 labelled images for
the pose loss, in one pass.
"""

import time
import warnings
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import filelock
import torch
from torch import distributed, nn
from tqdm import tqdm

from . import __version__
from .configuration import CHAPTER_CONFIG, TrainingConfig
from .engine.checkpoint import load_checkpoint, restore_model, save_checkpoint
from .engine.precision import autocast, default_device, resolve
from .feeding import Feeder
from .mining import LOSSES
from .model import MCSS
from .store.files import recipe_hash

__all__ = [
    "CHAPTER_CONFIG",
    "FIGURES",
    "CollapseAlarm",
    "Trained",
    "TrainingConfig",
    "losses",
    "run_folder",
    "train",
]

#: What `History` keeps of every step.
FIGURES = (
    "metric_loss",
    "pose_loss",
    "valid_share",
    "positive_distance",
    "negative_distance",
)
#: Steps between two looks at the figures: reading a number off a GPU makes it wait.
FIGURES_EVERY = 10


class Trained(NamedTuple):
    model: MCSS  #: in evaluation mode
    #: one list of floats a step for each of FIGURES, plus 'seconds', 'steps_per_epoch',
    #: 'images'
    history: dict


def run_folder(store, config, start=None, parent=None):
    """The folder of this very run, beside the store or in `parent`: whoever asks first
    trains, all others load.

    start: the folder of the run it starts from, if any.
    """
    made_by = [__version__, store.recipe_hash, asdict(config)] + (
        [Path(start).name] if start else []
    )
    return Path(parent or store.path.parent) / f"run-{recipe_hash(made_by)}"


def train(
    store,
    config=TrainingConfig(),
    directory=None,
    device=None,
    progress=True,
    start=None,
    watch=None,
):
    """Trains the network on a store: `Trained(model, history)`.

    directory: where checkpoints go. A run that was interrupted, at whatever moment,
    goes on from the last one and ends with the same weights (on a CPU: the same bits);
    a finished one is only loaded; two processes on one directory take turns. Without it
    nothing is kept. progress: show a bar with the losses and the alarms' figures.
    start: an `MCSS` whose weights to begin with, for fine-tuning; None for fresh ones.
    watch: called with (steps done, model) before the first step, every
    `checkpoint_every` steps and after the last; it must leave the model in training
    mode.

    Where `torch.distributed` is initialised (`torchrun`), all its ranks train together:
    each takes its share of every batch, gradients are averaged, negatives and
    BatchNorm's statistics stay within a rank. Rank 0 keeps the checkpoint.

    Warns (`RuntimeWarning`) while the embedding is collapsing: all embeddings in one
    place, no negative beyond beta.
    """
    rank, world = ranks()
    device = torch.device(device or default_device())
    if (
        device.type == "cuda" and device.index is None
    ):  # the thread that decodes ahead does not inherit the current device
        device = torch.device("cuda", torch.cuda.current_device())
    lock = nullcontext()
    if directory is not None:
        directory = Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        if rank == 0:
            lock = filelock.FileLock(directory / ".training.lock")
    with lock:
        if world > 1:
            distributed.barrier()  # nobody reads the checkpoint before rank 0 holds it
        trained = _run(
            store,
            config,
            directory,
            device,
            progress and rank == 0,
            start,
            watch if rank == 0 else None,
            rank,
            world,
        )
        if world > 1:
            # nobody goes on before the last checkpoint is written
            distributed.barrier()
        return trained


def ranks():
    """(rank, world size) of this process: (0, 1) outside `torchrun`."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


class Step(nn.Module):
    """One forward pass from a batch to (loss, figures), as a module, which is what
    DistributedDataParallel wraps.
    """

    def __init__(self, model, config, precision, device):
        super().__init__()
        self.model, self.config, self.precision, self.device = (
            model,
            config,
            precision,
            device,
        )

    def forward(self, batch):
        with autocast(self.precision, self.device):
            embedding = self.model.embed(batch.images)
        return losses(self.model, embedding, batch, self.config)


def _run(store, config, directory, device, progress, start, watch, rank, world):
    feeder = Feeder(store, config, device, rank, world)
    steps = feeder.steps
    made_by = {
        "config": asdict(config) | {"checkpoint_every": 0},
        "store": store.recipe_hash,
        "ranks": world,
    }
    found = load_checkpoint(directory) if directory else None
    if found is None:
        model, step, history = _fresh(store, config, feeder, start)
    else:
        _check_same_run(found[1], made_by, directory)
        model, step, history = (
            restore_model(*found, directory),
            found[1]["step"],
            found[1]["history"],
        )
    model.to(device)
    if config.channels_last:
        model.to(memory_format=torch.channels_last)
    model.H.requires_grad_(
        config.pose_loss
    )  # DistributedDataParallel waits for every gradient that is due
    optimizer = torch.optim.Adam(
        [
            {"params": [*model.F.parameters(), *model.G.parameters()]},
            {"params": model.H.parameters()},
        ],
        lr=config.lr,
        betas=config.betas,
        fused=True,
    )
    precision = resolve(config.precision, device)
    scaler = torch.amp.GradScaler(
        torch.device(device).type, enabled=precision == "float16"
    )
    if found:
        _restore_optimizer(optimizer, scaler, *found, device)
    if config.compile:
        model.F.compile()
    forward = Step(model, config, precision, device)
    if world > 1:
        forward = nn.parallel.DistributedDataParallel(forward)

    alarm = CollapseAlarm(config.beta)
    pending, began = [], time.perf_counter() - history["seconds"]
    model.train()
    if watch and step == 0:
        watch(0, model)
    bar = tqdm(
        total=steps,
        initial=step,
        disable=not progress,
        desc="training",
        unit="step",
        mininterval=1,
    )
    with bar, feeder.prefetch(step) as batches:
        for step, batch in enumerate(batches, step):
            drop = (
                config.lr_drop
                if step >= config.lr_drop_epoch * feeder.steps_per_epoch
                else 1.0
            )
            for group, factor in zip(
                optimizer.param_groups, (1.0, config.pose_lr_factor)
            ):
                group["lr"] = config.lr * drop * factor
            loss, figures = forward(batch)
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            pending.append(figures.detach())
            bar.update()
            done = step + 1
            if done % FIGURES_EVERY == 0 or done == steps:
                _read_figures(
                    pending, history, bar, alarm if config.metric_loss else None
                )
                history["seconds"] = time.perf_counter() - began
            pause = done % config.checkpoint_every == 0 or done == steps
            if watch and pause:
                watch(done, model)
            if directory and rank == 0 and pause:
                _read_figures(pending, history, bar, None)
                tensors = {
                    f"model.{k}": v for k, v in model.state_dict().items()
                } | _optimizer_tensors(optimizer)
                save_checkpoint(
                    directory,
                    tensors,
                    {
                        "step": done,
                        "steps": steps,
                        "model": model.settings,
                        **made_by,
                        "scaler": scaler.state_dict(),
                        "history": history,
                    },
                )
    return Trained(model.requires_grad_(True).eval(), history)


def losses(model, embedding, batch, config):
    """L = L_cnstr + w L_pose of one batch, and the figures worth keeping, in the order
    of FIGURES.
    """
    nothing = embedding.new_zeros(())
    total, figures = nothing, [nothing] * len(FIGURES)
    m = batch.pairs
    if m:
        metric = LOSSES[config.mining](
            embedding[:m], embedding[m : 2 * m], config.margin, config.beta
        )
        total = total + metric.loss
        figures[0], figures[2:] = metric.loss.detach(), metric[1:]
    if batch.targets is not None:
        # L1 over the normalised coordinates: 16 joints x 3, each in standard deviations
        # of the labelled poses
        pose = (model.regress(embedding[2 * m :]) - batch.targets).abs().mean()
        total = total + config.pose_weight * pose
        figures[1] = pose.detach()
    return total, torch.stack(figures)


def _fresh(store, config, feeder, start):
    """(model, steps done, history) at the beginning of a run."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = MCSS(
            config.backbone,
            store.image_size,
            config.embedding_dim,
            config.pretrained,
            config.batch_norm,
        )
    if start is not None:
        if start.settings != model.settings:
            raise ValueError(
                f"cannot start from a network of {start.settings}: this run needs"
                f" {model.settings}"
            )
        model.load_state_dict(start.state_dict())
    if config.pose_loss:
        model.pose_mean.copy_(feeder.pose_mean)
        model.pose_std.copy_(feeder.pose_std)
    images = 2 * config.pairs * config.metric_loss + config.labelled * config.pose_loss
    return (
        model,
        0,
        {name: [] for name in FIGURES}
        | {"seconds": 0.0, "steps_per_epoch": feeder.steps_per_epoch, "images": images},
    )


def _check_same_run(meta, made_by, directory):
    differ = [
        key
        for key, value in made_by["config"].items()
        if meta["config"].get(key) != _as_json(value)
    ]
    differ += ["the data"] * (meta["store"] != made_by["store"]) + [
        "the number of ranks"
    ] * (meta.get("ranks", 1) != made_by["ranks"])
    if differ:
        raise ValueError(
            f"{directory} holds a run with other settings ({', '.join(differ)} differ):"
            " take another directory, or delete it"
        )


def _as_json(value):
    return list(value) if isinstance(value, tuple) else value


def _optimizer_tensors(optimizer):
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{i}.{key}": value
        for i, entry in state.items()
        for key, value in entry.items()
    }


def _restore_optimizer(optimizer, scaler, tensors, meta, device):
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, i, key = name.split(".")
            # the fused optimizer walks a moment as it lies in memory: it must lie as
            # its parameter does
            if value.ndim:
                value = torch.empty_like(parameters[int(i)]).copy_(value)
            state.setdefault(int(i), {})[key] = value.to(device)
    optimizer.load_state_dict(
        {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
    )
    if meta["scaler"]:  # empty where the run began on a device that needs no scaling
        scaler.load_state_dict(meta["scaler"])


def _read_figures(pending, history, bar, alarm):
    """Moves the figures of the last steps from the device into the history, the bar and
    the collapse alarm.
    """
    if not pending:
        return
    for name, values in zip(FIGURES, torch.stack(pending).T.tolist()):
        history[name] += values
    pending.clear()
    last = {name: history[name][-1] for name in FIGURES}
    bar.set_postfix_str(
        f"L_cnstr {last['metric_loss']:.3f}, L_pose {last['pose_loss']:.3f}, valid"
        f" negatives {last['valid_share']:.0%}, pair distance"
        f" {last['negative_distance']:.2f}"
    )
    if alarm:
        alarm.look(
            len(history["valid_share"]), last["valid_share"], last["negative_distance"]
        )


class CollapseAlarm:
    """Warns, at most every 100 steps, while the mean distance between different
    instants is falling under beta.
    """

    def __init__(self, beta):
        self.beta, self.silent_until = beta, 0

    def look(self, step, valid_share, distance):
        if step >= self.silent_until and (distance < self.beta or valid_share < 0.5):
            self.silent_until = step + 100
            warnings.warn(
                f"step {step}: the embedding is collapsing: different instants are"
                f" {distance:.2f} apart on average, {valid_share:.0%} of the pairs have"
                f" a negative beyond beta = {self.beta}. Without negatives nothing"
                " pushes. Keep batch_norm=True, or lower beta or lr",
                RuntimeWarning,
                stacklevel=2,
            )
