"""`python -m tests.gpu --out FOLDER --minutes 8 --store STORE`: all that only a GPU can tell.

Tests marked `gpu`, benchmarks, then trainings, in order of value; each result is written as soon as
it is there. Afterwards no file in FOLDER is larger than 15 MB; `python -m tests.gpu --join FOLDER`
puts the larger ones together again.
"""

import argparse
import sys

from mcss.engine.machine import default_device

from .jobs import jobs, run
from .parts import join


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    add = parser.add_argument
    add("--out", metavar="FOLDER", help="where the results go")
    add("--minutes", type=float, default=8.0)
    add("--store", metavar="PATH", help="the store to train on; without one nothing is trained")
    add("--schedule", default="paper")
    add("--seeds", type=int, nargs="+", default=[0])
    add("--runs", metavar="FOLDER", help="where trainings are kept (default: beside --out)")
    add("--device", default=default_device())
    add("--rounds", type=int, default=3, help="of each benchmark")
    add("--only", nargs="+", metavar="JOB", help="these jobs, in the order of all")
    add("--list", action="store_true", help="name the jobs and end")
    add("--join", metavar="FOLDER", help="put files together that are in parts, and end")
    options = parser.parse_args(arguments)
    if options.join:
        try:
            print("\n".join(map(str, join(options.join))))
        except ValueError as error:
            sys.exit(f"error: {error}")
        return
    if not options.out:
        parser.error("say where the results go: --out FOLDER")
    given = (options.store, options.schedule, options.seeds, options.device, options.rounds)
    todo = jobs(options.out, *given, options.runs)
    unknown = set(options.only or ()) - {job.name for job in todo}
    if unknown:
        names = ", ".join(job.name for job in todo)
        parser.error(f"no job {', '.join(sorted(unknown))}; there are {names}")
    todo = [job for job in todo if not options.only or job.name in options.only]
    if options.list:
        print("\n".join(job.name for job in todo))
        return
    for told in run(todo, options.out, options.minutes):
        print(f"{told['job']}: {told['became']} ({told['seconds']} s)")


if __name__ == "__main__":
    main()
