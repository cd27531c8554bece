"""The queue: does the trainings an experiment needs, skips what is done, resumes what was cut, writes the results.

Each training has a folder of its own, named after everything that decides it (`mcss.training.run_folder`): its
checkpoint; `record.json`, written when it is finished; and its predictions for each split asked for.
"""

import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import filelock
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tqdm import tqdm

from ..checkpoint import load_model
from ..data import open_store
from ..files import whole, write_json
from ..inference import Predictions, predict, truth_of
from ..precision import default_device
from ..training import ranks, run_folder, train
from .catalogue import EXPERIMENTS
from .measures import Evaluated
from .results import origin, summary, write_result
from .trainings import TRAININGS, add_validation, configuration


class Job(NamedTuple):
    """One training of one seed, and the (store role, split) pairs it is to predict."""

    training: str
    seed: int
    views_of: tuple


def jobs_of(names, seeds):
    """The jobs behind experiments, each once; those that others start from come first."""
    asked = {}
    for name in names:
        experiment = EXPERIMENTS[name]
        for row in experiment.rows:
            for seed in seeds[:1] if experiment.example else seeds:
                asked.setdefault((row.training, seed), set()).add((row.on, row.split))
                start = TRAININGS[row.training].start
                if start:
                    asked.setdefault((start, seed), set())
    jobs = [Job(training, seed, tuple(sorted(views))) for (training, seed), views in asked.items()]
    return sorted(jobs, key=lambda job: TRAININGS[job.training].start is not None)


