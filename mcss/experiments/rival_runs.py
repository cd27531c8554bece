"""One training of a rival of one seed: a `TrainingRun` that trains, loads and predicts
as rivals do.
"""

from ..rivals import RIVALS
from ..rivals.evaluation import predict, truth_in
from ..rivals.training import RivalConfig, load_rival, train_rival
from ..training import run_folder
from .rivals import InCamera, PointsInCamera, settings_of
from .runs import TrainingRun
from .trainings import TRAININGS, configuration


class RivalRun(TrainingRun):
    """One training of a rival of one seed. Made by `rival_run`."""

    def model(self, device="cpu"):
        """The trained rival, in evaluation mode."""
        return load_rival(self.folder, device)

    def _train(self, device, progress, start):
        at = self.store, self.config, self.folder
        return train_rival(*at, device, progress, start)

    def _predict(self, model, store, split, statistics):
        if statistics != "running":
            raise ValueError(f"a rival is not tested by statistics of {statistics}")
        return predict(model, store, split, target=self.config.target)

    def _truth(self, store, subject, frames, views):
        return truth_in(store, subject, frames, views, self.config.target)

    def labels(self):
        """As of a `TrainingRun`; None in the camera's frame: there they depend on the
        view.
        """
        return None if self.config.target == "camera" else super().labels()

    def evaluated(self, store, split, *statistics):
        """As of a `TrainingRun`; what is in the camera's frame says so."""
        evaluated = super().evaluated(store, split, *statistics)
        if self.config.target != "camera":
            return evaluated
        points = RIVALS[self.config.rival].points
        return (PointsInCamera if points else InCamera)(*evaluated)


def rival_run(name, seed, schedule, stores, parent):
    """The `RivalRun` of a training in TRAININGS and a seed. Arguments as of
    `mcss.experiments.runs.training_run`.
    """
    training = TRAININGS[name]
    store = stores[training.store]
    rival, settings = settings_of(training.rival, schedule)
    base = configuration(name, store, schedule, seed)
    config = RivalConfig.like(base, rival, **settings)
    start = None
    if training.start:
        start = rival_run(training.start, seed, schedule, stores, parent)
    folder = run_folder(store, config, start and start.folder, parent)
    return RivalRun(name, seed, schedule, store, config, folder, start)
