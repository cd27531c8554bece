"""What is run on a borrowed GPU, in order of value: each a command of its own, so that neither a
failure nor the end of the time costs what came before.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from mcss.experiments.catalogue import EXPERIMENTS
from mcss.experiments.results import provenance
from mcss.store.files import write_json

from .parts import split

ROOT = Path(__file__).parents[2]
#: Benchmarks: of what was built for a GPU, before any training; and the others.
BENCHMARKS = "operations", "step", "mining", "inference", "several", "retrieval"
OTHERS = "feeding", "procrustes", "neighbours"
#: Experiments, and when the published networks are made of their trainings.
FIRST, CARDS = ("table1", "figure5"), ("mcss-one", "baseline-one")
#: Seconds below which nothing is begun, and which a job that uses up its time has to end.
LEAST, END = 15, 10
#: Of all the time, what a test or a benchmark that hangs may take.
SHARE = 0.3


class Job(NamedTuple):
    name: str
    arguments: list  #: of `python`; '{minutes}' stands for those that are left
    share: float = 1.0  #: of all the time, the most that it may take


def jobs(out, store=None, schedule="paper", seeds=(0,), device="cuda", rounds=3, runs=None):
    """All jobs in order, a list of `Job`. out: the folder of the results. store: its path; without
    one nothing is trained. runs: the folder of the trainings, which are large.
    """
    out = Path(out).resolve()
    tests = ["-m", "pytest", "-q", "-m", "gpu", "tests/mcss/test_gpu.py", "-p", "no:cacheprovider"]

    def benchmark(name):
        options = ["--device", device, "--rounds", str(rounds), "--save", str(out / "speed")]
        return Job(name, ["-m", "tests.benchmarks", name, *options], SHARE)

    def experiment(name):
        options = ["--seeds", *map(str, seeds), "--minutes", "{minutes}"]
        options += ["--results", str(out / "results")]
        return Job(name, ["-m", "mcss.experiments", name, *common, *options])

    found = [Job("tests", [*tests, f"--junitxml={out / 'tests.xml'}"], SHARE)]
    found += map(benchmark, BENCHMARKS)
    others = [*map(benchmark, OTHERS)]
    if store is None:
        return found + others
    runs = str(Path(runs or out.with_name(out.name + "-runs")).resolve())
    common = ["--store", str(Path(store).resolve()), "--schedule", schedule, "--runs", runs]
    cards = ["-m", "mcss.experiments.cards", *CARDS, *common, "--seed", str(seeds[0])]
    cards += ["--to", str(out / "checkpoints")]
    first, *more = map(experiment, FIRST)
    # of the rest, what needs no further store
    rest = [
        name
        for name, each in EXPERIMENTS.items()
        if name not in FIRST and each.rows and all(row.on == "main" for row in each.rows)
    ]
    return [*found, first, Job("checkpoints", cards), *more, *others, *map(experiment, rest)]


def run(todo, out, minutes):
    """Runs jobs one after the other until the time is up; returns what became of each, which
    `out`/jobs.json holds after each, too. What a job prints goes to `out`/log/NAME.txt.
    """
    out, end = Path(out), time.monotonic() + 60 * minutes
    (out / "log").mkdir(parents=True, exist_ok=True)
    told = []
    for number, job in enumerate(todo, 1):
        left, began = end - time.monotonic(), time.monotonic()
        if left < LEAST:
            became = "not begun"
        else:
            print(f"{number} of {len(todo)}: {job.name}, {left / 60:.1f} min left", flush=True)
            became = _run(job, out, min(left, 60 * minutes * job.share))
        seconds = round(time.monotonic() - began, 1)
        told.append({"job": job.name, "became": became, "seconds": seconds})
        split(out)
        write_json(out / "jobs.json", {**provenance(), "minutes": minutes, "jobs": told})
    return told


def _run(job, out, left):
    """'done', 'failed (its exit status)' or 'cut'."""
    given = max(0.1, (left - END) / 60)
    arguments = [a.format(minutes=f"{given:.2f}") if "{" in a else a for a in job.arguments]
    with open(out / "log" / f"{job.name}.txt", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # what it started ends with it
        )
        try:
            status = process.wait(left)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    return "cut" if status is None else f"failed ({status})" if status else "done"
