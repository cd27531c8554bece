"""Joint training (Section 4): 66 pairs for the metric loss and 22 labelled images for
the pose loss, in one pass.
"""

import math
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from . import __version__
from .ablations import LOSSES, MixedSubjectPairs
from .batches import SameSubjectPairs
from .configuration import CHAPTER_CONFIG, TrainingConfig
from .engine.adam import adam, set_rates
from .engine.alarm import CollapseAlarm
from .engine.pictures import source_for
from .engine.run import Run
from .feeding import Changes, Feeder
from .improvements import disagreement, loss_within, misalignment
from .model import MCSS
from .store.files import recipe_hash
from .targets import LabelledImages

__all__ = [
    "CHAPTER_CONFIG",
    "FIGURES",
    "Trained",
    "TrainingConfig",
    "losses",
    "run_folder",
    "train",
]

#: What the history keeps of every step.
FIGURES = (
    "metric_loss",
    "pose_loss",
    "valid_share",
    "positive_distance",
    "negative_distance",
)


class Trained(NamedTuple):
    model: MCSS  #: in evaluation mode
    #: one list of floats a step for each of FIGURES, plus 'seconds', 'steps_per_epoch',
    #: 'images'
    history: dict


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
    nothing is kept.
    progress: show a bar with the losses and the alarm's figures.
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
    pairs, labelled = index_batches(store, config)
    with run_of(store, config, directory, device, watch) as run:
        share = run.device, run.rank, run.world
        bar = progress and run.rank == 0
        feeder = feeder_of(store, config, pairs, labelled, *share, bar)
        model = new_model(store, config, labelled, start).to(run.device)
        optimizer = new_optimizer(model, config)
        images = 2 * config.pairs * config.sees_pairs
        images += config.labelled * config.pose_loss
        run.resume(model, optimizer, steps_per_epoch=len(pairs), images=images)

        def take(batch):
            with run.autocast():
                embedding = model.embed(batch.images)
            loss, figures = losses(model, embedding, batch, config)
            optimizer.zero_grad()
            run.backward(loss)
            run.update()
            return figures

        take = run.replayed(take, config)
        for step, batch in run.steps(feeder, config.epochs * len(pairs), progress):
            set_learning_rate(optimizer, config, step / len(pairs))
            run.record(take(batch))
    return Trained(model.eval(), run.history)


def losses(model, embedding, batch, config):
    """L = L_cnstr + w L_pose of one batch, and the figures worth keeping, in the order
    of FIGURES.
    """
    zero = embedding.new_zeros(())
    total, figures = zero, [zero] * len(FIGURES)
    m, n = batch.pairs, len(embedding)
    anchor, positive, labelled = embedding.split((m, m, n - 2 * m))
    if config.metric_loss:
        metric = metric_loss(anchor, positive, batch.groups, config)
        total = total + metric.loss
        figures[0], figures[2:] = metric.loss.detach(), metric[1:]
    if batch.targets is not None:
        # L1 over the normalised coordinates: 16 joints x 3, each in standard deviations
        # of the labelled poses
        pose = (model.regress(labelled) - batch.targets).abs().mean()
        total = total + config.pose_weight * pose
        figures[1] = pose.detach()
    if config.agree:
        total = total + config.agree * disagreement(model, anchor, positive)
    if config.align:
        apart = misalignment(anchor, batch.groups)
        total = total + config.align * (apart + misalignment(positive, batch.groups))
    return total, torch.stack(figures)


def metric_loss(anchor, positive, groups, config):
    """L_cnstr of a batch, a `ContrastiveLoss`: Eq. 2, or one of its rivals.

    groups: how many pairs each subject has, in the order of the rows.
    """
    settings = {"margin": config.margin, "beta": config.beta}
    if config.mining == "infonce":
        settings["temperature"] = config.temperature
    loss_of = partial(LOSSES[config.mining], **settings)
    if config.negatives == "subject":
        return loss_within(groups, loss_of, anchor, positive)
    return loss_of(anchor, positive)


