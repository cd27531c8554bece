"""Trains a network on a store.

RUN is a folder for checkpoints. Interrupted at any moment and started again with the
same line, the training goes on where it was. Afterwards `python -m mcss.find` searches
with it, and `python -m mcss.predict` asks it for poses.

Without options this is the paper's training. It needs poses, if only of some people
(--labels); where the store has none, add --metric-only.
"""

import sys
from dataclasses import replace
from pathlib import Path

from .configuration import IMPROVED, TrainingConfig
from .data import open_store
from .engine.checkpoint import load_model
from .engine.command import Parser, command, positive
from .training import train


def parser():
    parser = Parser("mcss.train", __doc__)
    add = parser.add_argument
    add("store", help="folder of the store to train on")
    add("run", help="folder of the checkpoints, made if missing")
    add(
        "--metric-only",
        action="store_true",
        help="learn from synchronised views alone, without poses",
    )
    add(
        "--improved",
        action="store_true",
        help="this book's recipe instead of the paper's (chapter 10b)",
    )
    add(
        "--labels",
        nargs="+",
        metavar="PERSON",
        help="take poses of these people only; of all who train if not given",
    )
    add(
        "--start",
        metavar="CHECKPOINT",
        help="begin with the weights of this run; then --lr 0.0005 is a good begin",
    )
    add("--split", help="whom to train on, a split of the store (train)")
    add(
        "--epochs",
        type=positive(int),
        help="how long; the learning rate drops half way (40)",
    )
    add(
        "--pairs",
        type=positive(int),
        help="pairs of pictures in a batch; needs as many instants of a person (66)",
    )
    add("--lr", type=positive(float), help="learning rate (0.001)")
    add(
        "--gap",
        type=positive(float),
        help="seconds between two instants of a batch (0.5)",
    )
    add("--seed", type=int, help="of everything random (0)")
    add("--device", help="cpu or cuda; cuda where there is one, if not given")
    return parser


def work(store, run, metric_only, improved, labels, start, epochs, device, **given):
    store, run = open_store(store), Path(run)
    given = {name: value for name, value in given.items() if value is not None}
    config = replace(
        IMPROVED if improved else TrainingConfig(),
        pose_loss=not metric_only,
        **given,
        **({"label_subjects": tuple(labels)} if labels else {}),
        **({"epochs": epochs, "lr_drop_epoch": -(-epochs // 2)} if epochs else {}),
    )
    if config.split not in store.splits:
        raise ValueError(
            f"{store.path} has no split {config.split!r}: take --split"
            f" {' or '.join(store.splits)}"
        )
    people = store.splits[config.split].subjects
    if config.pose_loss and all(store.poses(person) is None for person in people):
        raise ValueError(f"{store.path} holds no poses: add --metric-only")
    history = train(
        store, config, run, device, start=start and load_model(start)
    ).history
    loss = "metric_loss" if metric_only else "pose_loss"
    first, last = history[loss][0], history[loss][-1]
    steps, seconds = len(history[loss]), history["seconds"]
    print(f"{run}: {steps} steps, {seconds:.0f} s, {loss} {first:.3f} to {last:.3f}")
    print(f"How good is it? python -m mcss.find {run} {store.path}")


main = command(parser, work)

if __name__ == "__main__":
    sys.exit(main())