class Queue:
    """Trainings on some stores, kept in one folder.

    stores: `{role: path}`, with 'main'; 'field', 'replaced' and 'removed' where an experiment asks for them.
    schedule: a name in SCHEDULES. folder: where trainings are kept; None: beside the main store.
    """

    def __init__(self, stores, schedule="paper", folder=None, device=None):
        self.paths = {role: Path(path) for role, path in stores.items()}
        self.stores = {role: add_validation(open_store(path)) for role, path in stores.items()}
        self.schedule, self.device = schedule, device or default_device()
        self.folder = Path(folder) if folder else self.stores["main"].path.parent

    def check(self, names):
        """Raises `ValueError` for unknown experiments, and for stores that are missing or without what they need."""
        unknown = [name for name in names if name not in EXPERIMENTS]
        if unknown:
            raise ValueError(f"unknown experiment {', '.join(unknown)}; there are {', '.join(EXPERIMENTS)}")
        for name in names:
            for row in EXPERIMENTS[name].rows:
                for role in {TRAININGS[row.training].store, row.on}:
                    if role not in self.stores:
                        raise ValueError(
                            f"{name} also needs a store for the role {role!r}: add --also {role}=PATH (python -m data_scripts.studio "
                            f"renders one: {'the preset field' if role == 'field' else 'with --background ' + {'replaced': 'replace', 'removed': 'remove'}.get(role, role)})"
                        )
        for role, store in self.stores.items():
            for split in ("train", "test"):
                if split not in store.splits:
                    raise ValueError(f"{store.path} ({role}) has no split {split!r}, so no protocol to follow")
            for subject in store.splits["test"].subjects:
                if store.poses(subject) is None:
                    raise ValueError(f"{store.path} ({role}): test subject {subject} has no poses, so nothing can be measured on it")
            if store.image_size != self.stores["main"].image_size:
                raise ValueError(
                    f"the stores differ in image size: {store.path} has {store.image_size}, the main one {self.stores['main'].image_size} pixels"
                )

    def place(self, training, seed):
        """The folder of a training."""
        start = TRAININGS[training].start
        store = self.stores[TRAININGS[training].store]
        return run_folder(store, self.config(training, seed), start and self.place(start, seed), self.folder)

    def config(self, training, seed):
        return configuration(training, self.stores[TRAININGS[training].store], self.schedule, seed)

    def predictions_file(self, job, role, split):
        return self.place(job.training, job.seed) / f"predictions-{split}-{self.stores[role].recipe_hash}.safetensors"

    def is_done(self, job):
        return (self.place(job.training, job.seed) / "record.json").exists() and all(
            self.predictions_file(job, *view).exists() for view in job.views_of
        )

    def do(self, job, progress=True):
        """Trains, predicts and records one job; what is already there is left as it is."""
        where, config = self.place(job.training, job.seed), self.config(job.training, job.seed)
        start = TRAININGS[job.training].start
        if not (where / "record.json").exists():
            start = load_model(self.place(start, job.seed)) if start else None
            history = train(self.stores[TRAININGS[job.training].store], config, where, self.device, progress, start).history
            if ranks()[0] == 0:
                steps = len(history["pose_loss"])
                record = {"training": job.training, "schedule": self.schedule, "seconds": history["seconds"], "steps": steps, "ranks": ranks()[1]}
                write_json(where / "record.json", record | origin())
        if ranks()[0] == 0:
            model = None
            for role, split in job.views_of:
                file = self.predictions_file(job, role, split)
                if not file.exists():
                    model = model or load_model(where, self.device)
                    self._predict(model, role, split, file, config.target)

    def _predict(self, model, role, split, file, target):
        p = predict(model, self.stores[role], split, target=target)
        names = self.stores[role].splits[split].subjects
        tensors = {
            "embeddings": p.embeddings, "poses": p.poses, "pose_mean": model.pose_mean.cpu(), "frames": torch.from_numpy(p.frames),
            "views": torch.from_numpy(p.views), "subjects": torch.tensor([names.index(s) for s in p.subjects]),
        }
        with whole(file) as temporary:
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary)

    def record(self, training, seed):
        """What was noted when a training finished: seconds, steps, commit, hardware."""
        file = self.place(training, seed) / "record.json"
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{file} is damaged ({error}): delete it and run the same command again") from None

    def evaluated(self, row, seed):
        """The `Evaluated` of a row of an experiment that is done."""
        job, store = Job(row.training, seed, ()), self.stores[row.on]
        file = self.predictions_file(job, row.on, row.split)
        try:
            t = load_file(file)
        except SafetensorError as error:
            raise ValueError(f"{file} is damaged ({error}): delete it and run the same command again") from None
        subjects = np.array(store.splits[row.split].subjects, dtype=object)[t["subjects"].numpy()]
        frames, target = t["frames"].numpy(), self.config(row.training, seed).target
        truth = torch.cat([truth_of(store, s, frames[subjects == s], target) for s in dict.fromkeys(subjects)])
        predictions = Predictions(t["embeddings"], t["poses"], truth, subjects, frames, t["views"].numpy())
        history = json.loads((self.place(row.training, seed) / "checkpoint.json").read_text(encoding="utf-8"))["history"]
        return Evaluated(predictions, t["pose_mean"], history, store, seed)

    def result(self, name, seeds):
        """The result of an experiment whose trainings are done: the dict that `write_result` writes."""
        experiment = EXPERIMENTS[name]
        seeds = list(seeds[:1] if experiment.example or not experiment.rows else seeds)
        roles = list(dict.fromkeys(role for row in experiment.rows for role in ("main", TRAININGS[row.training].store, row.on)))
        rows, seconds = [], 0.0
        for row in experiment.rows:
            measured = [experiment.measure(self.evaluated(row, seed)) for seed in seeds]
            records = [self.record(row.training, seed) for seed in seeds]
            seconds += sum(record["seconds"] for record in records)
            config = {key: value for key, value in vars(self.config(row.training, seeds[0])).items() if key != "seed"}
            rows.append({
                **row._asdict(), "config": config,
                "trained": [{key: record[key] for key in ("seconds", "steps", "ranks", "commit", "hardware", "finished")} for record in records],
                **({"shown": measured[0]} if experiment.example else {"values": {key: summary([m[key] for m in measured]) for key in measured[0]}}),
            })
        if not experiment.rows:
            began = time.perf_counter()
            rows = [{"label": label, "values": {k: summary([v]) for k, v in values.items()}} for label, values in experiment.measure(self.device).items()]
            seconds = time.perf_counter() - began
        also = "".join(f" --also {role}={role.upper()}" for role in roles if role != "main")
        command = f"python -m mcss.experiments {name} --store STORE{also} --seeds {' '.join(map(str, seeds))} --schedule {self.schedule}"
        return {
            "experiment": name, "title": experiment.title, "command": command, "schedule": self.schedule, "seeds": seeds,
            "stores": {role: describe(self.stores[role]) for role in roles}, "rows": rows, "seconds": seconds, **origin(),
        }


