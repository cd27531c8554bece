"""The trainings behind the experiments: does one, skips what is done, resumes what was
cut, gathers the results.

Each training has a folder of its own, named after everything that decides it
(`mcss.training.run_folder`): its checkpoint; `record.json`, written when it is
finished; and its predictions for each split asked for.
"""

import json
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..data import open_store
from ..engine.checkpoint import INDEX, load_model, save_tensors
from ..engine.precision import default_device
from ..engine.ranks import ranks
from ..inference import Predictions, predict
from ..store.files import write_json
from ..targets import truth_of
from ..training import run_folder, train
from .catalogue import EXPERIMENTS
from .measures import Evaluated, with_truth
from .results import origin, summary
from .trainings import TRAININGS, add_validation, configuration

#: The stores that some experiments need beside the main one, and what makes them.
ROLES = {
    "field": "of another domain (python -m data_scripts.studio field PATH)",
    "replaced": (
        "with another background (python -m data_scripts.studio PRESET PATH"
        " --background replace)"
    ),
    "removed": (
        "without background (python -m data_scripts.studio PRESET PATH --background"
        " remove)"
    ),
}


class Job(NamedTuple):
    """One training of one seed, and what it is to predict."""

    training: str
    seed: int
    asked: tuple  #: (role of a store, split) pairs


def seeds_of(name, seeds):
    """The seeds an experiment uses: examples show the first alone."""
    return (
        list(seeds)[:1]
        if EXPERIMENTS[name].example or not EXPERIMENTS[name].rows
        else list(seeds)
    )


