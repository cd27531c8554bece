"""Running a queue: one training after the other, several at once, or each on all ranks;
a failure does not stop the others.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

import filelock
import torch
from tqdm import tqdm

from ..engine.machine import cores
from ..engine.ranks import ranks
from .catalogue import EXPERIMENTS
from .queue import Queue, seeds_of
from .results import write_result

#: What a training or a measurement may fail with while the others go on.
FAILURES = (ValueError, RuntimeError, FileNotFoundError)


def run(
    names,
    stores,
    seeds=(0,),
    schedule="paper",
    folder=None,
    results="book/results",
    workers=1,
    device=None,
    progress=True,
):
    """Runs experiments and writes their results; returns the files written.

    names: of experiments. stores, schedule, folder, device: as in `Queue`. results: the
    folder of the results.
    workers: trainings at once on this machine's one GPU or CPU. Under `torchrun` every
    training uses all ranks, and the first failure ends the queue. Otherwise everything
    else is finished first, and a `RuntimeError` at the end names what failed.

    Raises `ValueError` as `Queue.check` does, and if another queue works in the folder.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    seeds = list(dict.fromkeys(seeds))  # a seed counted twice would look like certainty
    queue = Queue(stores, schedule, folder, device)
    queue.check(names)
    todo = [todo for todo in queue.runs(names, seeds) if not queue.is_done(*todo)]
    if ranks()[0]:
        for training_run, requested in todo:
            queue.do(training_run, requested, progress=False)
        return []
    queue.folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(queue.folder / ".queue.lock", timeout=0):
            if progress:
                print(f"{len(todo)} trainings to do", flush=True)
            if workers == 1:
                failed = _one_after_the_other(queue, todo, progress)
            else:
                failed = _several_at_once(queue, todo, stores, workers, progress)
            written, unwritten = _write_results(queue, names, seeds, results, failed)
    except filelock.Timeout:
        raise ValueError(
            f"another queue works on {queue.folder}: wait for it, or give this one a"
            " --runs folder of its own"
        ) from None
    failures = [f"training {failure}" for failure in failed.values()] + [
        f"experiment {name}: {error}" for name, error in unwritten.items()
    ]
    if failures:
        lines = "\n".join(f"  {failure}" for failure in failures)
        raise RuntimeError(
            f"{len(failures)} failed; everything else is done. Run the same command"
            f" again once this is mended:\n{lines}"
        )
    return written


def _write_results(queue, names, seeds, folder, failed):
    """Writes the results of those experiments whose trainings are all done: (files
    written, {name: why not}).
    """
    written, unwritten = [], {}
    for name in names:
        folders = {
            queue.run(row.training, seed).folder
            for row in EXPERIMENTS[name].rows
            for seed in seeds_of(name, seeds)
        }
        if folders & failed.keys():
            continue
        try:
            written.append(write_result(folder, queue.result(name, seeds)))
        except FAILURES as error:
            unwritten[name] = error
    return written, unwritten


def _one_after_the_other(queue, todo, progress):
    """Does runs in this process; {folder: what failed and why}."""
    failed = {}
    for number, (training_run, requested) in enumerate(todo, 1):
        if progress:
            print(f"{number} of {len(todo)}: {training_run}", flush=True)
        try:
            queue.do(training_run, requested, progress)
        except FAILURES as error:
            if ranks()[1] > 1:
                raise  # the other ranks wait for this one
            failed[training_run.folder] = f"{training_run}: {error}"
    return failed


def _several_at_once(queue, todo, stores, workers, progress):
    """Does runs in processes of their own; {folder: what failed and why}."""
    failed = {}
    arguments = stores, queue.schedule, queue.folder, queue.device
    threads = max(1, cores() // workers)
    bar = tqdm(total=len(todo), desc="trainings", unit="training", disable=not progress)
    for with_start in (False, True):  # a training waits for the one it starts from
        wave = [pair for pair in todo if (pair[0].start is not None) == with_start]
        pool = ProcessPoolExecutor(
            workers,
            multiprocessing.get_context("spawn"),
            torch.set_num_threads,
            (threads,),
        )
        try:
            futures = {
                pool.submit(_do_one, arguments, run.name, run.seed, requested): run
                for run, requested in wave
            }
            for future in as_completed(futures):
                training_run, error = futures[future], future.exception()
                if isinstance(error, BrokenProcessPool):
                    error = (
                        "a worker was killed, perhaps for want of memory; take fewer"
                        " --workers"
                    )
                elif error and not isinstance(error, FAILURES):
                    raise error
                if error:
                    failed[training_run.folder] = f"{training_run}: {error}"
                bar.update()
        finally:  # also on Ctrl-C: nothing further is begun
            pool.shutdown(wait=False, cancel_futures=True)
    bar.close()
    return failed


def _do_one(arguments, name, seed, requested):
    queue = Queue(*arguments)
    queue.do(queue.run(name, seed), requested, progress=False)
