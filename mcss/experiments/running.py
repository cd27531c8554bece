"""Running a queue: one training after the other, several at once, or each on all ranks;
a failure does not stop the others.
"""

import multiprocessing
import os
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import takewhile

import filelock
import torch
from tqdm import tqdm

from ..engine.machine import cores
from ..engine.ranks import ranks
from .catalogue import EXPERIMENTS
from .clock import Clock
from .queue import Queue, seeds_of
from .results import read_result, result_path, write_result

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
    minutes=None,
):
    """Runs experiments and writes their results; returns the files written.

    names: of experiments. stores, schedule, folder, device: as in `Queue`. results: the
    folder of the results.
    workers: trainings at once on this machine's one GPU or CPU. Under `torchrun` every
    training uses all ranks, and the first failure ends the queue. Otherwise everything
    else is finished first, and a `RuntimeError` at the end names what failed.
    minutes: begin no training that would not end within them, judged by those before
    it; None for no limit, and under `torchrun`, where each rank has its own clock. All
    rows of one seed come before those of the next, and a result is written as soon as a
    seed has all its rows.

    Raises `ValueError` as `Queue.check` does, and if another queue works in the folder.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    if minutes is not None and ranks()[1] > 1:
        raise ValueError(
            "under torchrun every rank has its own clock: leave minutes out"
        )
    seeds = list(dict.fromkeys(seeds))  # a seed counted twice would look like certainty
    queue = Queue(stores, schedule, folder, device)
    queue.check(names)
    todo = [todo for todo in queue.runs(names, seeds) if not queue.is_done(*todo)]
    todo.sort(key=lambda pair: (pair[0].seed, pair[0].start is not None))
    if ranks()[0]:
        for training_run, requested in todo:
            queue.do(training_run, requested, progress=False)
        return []
    queue.folder.mkdir(parents=True, exist_ok=True)
    written, clock = {}, Clock(minutes)
    write = partial(_write_results, queue, names, seeds, results, written)
    try:
        with filelock.FileLock(queue.folder / ".queue.lock", timeout=0):
            if progress:
                print(f"{len(todo)} trainings to do", flush=True)
            if workers == 1:
                left, failed = _one_after_the_other(queue, todo, progress, clock, write)
            else:
                several = stores, workers, progress, clock, write
                left, failed = _several_at_once(queue, todo, *several)
            unwritten = write()
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
    if left and progress:
        print(
            f"{left} trainings would not end within {minutes} minutes; the same command"
            " goes on with them"
        )
    return [path for _, path in written.values()]


def _write_results(queue, names, seeds, folder, written):
    """Writes the results of those experiments whose trainings are done, at least of the
    first seeds; returns {name: why not}.

    written: {name: (seeds, path)} of what this queue has written; grows. A file that
    holds more seeds stays as it is.
    """
    unwritten = {}
    for name in names:
        wanted = seeds_of(name, seeds)
        ready = list(takewhile(partial(_has_all_rows, queue, name), wanted))
        if (wanted and not ready) or written.get(name, [None])[0] == ready:
            continue
        try:
            path = result_path(folder, name, queue.stores["main"].name, queue.schedule)
            if ready != wanted and _seeds_in(path) > len(ready):
                continue
            written[name] = ready, write_result(folder, queue.result(name, ready))
        except FAILURES as error:
            unwritten[name] = error
    return unwritten


def _has_all_rows(queue, name, seed):
    rows = EXPERIMENTS[name].rows
    return all(
        queue.is_done(
            queue.run(row.training, seed), [(row.on, row.split, row.statistics)]
        )
        for row in rows
    )


def _seeds_in(path):
    """How many seeds a result holds; 0 if there is none."""
    return len(read_result(path)["seeds"]) if path.exists() else 0


def _one_after_the_other(queue, todo, progress, clock, write):
    """Does runs in this process: (how many were left for want of time, {folder: what
    failed and why}).
    """
    failed, left = {}, 0
    for number, (training_run, requested) in enumerate(todo, 1):
        if not _in_time(training_run, clock, failed):
            left += 1
            continue
        if progress:
            print(f"{number} of {len(todo)}: {training_run}", flush=True)
        began = time.monotonic()
        try:
            queue.do(training_run, requested, progress)
        except FAILURES as error:
            if ranks()[1] > 1:
                raise  # the other ranks wait for this one
            failed[training_run.folder] = _why(training_run, error)
        clock.note(training_run, time.monotonic() - began)
        if number < len(todo):
            write()
    return left, failed


def _several_at_once(queue, todo, stores, workers, progress, clock, write):
    """Does runs in processes of their own; returns as `_one_after_the_other`."""
    failed, left, todo, running = {}, 0, list(todo), {}
    arguments = stores, queue.schedule, queue.folder, queue.device
    threads = (max(1, cores() // workers),)
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, spawn, _begin_worker, threads)
    bar = tqdm(total=len(todo), desc="trainings", unit="training", disable=not progress)
    try:
        while todo or running:
            while len(running) < workers and (pair := _next(todo, running)):
                todo.remove(pair)
                training_run, requested = pair
                if not _in_time(training_run, clock, failed):
                    left += 1
                    continue
                job = arguments, training_run.name, training_run.seed, requested
                try:
                    future = pool.submit(_do_one, *job)
                except BrokenProcessPool as error:
                    failed[training_run.folder] = _why(training_run, error)
                    continue
                running[future] = training_run, time.monotonic()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                training_run, began = running.pop(future)
                if error := future.exception():
                    failed[training_run.folder] = _why(training_run, error)
                clock.note(training_run, time.monotonic() - began)
                bar.update()
                if todo or running:
                    write()
    finally:  # also on Ctrl-C: nothing further is begun
        pool.shutdown(wait=False, cancel_futures=True)
        bar.close()
    return left, failed


def _in_time(training_run, clock, failed):
    """Whether to begin it; not if what it starts from was left for want of time."""
    start = training_run.start
    ready = start is None or start.done or start.folder in failed
    return ready and clock.allows(training_run)


def _next(todo, running):
    """The first pair of `todo` that need not wait for the run that it starts from."""
    ahead = {run.folder for run, _ in [*todo, *running.values()]}
    for pair in todo:
        start = pair[0].start
        if start is None or start.folder not in ahead:
            return pair
    return None


def _why(training_run, error):
    """What is said of a run that failed; raises what nobody expects."""
    if isinstance(error, BrokenProcessPool):
        error = "a worker was killed, perhaps for want of memory; take fewer --workers"
    elif not isinstance(error, FAILURES):
        raise error
    return f"{training_run}: {error}"


def _begin_worker(threads):
    torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    """A queue that is killed leaves no worker that trains on and holds its run."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _do_one(arguments, name, seed, requested):
    queue = Queue(*arguments)
    queue.do(queue.run(name, seed), requested, progress=False)