def describe(store):
    return {
        "name": store.name, "recipe_hash": store.recipe_hash, "images": len(store), "image_size": store.image_size,
        "licence": store.licence, "source": store.source,
    }


def run(names, stores, seeds=(0,), schedule="paper", folder=None, results="book/results", workers=1, device=None, progress=True):
    """Does experiments and writes their results; returns the files written.

    workers: trainings at once on this machine's one GPU or CPU. Under `torchrun` every training uses all ranks.
    What one training's failure leaves undone is named at the end; everything else is finished first.
    """
    queue = Queue(stores, schedule, folder, device)
    queue.check(names)
    rank, world = ranks()
    if rank:
        for job in jobs_of(names, seeds):
            if not queue.is_done(job):
                queue.do(job, progress=False)
        return []
    queue.folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(queue.folder / ".queue.lock", timeout=0):
            failed = _do_all(queue, names, seeds, stores, workers, progress)
            written = []
            for name in names:
                if not any((row.training, seed) in failed for row in EXPERIMENTS[name].rows for seed in seeds):
                    written.append(write_result(results, queue.result(name, seeds)))
    except filelock.Timeout:
        raise ValueError(f"another queue works on {queue.folder}: wait for it, or give this one a --runs folder of its own") from None
    if failed:
        what = "\n".join(f"  {training}, seed {seed}: {error}" for (training, seed), error in failed.items())
        raise RuntimeError(f"{len(failed)} trainings failed; the others are done. Run the same command again once this is mended:\n{what}")
    return written


def _do_all(queue, names, seeds, stores, workers, progress):
    """Does what is not done; {(training, seed): error} of what failed."""
    jobs = jobs_of(names, seeds)
    todo = [job for job in jobs if not queue.is_done(job)]
    failed = {}
    if progress:
        print(f"{len(jobs)} trainings, {len(jobs) - len(todo)} of them done", flush=True)
    if workers == 1:
        for number, job in enumerate(todo, 1):
            if progress:
                print(f"{number} of {len(todo)}: {job.training}, seed {job.seed}", flush=True)
            try:
                queue.do(job, progress)
            except (ValueError, RuntimeError) as error:
                failed[job.training, job.seed] = error
        return failed
    arguments = stores, queue.schedule, queue.folder, queue.device
    threads = max(1, len(os.sched_getaffinity(0)) // workers) if hasattr(os, "sched_getaffinity") else 1
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _settle, (threads,)) as pool:
        bar = tqdm(total=len(todo), desc="trainings", unit="training", disable=not progress)
        for with_start in (False, True):  # a training waits for the one it starts from
            wave = {pool.submit(_do_one, arguments, job): job for job in todo if (TRAININGS[job.training].start is not None) == with_start}
            for future in as_completed(wave):
                job, error = wave[future], future.exception()
                if isinstance(error, (ValueError, RuntimeError)):
                    failed[job.training, job.seed] = error
                elif error:
                    pool.shutdown(cancel_futures=True)
                    raise error
                bar.update()
        bar.close()
    return failed


def _settle(threads):
    torch.set_num_threads(threads)


def _do_one(arguments, job):
    Queue(*arguments).do(job, progress=False)