def index_batches(store, config):
    """(pairs, labelled) of a run: which images meet in which step. The pairs also count
    the steps of a run without the metric loss, so that the Baseline has as many.
    """
    sampler = SameSubjectPairs if config.same_subject else MixedSubjectPairs
    pairs = sampler(store, config.split, config.pairs, config.gap, config.seed)
    labelled = LabelledImages.of(store, config) if config.pose_loss else None
    return pairs, labelled


def new_model(store, config, labelled=None, start=None):
    """A network with the configuration's seed, or with the weights of `start`; its H
    knows mean and standard deviation of the labelled poses.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = MCSS(
            config.backbone,
            store.image_size,
            config.embedding_dim,
            config.pretrained,
            config.batch_norm,
            config.norm,
        )
    if start is not None:
        if start.settings != model.settings:
            raise ValueError(
                f"cannot start from a network of {start.settings}: this run needs"
                f" {model.settings}"
            )
        model.load_state_dict(start.state_dict())
    if labelled is not None:
        model.pose_mean.copy_(labelled.mean)
        model.pose_std.copy_(labelled.std)
    if config.channels_last:
        model.to(memory_format=torch.channels_last)
    if config.compile:
        model.F.compile()
    return model


def new_optimizer(model, config):
    """Adam, with H in a group of its own."""
    groups = [*model.F.parameters(), *model.G.parameters()], [*model.H.parameters()]
    return adam(groups, config.lr, config.betas)


def set_learning_rate(optimizer, config, epoch):
    """lr, dropped once, or falling to 0 along a cosine; H's is `pose_lr_factor` times
    that. epoch: with fractions.
    """
    drop = config.lr_drop if epoch >= config.lr_drop_epoch else 1.0
    if config.cosine:
        drop = (1 + math.cos(math.pi * epoch / config.epochs)) / 2
    rate = config.lr * drop
    set_rates(optimizer, (rate, rate * config.pose_lr_factor))


def run_of(store, config, directory=None, device=None, watch=None):
    """The `mcss.engine.run.Run` of a training."""
    alarm = CollapseAlarm(config.beta)

    def check(step, last):
        alarm.check(step, last["valid_share"], last["negative_distance"])
        alarm.check_learning(step, last["positive_distance"], last["negative_distance"])

    def describe(last):
        return (
            f"L_cnstr {last['metric_loss']:.3f}, L_pose {last['pose_loss']:.3f}, valid"
            f" negatives {last['valid_share']:.0%}, pair distance"
            f" {last['negative_distance']:.2f}"
        )

    return Run(
        {"config": config.method(), "store": store.recipe_hash},
        FIGURES,
        directory,
        device,
        config.precision,
        config.checkpoint_every,
        describe,
        check if config.metric_loss else None,
        watch,
    )


def feeder_of(
    store, config, pairs, labelled, device="cpu", rank=0, world=1, progress=False
):
    """The `Feeder` of a training: this rank's share of the index batches. progress:
    show a bar where a split is decoded first.

    Raises `ValueError` for batches too small to share.
    """
    sizes = [pairs.smallest] * config.sees_pairs + [config.labelled] * config.pose_loss
    if min(sizes) < 2 * world:
        raise ValueError(
            f"batches of {pairs.smallest} pairs and {config.labelled} labelled images"
            f" do not give {world} processes two each"
        )
    fed = pairs if config.sees_pairs else None
    changes = Changes(config.mirror, config.augment, config.seed)
    share, source = (rank, world, changes), source_for(device, store, config, progress)
    return Feeder(store, fed, labelled, device, *share, *source)


def run_folder(store, config, start=None, parent=None):
    """The folder of this very run, beside the store or in `parent`: the first process
    to use it trains, all later ones load.

    start: the folder of the run it starts from, if any.
    """
    made_by = [__version__, store.recipe_hash, config.method()]
    made_by += [Path(start).name] if start else []
    return Path(parent or store.path.parent) / f"run-{recipe_hash(made_by)}"
