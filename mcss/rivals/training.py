"""Training a rival on the batches and the schedule of MCSS.

A rival sees the pictures that MCSS sees, each as often: the same pairs in the same
order, and the same labelled pictures. Where its authors first learn from pairs and then
from labels, so does it: the pairs of all steps come first, the labels of all steps
afterwards.
"""

import functools
from pathlib import Path

import numpy as np
import torch

from .. import __version__
from ..batches import SameSubjectPairs
from ..engine.checkpoint import load_checkpoint, with_prefix
from ..engine.run import Run
from ..feeding import Batch, Feeder
from ..store.files import recipe_hash
from ..targets import SMALLEST_STD, LabelledImages
from ..training import Trained
from . import RIVALS
from .background import Backgrounds
from .base import NEEDS
from .cameras import rotate, rotations


def check_given(store, split, rival):
    """Raises `ValueError` for a store that lacks what a rival needs, naming it and the
    methods that work without.
    """
    subjects, kind = store.splits[split].subjects, RIVALS[rival]
    missing = [n for n in kind.needs if not NEEDS[n][1](store, subjects)]
    if missing:
        without = [r.title for r in RIVALS.values() if not set(missing) & set(r.needs)]
        if "two views" not in missing:
            without.append("MCSS")
        without.append("the Baseline")
        raise ValueError(
            f"{kind.title} needs {' and '.join(NEEDS[n][0] for n in missing)}:"
            f" {store.path} has none. Without it work: {', '.join(without)}"
        )


class CameraLabels(LabelledImages):
    """Labelled pictures whose targets are poses in the frame of their own camera.

    Arguments, batches and errors as of `LabelledImages`.
    """

    def __init__(self, store, *arguments):
        super().__init__(store, *arguments, target="global")
        self.store = store
        poses = self._in_camera(self.rows)
        self.mean, self.std = poses.mean(0), poses.std(0).clamp_min(SMALLEST_STD)

    def targets(self, step):
        """`(size, 16, 3)`, standard deviations from the mean pose."""
        return (self._in_camera(self._rows_of(step)) - self.mean) / self.std

    def _in_camera(self, rows):
        found = torch.empty(len(rows), *self._poses[0].shape[1:])
        for number, subject in enumerate(self.subjects):
            of = np.flatnonzero(rows[:, 0] == number)
            if len(of):
                frames, views = rows[of, 1], rows[of, 2]
                R = rotations(self.store, subject, frames, views)
                found[of] = rotate(self._poses[number][frames], R)
        return found


class RivalFeeder(Feeder):
    """The batches of a rival's training: pairs, then labels, or both in each step.

    `batch(step)` is (inputs, given, targets): what the network sees; a dict that the
    rival drew, None without pairs; targets `(labelled, 16, 3)`, None without labels.
    """

    def __init__(self, store, rival, pairs, labelled, epochs, device="cpu"):
        super().__init__(store, pairs, labelled, device)
        self.rival, self.split, self.seed = rival, pairs.split, pairs.seed
        self.each = epochs * len(pairs)  #: steps that have pairs; as many have labels
        self.steps = self.each * (2 if rival.staged else 1)

    @functools.cached_property
    def backgrounds(self):
        """The empty rooms, estimated when first asked for."""
        return Backgrounds(self.store, self.split)

    def batch(self, step):
        """What one step learns from; a function of the arguments and the step alone."""
        inputs, given, targets = [], None, None
        if step < self.each:
            batch, rng = (
                self._pairs_of(step),
                np.random.default_rng([self.seed, 7, step]),
            )
            frames, views, given = self.rival.draw(self, batch, rng)
            inputs.append(self._inputs(batch.subject, frames, views))
            given = {name: value.to(self.device) for name, value in given.items()}
        if step >= self.each or not self.rival.staged:
            number = step % self.each
            subjects, frames, views = self.labelled.batch(number)
            subjects, at = np.array(subjects), np.arange(len(frames))
            parts = [(s, at[subjects == s]) for s in dict.fromkeys(subjects)]
            seen = [self._inputs(s, frames[i], views[i]) for s, i in parts]
            order = np.argsort(np.concatenate([i for _, i in parts]))
            inputs.append(torch.cat(seen)[torch.from_numpy(order)])
            targets = self.labelled.targets(number).to(self.device)
        return Batch(torch.cat(inputs), given, targets)

    def _inputs(self, subject, frames, views):
        return self.rival.inputs(self.store, subject, frames, views, self.device)


def train_rival(
    store,
    config,
    rival,
    settings=None,
    directory=None,
    device=None,
    progress=True,
    watch=None,
):
    """Trains a rival: `Trained(model, history)`; resumes as `mcss.training.train` does.

    rival: a name in RIVALS. config: a `TrainingConfig`; its target 'canonical' is
    MCSS's, 'camera' the frame of each picture's camera. settings: of the rival's own.
    Raises `ValueError` for a store that lacks what it needs.
    """
    check_given(store, config.split, rival)
    with run_of(store, config, rival, settings, directory, device, watch) as run:
        pairs, labelled = batches(store, config)
        model = new_rival(store, config, rival, settings, labelled).to(run.device)
        feeder = RivalFeeder(store, model, pairs, labelled, config.epochs, run.device)
        optimizer = new_optimizer(model, config)
        images = (2 * config.pairs + config.labelled) * feeder.each
        run.resume(model, optimizer, steps_per_epoch=len(pairs), images=images)
        began_pose = False
        for step, batch in run.steps(feeder, feeder.steps, progress):
            if step >= feeder.each and not began_pose:
                model.begin_pose()
                began_pose = True
            set_learning_rate(
                optimizer, model, config, step % feeder.each // len(pairs)
            )
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
    of = (
        config.split,
        config.label_subjects,
        config.label_views,
        config.label_share,
        config.labelled,
        config.seed,
    )
    if config.target == "camera":
        return pairs, CameraLabels(store, *of)
    return pairs, LabelledImages(store, *of, config.target)


def new_rival(store, config, rival, settings=None, labelled=None):
    """A network with the configuration's seed; its H knows mean and standard deviation
    of the labelled poses.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = RIVALS[rival](
            store.image_size, pretrained=config.pretrained, **(settings or {})
        )
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


def method_of(config, rival, settings=None):
    """Everything that decides the training of a rival, a dict."""
    return {**config.method(), "rival": rival, "settings": settings or {}}


def run_of(store, config, rival, settings, directory, device, watch):
    """The `mcss.engine.run.Run` of a rival's training."""
    names = (*RIVALS[rival].figures, "pose_loss")

    def describe(last):
        return ", ".join(f"{name} {last[name]:.3f}" for name in names)

    return Run(
        {"config": method_of(config, rival, settings), "store": store.recipe_hash},
        names,
        directory,
        device,
        config.precision,
        config.checkpoint_every,
        describe,
        watch=watch,
    )


def rival_folder(store, config, rival, settings=None, parent=None):
    """The folder of this very run, beside the store or in `parent`."""
    made_by = [__version__, store.recipe_hash, method_of(config, rival, settings)]
    return Path(parent or store.path.parent) / f"rival-{recipe_hash(made_by)}"


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