class Queue:
    """Trainings on some stores, kept in one folder.

    stores: `{role: path}`, with 'main'; 'field', 'replaced' and 'removed' where an
    experiment asks for them.
    schedule: a name in SCHEDULES. folder: where trainings are kept; None: beside the
    main store.
    """

    def __init__(self, stores, schedule="paper", folder=None, device=None):
        self.stores = {
            role: add_validation(open_store(path)) for role, path in stores.items()
        }
        self.schedule, self.device = schedule, device or default_device()
        self.folder = Path(folder) if folder else self.stores["main"].path.parent

    def check(self, names):
        """Raises `ValueError` for unknown experiments, and for stores that are missing
        or without what they need.
        """
        unknown = [name for name in names if name not in EXPERIMENTS]
        if unknown:
            raise ValueError(
                f"unknown experiment {', '.join(unknown)}; there are"
                f" {', '.join(EXPERIMENTS)}"
            )
        for name in names:
            for row in EXPERIMENTS[name].rows:
                for role in {TRAININGS[row.training].store, row.on}:
                    if role not in self.stores:
                        raise ValueError(
                            f"{name} also needs a store {ROLES[role]}: add --also"
                            f" {role}=PATH"
                        )
        for role, store in self.stores.items():
            for split in ("train", "test"):
                if split not in store.splits:
                    raise ValueError(
                        f"{store.path} ({role}) has no split {split!r}, so no protocol"
                        " to follow"
                    )
            for subject in store.splits["test"].subjects:
                if store.poses(subject) is None:
                    raise ValueError(
                        f"{store.path} ({role}): test subject {subject} has no poses,"
                        " so nothing can be measured on it"
                    )
            if store.image_size != self.stores["main"].image_size:
                raise ValueError(
                    f"the stores differ in image size: {store.path} has"
                    f" {store.image_size}, the main one"
                    f" {self.stores['main'].image_size} pixels"
                )

    def jobs(self, names, seeds):
        """The jobs behind experiments, each training once; those that others start from
        come first.
        """
        jobs = {}
        for name in names:
            for row in EXPERIMENTS[name].rows:
                for seed in seeds_of(name, seeds):
                    start = TRAININGS[row.training].start
                    for training, asked in ([(start, [])] if start else []) + [
                        (row.training, [(row.on, row.split)])
                    ]:
                        place = self.place(training, seed)
                        known = jobs.get(place, Job(training, seed, ()))
                        jobs[place] = known._replace(
                            asked=tuple(sorted({*known.asked, *asked}))
                        )
        return sorted(
            jobs.values(), key=lambda job: TRAININGS[job.training].start is not None
        )

    def place(self, training, seed):
        """The folder of a training."""
        start = TRAININGS[training].start
        store = self.stores[TRAININGS[training].store]
        return run_folder(
            store,
            self.config(training, seed),
            start and self.place(start, seed),
            self.folder,
        )

    def config(self, training, seed):
        return configuration(
            training, self.stores[TRAININGS[training].store], self.schedule, seed
        )

    def predictions_file(self, job, role, split):
        return (
            self.place(job.training, job.seed)
            / f"predictions-{split}-{self.stores[role].recipe_hash}.safetensors"
        )

    def is_done(self, job):
        return (self.place(job.training, job.seed) / "record.json").exists() and all(
            self.predictions_file(job, *view).exists() for view in job.asked
        )

    def do(self, job, progress=True):
        """Trains, predicts and records one job; what is already there is left as it is."""
        where, config = (
            self.place(job.training, job.seed),
            self.config(job.training, job.seed),
        )
        start = TRAININGS[job.training].start
        if not (where / "record.json").exists():
            if start and not (self.place(start, job.seed) / "record.json").exists():
                raise ValueError(f"it starts from {start}, which is not finished")
            began, start = (
                origin(),
                (load_model(self.place(start, job.seed)) if start else None),
            )
            history = train(
                self.stores[TRAININGS[job.training].store],
                config,
                where,
                self.device,
                progress,
                start,
            ).history
            if ranks()[0] == 0:
                steps = len(history["pose_loss"])
                record = {
                    "training": job.training,
                    "schedule": self.schedule,
                    "seconds": history["seconds"],
                    "steps": steps,
                    "ranks": ranks()[1],
                }
                write_json(
                    where / "record.json",
                    record | began | {"finished": origin()["finished"]},
                )
        if ranks()[0] == 0:
            model = None
            for role, split in job.asked:
                file = self.predictions_file(job, role, split)
                if not file.exists():
                    model = model or load_model(where, self.device)
                    self._predict(model, role, split, file, config.target)

    def _predict(self, model, role, split, file, target):
        p = predict(model, self.stores[role], split, target=target)
        names = self.stores[role].splits[split].subjects
        tensors = {
            "embeddings": p.embeddings,
            "poses": p.poses,
            "pose_mean": model.pose_mean.cpu(),
            "frames": torch.from_numpy(p.frames),
            "views": torch.from_numpy(p.views),
            "subjects": torch.tensor([names.index(s) for s in p.subjects]),
        }
        save_tensors(tensors, file)

    def record(self, training, seed):
        """What was noted when a training finished: seconds, steps, commit, hardware."""
        return self._read(self.place(training, seed) / "record.json")

    def _read(self, file):
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(
                f"{file} is damaged ({error}): delete it and run the same command again"
            ) from None

    def evaluated(self, row, seed):
        """The `Evaluated` of a row of an experiment that is done."""
        job, store = Job(row.training, seed, ()), self.stores[row.on]
        file = self.predictions_file(job, row.on, row.split)
        try:
            t = load_file(file)
        except SafetensorError as error:
            raise ValueError(
                f"{file} is damaged ({error}): delete it and run the same command again"
            ) from None
        subjects = np.array(store.splits[row.split].subjects, dtype=object)[
            t["subjects"].numpy()
        ]
        frames, target = t["frames"].numpy(), self.config(row.training, seed).target
        truth = torch.cat(
            [
                truth_of(store, s, frames[subjects == s], target)
                for s in dict.fromkeys(subjects)
            ]
        )
        predictions = with_truth(
            Predictions(
                t["embeddings"], t["poses"], truth, subjects, frames, t["views"].numpy()
            )
        )
        history = self._read(self.place(row.training, seed) / INDEX)["history"]
        return Evaluated(predictions, t["pose_mean"], history, store, seed)

    def result(self, name, seeds):
        """The result of an experiment whose trainings are done: the dict that
        `write_result` writes.
        """
        experiment, seeds = EXPERIMENTS[name], seeds_of(name, seeds)
        roles = list(
            dict.fromkeys(
                role
                for row in experiment.rows
                for role in ("main", TRAININGS[row.training].store, row.on)
            )
        )
        rows, seconds = [], 0.0
        for row in experiment.rows:
            measured = [experiment.measure(self.evaluated(row, seed)) for seed in seeds]
            records = [self.record(row.training, seed) for seed in seeds]
            seconds += sum(record["seconds"] for record in records)
            config = {
                key: value
                for key, value in vars(self.config(row.training, seeds[0])).items()
                if key != "seed"
            }
            rows.append(
                {
                    **row._asdict(),
                    "config": config,
                    "trained": [
                        {
                            key: record[key]
                            for key in (
                                "seconds",
                                "steps",
                                "ranks",
                                "commit",
                                "hardware",
                                "finished",
                            )
                        }
                        for record in records
                    ],
                    **(
                        {"shown": measured[0]}
                        if experiment.example
                        else {"values": summaries(measured)}
                    ),
                }
            )
        if not experiment.rows:
            began = time.perf_counter()
            rows = [
                {"label": label, "values": summaries([values])}
                for label, values in experiment.measure(self.device).items()
            ]
            seconds = time.perf_counter() - began
        also = "".join(
            f" --also {role}={role.upper()}" for role in roles if role != "main"
        )
        command = (
            f"python -m mcss.experiments {name} --store STORE{also} --seeds"
            f" {' '.join(map(str, seeds))} --schedule {self.schedule}"
        )
        return {
            "experiment": name,
            "title": experiment.title,
            "command": command,
            "schedule": self.schedule,
            "seeds": seeds,
            "stores": {role: describe(self.stores[role]) for role in roles},
            "rows": rows,
            "seconds": seconds,
            **origin(),
        }


def summaries(measured):
    """`summary` of each quantity over the seeds. measured: a dict for each seed."""
    return {
        name: summary([values[name] for values in measured]) for name in measured[0]
    }


def describe(store):
    return {
        "name": store.name,
        "recipe_hash": store.recipe_hash,
        "images": len(store),
        "image_size": store.image_size,
        "licence": store.licence,
        "source": store.source,
    }
