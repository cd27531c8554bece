"""The published checkpoints: half-precision weights with a card that says how they came
about and what they reach.

`python -m mcss.experiments.cards mcss-one baseline-one --store PATH` publishes
trainings that are done; with `--also` it measures published ones on a further store.
"""

import argparse
import json
import sys
import urllib.request
from pathlib import Path

from ..data import open_store
from ..engine.checkpoint import INDEX, load_checkpoint, load_model, save_checkpoint
from ..inference import predict
from ..store.files import atomic_write, write_json
from .measures import Evaluated, at_k, pose_errors, retrieval, with_truth
from .queue import Queue, describe
from .results import provenance, rounded
from .trainings import SCHEDULES, TRAININGS

CARD = "card.json"
#: mm by which a card's numbers may differ on freshly rendered data: rounding of another
#: processor.
TOLERANCE = 1.0
REPOSITORY = "https://raw.githubusercontent.com/mcss-book/mcss/main/book/checkpoints"


def publish(queue, training, seed, folder):
    """Writes the checkpoint of a finished training and its card into
    `folder`/`training`; returns that folder.

    Raises `ValueError` if the training is unknown or not done.
    """
    if training not in TRAININGS:
        raise ValueError(
            f"unknown training {training!r}; there are {', '.join(TRAININGS)}"
        )
    run, target = queue.run(training, seed), Path(folder) / training
    if not run.done:
        raise ValueError(
            f"{run}, schedule {queue.schedule} is not trained yet: run an experiment"
            " that needs it first"
        )
    tensors, meta = load_checkpoint(run.folder)
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
        if name.startswith("model.")
    }
    kept = ("step", "steps", "model", "config", "store")
    save_checkpoint(target, half, {key: meta[key] for key in kept})
    store = queue.stores["main"]
    index = json.loads((target / INDEX).read_text(encoding="utf-8"))
    results = results_of(
        load_model(target, queue.device), store, meta["config"]["target"]
    )
    card = {
        "training": training,
        "schedule": queue.schedule,
        "seed": seed,
        "config": meta["config"],
        "data": describe(store),
        "trained": run.record,
        "results": results,
        "tolerance": TOLERANCE,
        "precision": "half",
        "sha256": index["sha256"],
        "bytes": (target / index["tensors"]).stat().st_size,
        "measured": provenance(),
    }
    write_json(target / CARD, rounded(card, 3))
    return target


def measure_on(folder, store):
    """Adds to the card of the published checkpoint in `folder` what it reaches on the
    test split of a further store, under the store's name; returns the card's path.
    """
    path = Path(folder) / CARD
    card = json.loads(path.read_text(encoding="utf-8"))
    results = results_of(load_model(folder), store, card["config"]["target"])
    entry = {"data": describe(store), "results": results, "measured": provenance("cpu")}
    also = card.get("also", {}) | {store.name: entry}
    write_json(path, rounded(card | {"also": also}, 3))
    return path


def results_of(model, store, target="canonical"):
    """What a card states, in mm, on the test split of a store."""
    predictions = with_truth(predict(model, store, target=target))
    evaluated = Evaluated(predictions, model.pose_mean.cpu(), {}, store, 0)
    return pose_errors(evaluated) | at_k(retrieval(evaluated), 1)


def published(name, folder="checkpoints"):
    """(model, card) of a published checkpoint in `folder`; fetched from the repository
    first if it is not there.

    Raises `RuntimeError` if it is neither there nor to be fetched, and `ValueError` if
    it is not what its checksum says.
    """
    checkpoint = Path(folder) / name
    if not (checkpoint / CARD).exists():
        _download(name, checkpoint)
    card = json.loads((checkpoint / CARD).read_text(encoding="utf-8"))
    index = json.loads((checkpoint / INDEX).read_text(encoding="utf-8"))
    if card["sha256"] != index["sha256"]:
        raise ValueError(
            f"{checkpoint / CARD} is the card of other weights: take both from one"
            " commit"
        )
    return load_model(checkpoint), card


def _download(name, checkpoint):
    """Fetches weights, index and card; the card comes last, since it says that all is
    there.
    """
    checkpoint.mkdir(parents=True, exist_ok=True)
    try:
        index = _fetch(f"{name}/{INDEX}")
        tensors = Path(json.loads(index)["tensors"]).name
        for file, content in (
            (tensors, _fetch(f"{name}/{tensors}")),
            (INDEX, index),
            (CARD, _fetch(f"{name}/{CARD}")),
        ):
            with atomic_write(checkpoint / file) as temporary:
                temporary.write_bytes(content)
    except OSError as error:  # urllib's among them
        raise RuntimeError(
            f"{checkpoint} is not there and cannot be fetched ({error}): run this in a"
            " clone of the repository, in book/"
        ) from error


def _fetch(path):
    with urllib.request.urlopen(f"{REPOSITORY}/{path}", timeout=60) as answer:
        return answer.read()


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m mcss.experiments.cards", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="+", metavar="TRAINING")
    parser.add_argument("--store", required=True, metavar="PATH")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--schedule", choices=sorted(SCHEDULES), default="paper")
    parser.add_argument(
        "--also",
        action="store_true",
        help="publish nothing, add to the cards what is reached on the store",
    )
    parser.add_argument("--runs", metavar="FOLDER")
    parser.add_argument("--to", default="book/checkpoints", metavar="FOLDER")
    options = parser.parse_args(arguments)
    try:
        if options.also:
            for name in options.names:
                print(measure_on(Path(options.to) / name, open_store(options.store)))
            return
        queue = Queue({"main": options.store}, options.schedule, options.runs)
        for name in options.names:
            print(publish(queue, name, options.seed, options.to))
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
