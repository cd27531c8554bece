"""Running a queue: one training after the other, several at once, or each on all ranks;
failures are kept apart.
"""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

import filelock
import torch
from tqdm import tqdm

from ..engine.ranks import ranks
from .catalogue import EXPERIMENTS
from .queue import Queue, seeds_of
from .results import write_result
from .trainings import TRAININGS

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
    """Does experiments and writes their results; returns the files written.

    workers: trainings at once on this machine's one GPU or CPU. Under `torchrun` every
    training uses all ranks, and the first failure ends the queue. Else what failed is
    named at the end, and everything else is finished first.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    seeds = list(dict.fromkeys(seeds))  # a seed counted twice would look like certainty
    queue = Queue(stores, schedule, folder, device)
    queue.check(names)
    todo = [job for job in queue.jobs(names, seeds) if not queue.is_done(job)]
    if ranks()[0]:
        for job in todo:
            queue.do(job, progress=False)
        return []
    queue.folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(queue.folder / ".queue.lock", timeout=0):
            failed = _do_all(queue, todo, stores, workers, progress)
            written, lacking = [], {}
            for name in names:
                places = [
                    queue.place(row.training, seed)
                    for row in EXPERIMENTS[name].rows
                    for seed in seeds_of(name, seeds)
                ]
                try:
                    if not any(place in failed for place in places):
                        written.append(write_result(results, queue.result(name, seeds)))
                except FAILURES as error:
                    lacking[name] = error
    except filelock.Timeout:
        raise ValueError(
            f"another queue works on {queue.folder}: wait for it, or give this one a"
            " --runs folder of its own"
        ) from None
    if failed or lacking:
        what = [f"training {what}" for what in failed.values()] + [
            f"experiment {name}: {error}" for name, error in lacking.items()
        ]
        lines = "\n".join(f"  {line}" for line in what)
        raise RuntimeError(
            f"{len(what)} failed; everything else is done. Run the same command again"
            f" once this is mended:\n{lines}"
        )
    return written


def _do_all(queue, todo, stores, workers, progress):
    """Does the jobs; {folder: what failed and why}."""
    failed = {}

    def fail(job, error):
        failed[queue.place(job.training, job.seed)] = (
            f"{job.training}, seed {job.seed}: {error}"
        )

    if progress:
        print(f"{len(todo)} trainings to do", flush=True)
    if workers == 1:
        for number, job in enumerate(todo, 1):
            if progress:
                print(
                    f"{number} of {len(todo)}: {job.training}, seed {job.seed}",
                    flush=True,
                )
            try:
                queue.do(job, progress)
            except FAILURES as error:
                if ranks()[1] > 1:
                    raise  # the other ranks wait for this one
                fail(job, error)
        return failed
    arguments = stores, queue.schedule, queue.folder, queue.device
    threads = (
        max(1, len(os.sched_getaffinity(0)) // workers)
        if hasattr(os, "sched_getaffinity")
        else 1
    )
    bar = tqdm(total=len(todo), desc="trainings", unit="training", disable=not progress)
    for with_start in (False, True):  # a training waits for the one it starts from
        wave = [
            job
            for job in todo
            if (TRAININGS[job.training].start is not None) == with_start
        ]
        pool = ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), _settle, (threads,)
        )
        try:
            futures = {pool.submit(_do_one, arguments, job): job for job in wave}
            for future in as_completed(futures):
                job, error = futures[future], future.exception()
                if isinstance(error, BrokenProcessPool):
                    fail(
                        job,
                        "a worker was killed, perhaps for want of memory; take fewer"
                        " --workers",
                    )
                elif isinstance(error, FAILURES):
                    fail(job, error)
                elif error:
                    raise error
                bar.update()
        finally:  # also on Ctrl-C: nothing further is begun
            pool.shutdown(wait=False, cancel_futures=True)
    bar.close()
    return failed


def _settle(threads):
    torch.set_num_threads(threads)


def _do_one(arguments, job):
    Queue(*arguments).do(job, progress=False)
