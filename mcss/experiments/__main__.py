"""`python -m mcss.experiments NAME ... --store PATH`: regenerate tables and figures;
also under `torchrun`.
"""

import argparse
import errno
import os
import sys
from datetime import timedelta

import torch
from torch import distributed

from .catalogue import EXPERIMENTS
from .running import run
from .trainings import SCHEDULES


def _parser():
    experiments = [f"{name} ({each.title})" for name, each in EXPERIMENTS.items()]
    parser = argparse.ArgumentParser(
        prog="python -m mcss.experiments",
        description=(
            "Regenerate tables and figures of the paper. Interrupted, it goes on where"
            " it was."
        ),
        epilog="experiments: " + "; ".join(experiments),
    )
    add = parser.add_argument
    add("names", nargs="+", metavar="NAME", help="experiments, or 'all'")
    add("--store", required=True, metavar="PATH", help="the store to train and test on")
    add(
        "--also",
        action="append",
        default=[],
        metavar="ROLE=PATH",
        help="further stores: field, replaced, removed",
    )
    add("--seeds", type=int, nargs="+", default=[0])
    add("--schedule", choices=sorted(SCHEDULES), default="paper")
    add(
        "--runs",
        metavar="FOLDER",
        help="where trainings are kept (default: beside the store)",
    )
    add("--results", default="book/results", metavar="FOLDER")
    add(
        "--workers",
        type=int,
        default=1,
        help="trainings at once on this machine's one GPU or CPU",
    )
    add(
        "--minutes",
        type=float,
        help="begin no training that would not end within so many minutes",
    )
    return parser


def _join_ranks():
    """Joins the processes that `torchrun` started."""
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    # the others wait while rank 0 evaluates
    distributed.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo", timeout=timedelta(hours=6)
    )


def main(arguments=None):
    parser = _parser()
    options = parser.parse_args(arguments)
    if any("=" not in pair for pair in options.also):
        parser.error("--also takes ROLE=PATH, for example --also field=stores/field")
    stores = {"main": options.store} | dict(pair.split("=", 1) for pair in options.also)
    names = list(EXPERIMENTS) if options.names == ["all"] else options.names
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        if options.workers > 1:
            parser.error(
                "under torchrun every training uses all processes: leave --workers out"
            )
        _join_ranks()
    try:
        for path in run(
            names,
            stores,
            options.seeds,
            options.schedule,
            options.runs,
            options.results,
            options.workers,
            minutes=options.minutes,
        ):
            print(path)
    except (ValueError, RuntimeError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit(
            f"error: the disk is full ({error.filename or 'while writing'}); nothing"
            " finished is lost: make room and run the same command again"
        )
    except KeyboardInterrupt:
        sys.exit("interrupted; the same command goes on from here")
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()


if __name__ == "__main__":
    main()
