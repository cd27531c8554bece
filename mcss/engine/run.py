"""One training as the machine sees it: device, ranks, checkpoints, figures, progress.

`mcss.training.train` is written over a `Run`; nothing here is the paper's.
"""

import time
from contextlib import nullcontext
from pathlib import Path

import filelock
import torch
from tqdm import tqdm

from .checkpoint import load_checkpoint, save_checkpoint, with_prefix
from .machine import default_device
from .precision import autocast, resolve
from .ranks import average_gradients, barrier, ranks
from .replay import Recorder, Replayed, launched_because

#: Steps between two looks at the figures: reading a number off a GPU makes it wait.
FIGURES_EVERY = 10


class Run:
    """A training that can be interrupted at any moment; used as a context manager.

    made_by: what decides the run, as JSON; a checkpoint made by something else is
    refused.
    figures: names of the numbers that each step records.
    directory: where checkpoints go, or None.
    precision: see `resolve`. every: steps from one checkpoint to the next.
    describe: from the last figures, a dict, to the text beside the progress bar.
    alarm: None, or called with (steps done, last figures) when figures are read.
    watch: None, or called with (steps done, model) before the first step, at every
    pause and after the last.

    Processes of one directory take turns; the ranks of one training share it, and rank
    0 alone writes.
    """

    def __init__(
        self,
        made_by,
        figures,
        directory=None,
        device=None,
        precision="auto",
        every=200,
        describe=None,
        alarm=None,
        watch=None,
    ):
        self.rank, self.world = ranks()
        self.made_by = made_by | {"ranks": self.world}
        self.figures, self.describe, self.alarm = figures, describe, alarm
        self.directory = Path(directory) if directory else None
        self.device = torch.device(device or default_device())
        if self.device.type == "cuda" and self.device.index is None:
            # a thread that decodes ahead does not inherit the current device
            self.device = torch.device("cuda", torch.cuda.current_device())
        self.precision = resolve(precision, self.device)
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.precision == "float16"
        )
        self.every, self.watch = every, watch if self.rank == 0 else None
        self.history = {name: [] for name in figures} | {"seconds": 0.0}
        self.done, self._pending, self._lock = 0, [], nullcontext()
        self.way = "training"  #: what the bar says

    def __enter__(self):
        if self.directory and self.rank == 0:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._lock = filelock.FileLock(self.directory / ".training.lock")
        self._lock.__enter__()
        barrier()  # nobody reads the checkpoint before rank 0 holds it
        return self

    def __exit__(self, *error):
        if error[0] is None:
            barrier()  # nobody goes on before the last checkpoint is written
        self._lock.__exit__(*error)

    def resume(self, model, optimizer, **facts):
        """Goes on where the directory's checkpoint stopped, if there is one: weights,
        the optimizer's state, history. facts: what else the history states.
        """
        self.model, self.optimizer = model, optimizer
        self.history |= facts
        checkpoint = load_checkpoint(self.directory) if self.directory else None
        if checkpoint is None:
            return
        tensors, meta = checkpoint
        self._check_same(meta)
        model.load_state_dict(with_prefix(tensors, "model."))
        state = with_prefix(tensors, "optimizer.")
        _restore_optimizer(optimizer, state, self.device)
        if meta["scaler"]:  # empty where the run began on a device without scaling
            self.scaler.load_state_dict(meta["scaler"])
        self.done, self.history = meta["step"], meta["history"]

    def _check_same(self, meta):
        there, here = meta["config"], self.made_by["config"]
        # a field at its default may be left out of either
        fields = {**there, **here}
        differ = [k for k in fields if there.get(k) != _as_json(here.get(k))]
        if meta["store"] != self.made_by["store"]:
            differ.append("the data")
        if meta.get("ranks", 1) != self.world:
            differ.append("the number of ranks")
        if "epochs" in differ and set(differ) <= {"epochs", "lr_drop_epoch"}:
            raise ValueError(
                f"{self.directory} holds a run of {there['epochs']} epochs, not"
                f" {here['epochs']}, and a run keeps its length: to go on from it, take"
                " another directory, and start=mcss.engine.checkpoint.load_model(this"
                " one); on the command line, --start"
            )
        if differ:
            raise ValueError(
                f"{self.directory} holds a run with other settings"
                f" ({', '.join(differ)} differ): take another directory, or delete it"
            )

    def autocast(self):
        """The context in which the network computes."""
        return autocast(self.precision, self.device)

    def backward(self, loss):
        """Gradients of the loss, scaled where float16 needs it, averaged over ranks."""
        self.scaler.scale(loss).backward()
        average_gradients(self.model.parameters())

    def update(self):
        """The optimizer's step."""
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def replayed(self, take, config):
        """`take`, from a batch to figures; on a GPU replayed where it can be, which the
        progress bar then says, or why it is not.
        """
        because = launched_because(
            self.device, self.precision, self.world, config.compile
        )
        if because is None and config.graph:
            self.way = "training, steps replayed"
            by_group = config.negatives == "subject" or config.align > 0
            return Replayed(take, by_group, Recorder(self.device))
        if self.device.type == "cuda":
            self.way = f"training, steps launched ({because or 'graph=False'})"
        return take

    def record(self, figures):
        """Keeps a step's figures, `(len(figures),)`, until they are read."""
        self._pending.append(figures.detach())

    def steps(self, feeder, stop, progress=True):
        """Yields (step, batch) for every step that is not done yet; what has to happen
        between two steps happens here.
        """
        began = time.perf_counter() - self.history["seconds"]
        self.model.train()
        if self.watch and self.done == 0:
            self.watch(0, self.model)
        bar = tqdm(
            total=stop,
            initial=self.done,
            disable=not progress or self.rank > 0,
            desc=self.way,
            unit="step",
            mininterval=1,
        )
        with bar, feeder.prefetch(self.done, stop) as batches:
            for batch in batches:
                yield self.done, batch
                self.done += 1
                bar.update()
                pause = self.done % self.every == 0 or self.done == stop
                if pause or self.done % FIGURES_EVERY == 0:
                    self._read_figures(bar)
                    self.history["seconds"] = time.perf_counter() - began
                if pause and self.watch:
                    self.watch(self.done, self.model)
                if pause and self.directory and self.rank == 0:
                    self._save(stop)

    def _read_figures(self, bar):
        """Moves the figures of the last steps from the device into the history."""
        for name, values in zip(self.figures, torch.stack(self._pending).T.tolist()):
            self.history[name] += values
        self._pending.clear()
        last = {name: self.history[name][-1] for name in self.figures}
        if self.describe:
            bar.set_postfix_str(self.describe(last))
        if self.alarm:
            self.alarm(self.done, last)

    def _save(self, stop):
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        for i, entry in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{key}": v for key, v in entry.items()}
        meta = {"step": self.done, "steps": stop, "model": self.model.settings}
        meta |= {"scaler": self.scaler.state_dict(), "history": self.history}
        save_checkpoint(self.directory, tensors, meta | self.made_by)


def _as_json(value):
    return list(value) if isinstance(value, tuple) else value


def _restore_optimizer(optimizer, tensors, device):
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state = {}
    for name, value in tensors.items():
        i, key = name.split(".")
        if value.ndim:
            # the fused optimizer walks a moment as it lies in memory: it must lie as
            # its parameter does
            value = torch.empty_like(parameters[int(i)]).copy_(value)
        state.setdefault(int(i), {})[key] = value.to(device)
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
