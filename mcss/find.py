"""Searches a store with a trained network.

With PERSON FRAME VIEW: which pictures of the other views are nearest to this one? A
picture shows them: green frame, the same instant; orange, within half a second.

Without: how often is the nearest of the other views of the right instant? That needs no
poses, and tells whether the network works on these films.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from .data import Split, open_store
from .engine.checkpoint import load_model
from .engine.command import Parser, command, picture_file, positive, save_picture
from .fast.neighbours import nearest
from .figures.plots import GREEN, ORANGE
from .figures.sheets import grid
from .inference import predict
from .retrieval import gallery_of, right_instant


def parser():
    parser = Parser("mcss.find", __doc__)
    add = parser.add_argument
    add("run", help="folder of a training's checkpoints")
    add("store", help="folder of the store to search")
    add("person", nargs="?", help="whose picture asks, and who is searched")
    add("frame", nargs="?", type=int, help="its frame in the store, counted from 0")
    add("view", nargs="?", help="its view: the name, or the number from 0")
    add("--count", type=positive(int), default=5, help="how many to find (5)")
    add(
        "--picture",
        type=picture_file,
        default=Path("found.png"),
        metavar="FILE",
        help="where to write them (found.png)",
    )
    add(
        "--within",
        type=positive(float),
        default=0.2,
        help="seconds that still count as the right instant (0.2)",
    )
    add("--device", help="cpu or cuda; where the network computes (cpu)")
    return parser


def work(run, store, person, frame, view, count, picture, within, device):
    model, store = load_model(run, device or "cpu"), open_store(store)
    model.check_store(store)
    if person is None:
        judge(model, store, within)
    elif view is None:
        raise ValueError("a query is PERSON FRAME VIEW: all three, or none of them")
    else:
        answer(model, store, *query(store, person, frame, view), count, picture)


def query(store, person, frame, view):
    """(person, frame, number of the view); raises `ValueError` where the store has no
    such picture.
    """
    if person not in store.subjects:
        people = ", ".join(store.subjects)
        raise ValueError(f"{store.path} has no person {person!r}, but {people}")
    names = store.view_names
    if view not in names and not (view.isdecimal() and int(view) < len(names)):
        raise ValueError(f"{store.path} has no view {view!r}, but {', '.join(names)}")
    number = names.index(view) if view in names else int(view)
    seen = store.present(person)[:, number]
    if not 0 <= frame < len(seen):
        raise ValueError(f"{person} has frames 0 to {len(seen) - 1}, not {frame}")
    if not seen[frame]:
        raise ValueError(
            f"view {names[number]} shows nothing in frame {frame} of {person}; it does"
            f" in {seen.sum()} of {len(seen)} frames"
        )
    return person, frame, number


def answer(model, store, person, frame, view, count, picture):
    """Prints the nearest pictures of the person's other views, and draws them."""
    views = list(range(len(store.view_names)))
    split = Split([person], views, {person: np.arange(store.length(person))})
    found = predict(model, store, split, progress=True)
    asks = int(np.flatnonzero((found.frames == frame) & (found.views == view))[0])
    rows = np.flatnonzero(gallery_of(asks, found.subjects, found.views))
    if not len(rows):
        raise ValueError(f"{person} is seen by this view only: there is none to search")
    near = nearest(
        found.embeddings[[asks]], found.embeddings[rows], min(count, len(rows))
    )
    times = times_of(store, person, found.frames)
    labels, colours = [f"asks: {store.view_names[view]}, frame {frame}"], [None]
    for distance, row in zip(near[0][0].tolist(), rows[near[1][0].numpy()]):
        late = times[row] - times[asks]
        when = f"{late:+.2f} s" if abs(late) < APART / 2 else "another clip"
        labels.append(
            f"{store.view_names[found.views[row]]}, frame {found.frames[row]}, {when}"
        )
        colours.append(GREEN if late == 0 else ORANGE if abs(late) <= 0.5 else None)
        print(f"{labels[-1]}, distance {distance:.3f}")
    chosen = [asks, *rows[near[1][0].numpy()]]
    images = store.images(person, found.frames[chosen], found.views[chosen])
    scale = max(1, 200 // store.image_size)
    sheet = grid(images, min(len(images), 6), labels, scale, colours)
    save_picture(sheet, picture)
    print(picture)


def judge(model, store, within):
    """Prints of each split how often the nearest picture shows the right instant."""
    for name, split in store.splits.items():
        found = predict(model, store, split, progress=True)
        for person in split.subjects:
            own = np.flatnonzero(found.subjects == person)
            views, times = found.views[own], times_of(store, person, found.frames[own])
            if len(np.unique(views)) < 2:
                print(f"{name}, {person}: one view only, there is none to search")
                continue
            rate, blind = right_instant(found.embeddings[own], times, views, within)
            print(
                f"{name}, {person}: the nearest of another view is within {within:g} s"
                f" in {rate:.1%} of {len(own)} pictures (blind: {blind:.1%})"
            )


#: Seconds between two clips: further than any two instants of one.
APART = 1e6


def times_of(store, person, frames):
    """When each frame `(n,)` was taken, in seconds; clips lie `APART`."""
    starts = torch.tensor([clip.start for clip in store.clips(person)])
    clip = torch.bucketize(torch.as_tensor(frames), starts, right=True).numpy()
    return np.asarray(frames) / store.fps + APART * clip


main = command(parser, work)

if __name__ == "__main__":
    sys.exit(main())
