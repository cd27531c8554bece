"""Joint training (Section 4): 66 pairs for the metric loss and 22 labelled images for the pose loss, in one pass."""

import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import filelock
import torch
from tqdm import tqdm

from . import __version__
from .checkpoint import load_checkpoint, restore_model, save_checkpoint
from .feeding import Feeder
from .files import recipe_hash
from .mining import contrastive_loss
from .model import MCSS
from .precision import autocast, default_device, resolve

#: What `History` keeps of every step.
FIGURES = ("metric_loss", "pose_loss", "valid_share", "positive_distance", "negative_distance")
#: Steps between two looks at the figures: reading a number off a GPU makes it wait.
FIGURES_EVERY = 10


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides a training run. The defaults are the paper's, where it gives any (Section 4).

    Not the paper's: `pose_lr_factor` (H learns that many times faster: its input has unit length, so its weights
    must grow; measured), `gap` (the paper's is in a lost supplement), and everything from `seed` on.
    """

    metric_loss: bool = True  #: L_cnstr
    pose_loss: bool = True  #: L_pose; alone it is the paper's Baseline
    pairs: int = 66  #: anchor-positive pairs in a batch
    labelled: int = 22  #: labelled images in a batch
    gap: float = 0.5  #: seconds that two instants of one clip lie apart in a batch
    margin: float = 0.6  #: alpha
    beta: float = 0.3
    pose_weight: float = 1.0  #: w in L = L_cnstr + w L_pose
    epochs: int = 40
    lr: float = 1e-3
    lr_drop_epoch: int = 20  #: from this epoch on, lr times lr_drop
    lr_drop: float = 0.1
    betas: tuple = (0.9, 0.99)
    pose_lr_factor: float = 10.0
    split: str = "train"
    label_subjects: tuple | None = None  #: None: all of the split's
    label_views: tuple | None = None  #: counted from 0; None: all
    label_share: float = 1.0  #: of the labelled subjects' instants
    target: str = "canonical"  #: or 'global'
    backbone: str = "resnet18"
    embedding_dim: int = 128
    pretrained: bool = False
    batch_norm: bool = True  #: False leaves out the BatchNorm of G
    seed: int = 0
    precision: str = "auto"  #: see mcss.precision
    channels_last: bool = True
    compile: bool = False  #: torch.compile for F
    checkpoint_every: int = 200  #: steps

    def __post_init__(self):
        if not (self.metric_loss or self.pose_loss):
            raise ValueError("nothing to learn from: set metric_loss, pose_loss or both")
        if self.epochs < 1 or self.labelled < 2:
            raise ValueError(f"epochs must be at least 1 and labelled at least 2, not {self.epochs} and {self.labelled}")
        for name in ("betas", "label_subjects", "label_views"):  # JSON knows no tuples
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))


#: What the chapters train with, on two CPU cores: all labels, batches and epochs small enough for a few minutes.
CHAPTER_CONFIG = TrainingConfig(
    pairs=24, labelled=8, epochs=3, lr=2e-3, lr_drop_epoch=2, pose_lr_factor=5.0, checkpoint_every=50
)


class Trained(NamedTuple):
    model: MCSS  #: in evaluation mode
    history: dict  #: one list of floats a step for each of FIGURES, plus 'seconds', 'steps_per_epoch', 'images'


def run_folder(store, config):
    """Beside the store, the folder of this very run: whoever asks first trains, all others load."""
    made_by = [__version__, store.recipe_hash, asdict(config)]
    return store.path.parent / f"run-{recipe_hash(made_by)}"


def train(store, config=TrainingConfig(), directory=None, device=None, progress=True):
    """Trains the network on a store: `Trained(model, history)`.

    directory: where checkpoints go. A run that was interrupted, at whatever moment, goes on from the last one and
    ends with the same weights (on a CPU: the same bits); a finished one is only loaded; two processes on one
    directory take turns. Without it nothing is kept. progress: show a bar with the losses and the alarms' figures.

    Warns (`RuntimeWarning`) while the embedding is collapsing: all embeddings in one place, no negative beyond beta.
    """
    if directory is None:
        return _run(store, config, None, device or default_device(), progress)
    Path(directory).mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(Path(directory) / ".training.lock"):
        return _run(store, config, Path(directory), device or default_device(), progress)


def _run(store, config, directory, device, progress):
    feeder = Feeder(store, config, device)
    steps = feeder.steps
    made_by = {"config": asdict(config) | {"checkpoint_every": 0}, "store": store.recipe_hash}
    model, step, history = _start(store, config, feeder, directory, made_by)
    model.to(device)
    if config.channels_last:
        model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(
        [{"params": [*model.F.parameters(), *model.G.parameters()]}, {"params": model.H.parameters()}],
        lr=config.lr, betas=config.betas, fused=True,
    )
    precision = resolve(config.precision, device)
    scaler = torch.amp.GradScaler(torch.device(device).type, enabled=precision == "float16")
    if step:
        _restore_optimizer(optimizer, scaler, *load_checkpoint(directory), device)
    if config.compile:
        model.F.compile()

    alarm = CollapseAlarm(config.beta)
    pending, began = [], time.perf_counter() - history["seconds"]
    model.train()
    bar = tqdm(total=steps, initial=step, disable=not progress, desc="training", unit="step", mininterval=1)
    with bar, feeder.prefetch(step) as batches:
        for step, batch in enumerate(batches, step):
            drop = config.lr_drop if step >= config.lr_drop_epoch * feeder.steps_per_epoch else 1.0
            for group, factor in zip(optimizer.param_groups, (1.0, config.pose_lr_factor)):
                group["lr"] = config.lr * drop * factor
            with autocast(precision, device):
                embedding = model.embed(batch.images)
            loss, figures = losses(model, embedding, batch, config)
            optimizer.zero_grad(set_to_none=True)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            pending.append(figures)
            bar.update()
            done = step + 1
            if done % FIGURES_EVERY == 0 or done == steps:
                _read_figures(pending, history, bar, alarm if config.metric_loss else None)
                history["seconds"] = time.perf_counter() - began
            if directory and (done % config.checkpoint_every == 0 or done == steps):
                _read_figures(pending, history, bar, None)
                tensors = {f"model.{k}": v for k, v in model.state_dict().items()} | _optimizer_tensors(optimizer)
                save_checkpoint(directory, tensors, {
                    "step": done, "model": model.settings, **made_by, "scaler": scaler.state_dict(), "history": history,
                })
    return Trained(model.eval(), history)


def losses(model, embedding, batch, config):
    """L = L_cnstr + w L_pose of one batch, and the figures worth keeping, in the order of FIGURES."""
    nothing = embedding.new_zeros(())
    total, figures = nothing, [nothing] * len(FIGURES)
    m = batch.pairs
    if m:
        metric = contrastive_loss(embedding[:m], embedding[m : 2 * m], config.margin, config.beta)
        total = total + metric.loss
        figures[0], figures[2:] = metric.loss.detach(), metric[1:]
    if batch.targets is not None:
        # L1 over the normalised coordinates: 16 joints x 3, each in standard deviations of the labelled poses
        pose = (model.regress(embedding[2 * m :]) - batch.targets).abs().mean()
        total = total + config.pose_weight * pose
        figures[1] = pose.detach()
    return total, torch.stack(figures)


def _start(store, config, feeder, directory, made_by):
    """(model, steps done, history): fresh, or as the checkpoint in `directory` left them."""
    found = load_checkpoint(directory) if directory else None
    if found is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            model = MCSS(config.backbone, store.image_size, config.embedding_dim, config.pretrained, config.batch_norm)
        if config.pose_loss:
            model.pose_mean.copy_(feeder.pose_mean)
            model.pose_std.copy_(feeder.pose_std)
        images = 2 * config.pairs * config.metric_loss + config.labelled * config.pose_loss
        history = {name: [] for name in FIGURES} | {"seconds": 0.0, "steps_per_epoch": feeder.steps_per_epoch, "images": images}
        return model, 0, history
    tensors, meta = found
    differ = [key for key in made_by["config"] if meta["config"].get(key) != _as_json(made_by["config"][key])]
    if differ or meta["store"] != made_by["store"]:
        what = ", ".join(differ) if differ else "the data"
        raise ValueError(f"{directory} holds a run with other settings ({what} differ): take another directory, or delete it")
    return restore_model(tensors, meta, directory), meta["step"], meta["history"]


def _as_json(value):
    return list(value) if isinstance(value, tuple) else value


def _optimizer_tensors(optimizer):
    state = optimizer.state_dict()["state"]
    return {f"optimizer.{i}.{key}": value for i, entry in state.items() for key, value in entry.items()}


def _restore_optimizer(optimizer, scaler, tensors, meta, device):
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, i, key = name.split(".")
            if value.ndim:  # the fused optimizer walks a moment as it lies in memory: it must lie as its parameter does
                value = torch.empty_like(parameters[int(i)]).copy_(value)
            state.setdefault(int(i), {})[key] = value.to(device)
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    scaler.load_state_dict(meta["scaler"])


def _read_figures(pending, history, bar, alarm):
    """Moves the figures of the last steps from the device into the history, the bar and the collapse alarm."""
    if not pending:
        return
    for name, values in zip(FIGURES, torch.stack(pending).T.tolist()):
        history[name] += values
    pending.clear()
    last = {name: history[name][-1] for name in FIGURES}
    bar.set_postfix_str(
        f"L_cnstr {last['metric_loss']:.3f}, L_pose {last['pose_loss']:.3f}, "
        f"valid negatives {last['valid_share']:.0%}, pair distance {last['negative_distance']:.2f}"
    )
    if alarm:
        alarm.look(len(history["valid_share"]), last["valid_share"], last["negative_distance"])


class CollapseAlarm:
    """Warns, at most every 100 steps, while the mean distance between different instants is falling under beta."""

    def __init__(self, beta):
        self.beta, self.silent_until = beta, 0

    def look(self, step, valid_share, distance):
        if step >= self.silent_until and (distance < self.beta or valid_share < 0.5):
            self.silent_until = step + 100
            warnings.warn(
                f"step {step}: the embedding is collapsing: different instants are {distance:.2f} apart on average, "
                f"{valid_share:.0%} of the pairs have a negative beyond beta = {self.beta}. Without negatives nothing pushes. "
                "Keep batch_norm=True, or lower beta or lr",
                RuntimeWarning,
                stacklevel=2,
            )
