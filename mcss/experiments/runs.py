"""One training of one seed: it knows its configuration and its folder, trains, and
keeps what came of it.

The folder is named after everything that decides the training
(`mcss.training.run_folder`). It holds the checkpoint; `record.json`, written when the
training is finished; and a file of predictions for each split that was predicted.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..data import Store
from ..engine.checkpoint import INDEX, load_model, save_tensors
from ..engine.ranks import ranks
from ..inference import Predictions, predict
from ..statistics import with_statistics_of
from ..store.files import write_json
from ..targets import LabelledImages, truth_of
from ..training import TrainingConfig, run_folder, train
from .measures import Evaluated, with_truth
from .results import provenance
from .trainings import TRAININGS, configuration

RECORD = "record.json"


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """One training of one seed. Made by `training_run`."""

    name: str  #: in TRAININGS
    seed: int
    schedule: str  #: in SCHEDULES
    store: Store  #: what it learns from
    config: TrainingConfig
    folder: Path
    start: "TrainingRun | None"  #: the run whose weights it begins with

    def __str__(self):
        return f"{self.name}, seed {self.seed}"

    @property
    def done(self):
        """Whether the training is finished."""
        return (self.folder / RECORD).exists()

    @property
    def record(self):
        """What was noted when it finished, a dict: training, schedule, seconds, steps,
        ranks, commit, hardware, versions, finished.

        Raises `ValueError` if the file is damaged.
        """
        return _read_json(self.folder / RECORD)

    def model(self, device="cpu"):
        """The trained network, an `MCSS` in evaluation mode."""
        return load_model(self.folder, device)

    def _train(self, device, progress, start):
        return train(self.store, self.config, self.folder, device, progress, start)

    def _predict(self, model, store, split, statistics):
        if statistics == "training":
            model = with_statistics_of(model, self.store, self.config.split)
            statistics = "running"
        target = self.config.target
        return predict(model, store, split, target=target, statistics=statistics)

    def _truth(self, store, subject, frames, views):
        return truth_of(store, subject, frames, self.config.target)

    def train(self, device=None, progress=True):
        """Trains, resumes what was cut, and writes the record; nothing if it is done.

        Raises `ValueError` if the run that it starts from is not finished.
        """
        if self.done:
            return
        if self.start and not self.start.done:
            raise ValueError(f"it starts from {self.start.name}, which is not finished")
        began, start = provenance(), self.start and self.start.model()
        history = self._train(device, progress, start).history
        rank, world = ranks()
        if rank == 0:
            record = {
                "training": self.name,
                "schedule": self.schedule,
                "seconds": history["seconds"],
                "steps": len(history["pose_loss"]),
                "ranks": world,
                **began,
                "finished": provenance()["finished"],
            }
            write_json(self.folder / RECORD, record)

    def predictions_file(self, store, split, statistics="running"):
        """Where the predictions for a split of a store are kept."""
        by = "" if statistics == "running" else f"-{statistics}"
        return self.folder / f"predictions-{split}-{store.recipe_hash}{by}.safetensors"

    def predict(self, model, store, split, statistics="running"):
        """Writes the predictions of the trained `model` for a split of a store.

        statistics: what BatchNorm normalises by, as of `catalogue.Row`.
        """
        p = self._predict(model, store, split, statistics)
        names = store.splits[split].subjects
        tensors = {
            "embeddings": p.embeddings,
            "poses": p.poses,
            "pose_mean": model.pose_mean.cpu(),
            "frames": torch.from_numpy(p.frames),
            "views": torch.from_numpy(p.views),
            "subjects": torch.tensor([names.index(s) for s in p.subjects]),
        }
        save_tensors(tensors, self.predictions_file(store, split, statistics))

    def evaluated(self, store, split, statistics="running"):
        """The `Evaluated` of its stored predictions for a split of a store.

        Raises `ValueError` if a file is damaged.
        """
        file = self.predictions_file(store, split, statistics)
        try:
            t = load_file(file)
        except SafetensorError as error:
            raise _damaged(file, error) from None
        names = np.array(store.splits[split].subjects, dtype=object)
        subjects = names[t["subjects"].numpy()]
        frames, views = t["frames"].numpy(), t["views"].numpy()
        truth = []
        for subject in dict.fromkeys(subjects):
            of = subjects == subject
            truth.append(self._truth(store, subject, frames[of], views[of]))
        predictions = Predictions(
            t["embeddings"],
            t["poses"],
            torch.cat(truth),
            subjects,
            frames,
            views,
        )
        history = _read_json(self.folder / INDEX)["history"]
        seen = with_truth(predictions), t["pose_mean"], history, store, self.seed
        return Evaluated(*seen, self.labels())

    def labels(self):
        """`(n, 16, 3)` mm, the poses that it had as labels; None for a run without."""
        if not self.config.pose_loss:
            return None
        return LabelledImages.of(self.store, self.config).poses


def training_run(name, seed, schedule, stores, parent):
    """The `TrainingRun` of a training in TRAININGS and a seed.

    stores: `{role: Store}`. parent: the folder that holds the folders of all runs.
    """
    training = TRAININGS[name]
    store = stores[training.store]
    config = configuration(name, store, schedule, seed)
    start = None
    if training.start:
        start = training_run(training.start, seed, schedule, stores, parent)
    folder = run_folder(store, config, start and start.folder, parent)
    return TrainingRun(name, seed, schedule, store, config, folder, start)


def _read_json(file):
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(file, error) from None


def _damaged(file, error):
    return ValueError(
        f"{file} is damaged ({error}): delete it and run the same command again"
    )
