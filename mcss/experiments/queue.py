"""The trainings behind the experiments: which there are, what each has to predict, and
the results of all.
"""

import time
from pathlib import Path

from ..data import open_store
from ..engine.machine import default_device
from ..engine.ranks import ranks
from .catalogue import EXPERIMENTS
from .results import provenance, summary
from .rival_runs import rival_run
from .runs import training_run
from .trainings import STYLES, TRAININGS, add_validation

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
    **{
        role: f"of people with style {strength} (python -m data_scripts.studio"
        f" sample-style PATH --style {strength})"
        for strength, role in STYLES.items()
        if role != "main"
    },
}


class Queue:
    """Trainings on some stores, kept in one folder.

    stores: `{role: path}`, with 'main'; 'field', 'replaced' and 'removed' where an
    experiment needs them.
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
            for role in _roles(EXPERIMENTS[name]):
                if role not in self.stores:
                    raise ValueError(
                        f"{name} also needs a store {ROLES[role]}: add --also"
                        f" {role}=PATH"
                    )
        for role, store in self.stores.items():
            self._check_store(role, store)

    def _check_store(self, role, store):
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

    def run(self, training, seed):
        """The `TrainingRun` of one training and seed."""
        of = rival_run if TRAININGS[training].rival else training_run
        return of(training, seed, self.schedule, self.stores, self.folder)

    def runs(self, names, seeds):
        """The runs behind experiments and what each has to predict: a list of
        (`TrainingRun`, requested), requested being tuples (role of a store,
        split, statistics).

        Each run comes once; those that others start from come first.
        """
        runs, requested = {}, {}

        def add(run, *what):
            runs.setdefault(run.folder, run)
            requested.setdefault(run.folder, set()).update(what)

        for name in names:
            for row in EXPERIMENTS[name].rows:
                for seed in seeds_of(name, seeds):
                    run = self.run(row.training, seed)
                    if run.start:
                        add(run.start)
                    add(run, (row.on, row.split, row.statistics))
        in_order = sorted(runs.values(), key=lambda run: run.start is not None)
        return [(run, tuple(sorted(requested[run.folder]))) for run in in_order]

    def is_done(self, run, requested=()):
        """Whether a run is trained and has predicted all that is requested."""
        return run.done and not self._missing(run, requested)

    def do(self, run, requested=(), progress=True):
        """Trains, predicts and records one run; what is already there is left as it is.

        requested: tuples (role of a store, split, statistics). Raises `ValueError` if
        the run that it starts from is not finished.
        """
        run.train(self.device, progress)
        missing = self._missing(run, requested)
        if missing and ranks()[0] == 0:
            model = run.model(self.device)
            for role, *how in missing:
                run.predict(model, self.stores[role], *how)

    def _missing(self, run, requested):
        return [
            (role, *how)
            for role, *how in requested
            if not run.predictions_file(self.stores[role], *how).exists()
        ]

    def result(self, name, seeds):
        """The result of an experiment whose trainings are done: the dict that
        `write_result` writes.
        """
        experiment, seeds = EXPERIMENTS[name], seeds_of(name, seeds)
        roles = _roles(experiment)
        if experiment.rows:
            rows = [self._row(experiment, row, seeds) for row in experiment.rows]
            trained = [record for row in rows for record in row["trained"]]
            seconds = sum(record["seconds"] for record in trained)
        else:
            began = time.perf_counter()
            rows = [
                {"label": label, "values": summaries([values])}
                for label, values in experiment.measure(self.device).items()
            ]
            seconds = time.perf_counter() - began
        also = [f" --also {role}={role.upper()}" for role in roles if role != "main"]
        command = (
            f"python -m mcss.experiments {name} --store STORE{''.join(also)} --seeds"
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
            **provenance(),
        }

    def _row(self, experiment, row, seeds):
        """A row of a result: what was measured on its runs, and how they were made."""
        runs = [self.run(row.training, seed) for seed in seeds]
        store = self.stores[row.on]
        evaluated = [run.evaluated(store, row.split, row.statistics) for run in runs]
        measured = [experiment.measure(each) for each in evaluated]
        config = {k: v for k, v in vars(runs[0].config).items() if k != "seed"}
        noted = ("seconds", "steps", "ranks", "commit", "hardware", "finished")
        records = [run.record for run in runs]
        trained = [{key: record[key] for key in noted} for record in records]
        if experiment.example:
            values = {"shown": measured[0]}
        else:
            values = {"values": summaries(measured)}
        return {**row._asdict(), "config": config, "trained": trained, **values}


def seeds_of(name, seeds):
    """The seeds an experiment uses: examples show the first alone."""
    experiment = EXPERIMENTS[name]
    if experiment.example or not experiment.rows:
        return list(seeds)[:1]
    return list(seeds)


def summaries(measured):
    """`summary` of each quantity over the seeds. measured: a dict for each seed."""
    return {
        name: summary([values[name] for values in measured]) for name in measured[0]
    }


def describe(store):
    """What a result says about a store, a dict."""
    return {
        "name": store.name,
        "recipe_hash": store.recipe_hash,
        "images": len(store),
        "image_size": store.image_size,
        "licence": store.licence,
        "source": store.source,
    }


def _roles(experiment):
    """The roles of the stores that an experiment needs; 'main' first, if any."""
    roles = []
    for row in experiment.rows:
        roles += ["main", TRAININGS[row.training].store, row.on]
    return list(dict.fromkeys(roles))
