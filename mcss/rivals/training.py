"""Training a rival on the batches and the schedule of MCSS.

A rival sees the pictures that MCSS sees, each as often: the same pairs in the same
order, and the same labelled pictures. Where its authors first learn from pairs and then
from labels, so does it: the pairs of all steps come first, the labels of all steps
afterwards.
"""

from dataclasses import dataclass, field

import torch

from ..batches import SameSubjectPairs
from ..configuration import LATER, TrainingConfig
from ..engine.checkpoint import load_checkpoint, with_prefix
from ..engine.run import Run
from ..targets import LabelledImages
from ..training import Trained
from . import RIVALS
from .base import NEEDS
from .feeding import CameraLabels, RivalFeeder

#: Settings of MCSS that no rival has.
WITHOUT = ("same_subject", "backbone", "embedding_dim", "batch_norm", *LATER)


@dataclass(frozen=True)
class RivalConfig(TrainingConfig):
    """The settings of MCSS, of which a rival uses the batches and the schedule, and its
    own. target: 'camera', the frame of each picture's camera, or as for MCSS.
    metric_loss, pose_loss: whether a rival that learns in two stages goes through the
    first, and through the second; so that one network can get several sets of labels.

    Raises `ValueError` for a rival that there is not, and for settings of MCSS that it
    would not heed.
    """

    target: str = "camera"
    rival: str = ""  #: a name in RIVALS
    settings: dict = field(default_factory=dict)  #: arguments of the rival's class

    def __post_init__(self):
        super().__post_init__()
        if self.rival not in RIVALS:
            raise ValueError(
                f"rival must be one of {', '.join(RIVALS)}, not {self.rival!r}"
            )
        unheeded = [
            n for n in WITHOUT if getattr(self, n) != getattr(TrainingConfig, n)
        ]
        if unheeded:
            raise ValueError(
                f"a rival does not heed {', '.join(unheeded)}: leave it at its default,"
                " or use the rival's own settings"
            )

    def method(self):
        """What decides the training, a dict."""
        return {
            **super().method(),
            "rival": self.rival,
            "settings": self.settings,
        }

    @classmethod
    def like(cls, config, rival, target="camera", **settings):
        """The configuration of a rival with the batches and schedule of `config`."""
        own = {"target": target, "rival": rival, "settings": settings}
        return cls(**vars(config) | own)


def check_given(store, config):
    """Raises `ValueError` for a store that lacks what a rival needs, naming it and the
    methods that work without.
    """
    subjects, kind = store.splits[config.split].subjects, RIVALS[config.rival]
    missing = [n for n in kind.needs if not NEEDS[n].of(store, subjects)]
    if missing:
        without = [r.title for r in RIVALS.values() if not set(missing) & set(r.needs)]
        without += ["MCSS"] * ("two views" not in missing) + ["the Baseline"]
        raise ValueError(
            f"{kind.title} needs {' and '.join(NEEDS[n].words for n in missing)}:"
            f" {store.path} has none. Without it work: {', '.join(without)}"
        )
    in_camera = config.pose_loss and config.target == "camera"
    if in_camera and not NEEDS["rotations"].of(store, subjects):
        raise ValueError(
            f"labels in the camera's frame need {NEEDS['rotations'].words}:"
            f" {store.path} has none. {kind.title} works without it with"
            " target='canonical'"
        )


def train_rival(
    store,
    config,
    directory=None,
    device=None,
    progress=True,
    start=None,
    watch=None,
):
    """Trains a rival: `Trained(model, history)`; resumes as `mcss.training.train` does.

    config: a `RivalConfig`. start: the rival whose weights to begin with. The rest as
    there. Raises `ValueError` for a store that lacks what the rival needs.
    """
    check_given(store, config)
    with run_of(store, config, directory, device, watch) as run:
        pairs, labelled = batches(store, config)
        model = new_rival(store, config, labelled, start).to(run.device)
        fed = store, model, pairs, labelled, config
        feeder = RivalFeeder(*fed, run.device)
        optimizer = new_optimizer(model, config)
        images = 2 * config.pairs * feeder.pretext + config.labelled * feeder.pose
        run.resume(model, optimizer, steps_per_epoch=len(pairs), images=images)
        began_pose = False
        for step, batch in run.steps(feeder, feeder.steps, progress):
            if batch.given is None and not began_pose:
                model.begin_pose()
                began_pose = True
            epoch = step % feeder.each // len(pairs)
            set_learning_rate(optimizer, model, config, epoch)
            with run.autocast():
                loss, figures = model.losses(batch, step / feeder.steps, config)
            optimizer.zero_grad()
            run.backward(loss)
            run.update()
            run.record(figures)
    return Trained(model.eval(), run.history)


def batches(store, config):
    """(pairs, labelled): which pictures meet in which step, those of MCSS."""
    pairs = SameSubjectPairs(store, config.split, config.pairs, config.gap, config.seed)
    kind = CameraLabels if config.target == "camera" else LabelledImages
    return pairs, kind.of(store, config) if config.pose_loss else None


def new_rival(store, config, labelled=None, start=None):
    """A network with the configuration's seed, or with the weights of `start`; its H
    knows mean and standard deviation of the labelled poses.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = RIVALS[config.rival](
            store.image_size, pretrained=config.pretrained, **config.settings
        )
    if start is not None:
        model.load_state_dict(start.state_dict())
    if labelled is not None:
        model.pose_mean.copy_(labelled.mean)
        model.pose_std.copy_(labelled.std)
    return (
        model.to(memory_format=torch.channels_last) if config.channels_last else model
    )


def new_optimizer(model, config):
    """Adam, with H in a group of its own."""
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    groups = [
        [p for name, p in learned.items() if name.startswith("H.") == of_H]
        for of_H in (False, True)
    ]
    return torch.optim.Adam(
        [{"params": group} for group in groups],
        lr=config.lr,
        betas=config.betas,
        fused=True,
    )


def set_learning_rate(optimizer, model, config, epoch):
    """lr, dropped once in each stage; H's is `pose_lr_factor` times that."""
    factor = model.pose_lr_factor or config.pose_lr_factor
    drop = config.lr_drop if epoch >= config.lr_drop_epoch else 1.0
    for group, times in zip(optimizer.param_groups, (1.0, factor)):
        group["lr"] = config.lr * drop * times


def run_of(store, config, directory, device, watch):
    """The `mcss.engine.run.Run` of a rival's training."""
    names = (*RIVALS[config.rival].figures, "pose_loss")

    def describe(last):
        return ", ".join(f"{name} {last[name]:.3f}" for name in names)

    return Run(
        {"config": config.method(), "store": store.recipe_hash},
        names,
        directory,
        device,
        config.precision,
        config.checkpoint_every,
        describe,
        watch=watch,
    )


def load_rival(directory, device="cpu"):
    """The network of a rival's checkpoint, in evaluation mode.

    Raises `FileNotFoundError` where there is none and `ValueError` for another kind.
    """
    checkpoint = load_checkpoint(directory)
    if checkpoint is None:
        raise FileNotFoundError(f"{directory} holds no checkpoint")
    tensors, meta = checkpoint
    if "rival" not in meta["config"]:
        raise ValueError(f"{directory} holds no rival: use load_model")
    model = RIVALS[meta["config"]["rival"]](**meta["model"])
    model.load_state_dict(with_prefix(tensors, "model."))
    return model.to(device).eval()
