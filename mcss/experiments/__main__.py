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


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m mcss.experiments",
        description=(
            "Regenerate tables and figures of the paper. Interrupted, it goes on where"
            " it was."
        ),
        epilog="experiments: "
        + "; ".join(
            f"{name} ({experiment.title})" for name, experiment in EXPERIMENTS.items()
        ),
    )
    parser.add_argument(
        "names", nargs="+", metavar="NAME", help="experiments, or 'all'"
    )
    parser.add_argument(
        "--store", required=True, metavar="PATH", help="the store to train and test on"
    )
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="ROLE=PATH",
        help="further stores: field, replaced, removed",
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--schedule", choices=sorted(SCHEDULES), default="paper")
    parser.add_argument(
        "--runs",
        metavar="FOLDER",
        help="where trainings are kept (default: beside the store)",
    )
    parser.add_argument("--results", default="book/results", metavar="FOLDER")
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        help="trainings at once on this machine's one GPU or CPU",
    )
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
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        # the others wait while rank 0 evaluates
        distributed.init_process_group(
            "nccl" if torch.cuda.is_available() else "gloo", timeout=timedelta(hours=6)
        )
    try:
        for path in run(
            names,
            stores,
            options.seeds,
            options.schedule,
            options.runs,
            options.results,
            options.workers,
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
