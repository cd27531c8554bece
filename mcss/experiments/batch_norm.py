"""How much of a published network's error is BatchNorm's statistics?

`python -m mcss.experiments.batch_norm --store book/data/show --unlabelled THIN`, with
THIN from `python -m data_scripts.studio bench-thin THIN`, tests the published networks
with the statistics of their training, with statistics estimated anew from unlabelled
pictures of the training people, and from each test person's own.
"""

import argparse
import sys
import time

from ..data import open_store
from ..inference import predict
from ..statistics import with_statistics_of
from .cards import published
from .measures import Evaluated, errors_and_retrieval, with_truth
from .queue import describe
from .results import provenance, summary, write_result

NAMES = {"baseline-one": "Baseline", "mcss-one": "MCSS"}


def compare(folder, test, unlabelled, progress=print):
    """The result of the experiment, as `write_result` takes it.

    folder: of the published networks. test, unlabelled: stores.
    """
    rows, began = [], time.perf_counter()
    for name, label in NAMES.items():
        model, card = published(name, folder)
        ways = {
            "of its training": (model, "running"),
            "of all training people": (
                with_statistics_of(model, unlabelled),
                "running",
            ),
            "of the test person": (model, "subject"),
        }
        for way, (network, statistics) in ways.items():
            p = with_truth(predict(network, test, statistics=statistics))
            evaluated = Evaluated(p, model.pose_mean.cpu(), {}, test, card["seed"])
            values = errors_and_retrieval(evaluated)
            progress(f"{label}, statistics {way}: {values['N-MPJPE']:.1f} mm")
            rows.append(
                {
                    "label": f"{label}, statistics {way}",
                    "training": name,
                    "on": "main",
                    "split": "test",
                    "config": card["config"],
                    "statistics": way,
                    "trained": [card["trained"]],
                    "values": {q: summary([v]) for q, v in values.items()},
                }
            )
    return {
        "experiment": "batch_norm",
        "title": "BatchNorm at test time: where its statistics come from",
        "command": (
            "python -m mcss.experiments.batch_norm --store book/data/show --unlabelled"
            " THIN"
        ),
        "schedule": card["schedule"],
        "seeds": [card["seed"]],
        "stores": {"main": describe(test), "unlabelled": describe(unlabelled)},
        "rows": rows,
        "seconds": time.perf_counter() - began,
        **provenance(),
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m mcss.experiments.batch_norm",
        description=__doc__.splitlines()[0],
    )
    parser.add_argument("--store", required=True, metavar="TEST", help="tested on this")
    parser.add_argument(
        "--unlabelled", required=True, metavar="TRAIN", help="with a training split"
    )
    parser.add_argument("--checkpoints", default="book/checkpoints", metavar="FOLDER")
    parser.add_argument("--results", default="book/results", metavar="FOLDER")
    options = parser.parse_args(arguments)
    try:
        stores = open_store(options.store), open_store(options.unlabelled)
        print(write_result(options.results, compare(options.checkpoints, *stores)))
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
