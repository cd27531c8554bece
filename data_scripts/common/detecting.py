"""Boxes round one person of a film: torchvision's detector finds people, here one is followed.

What a detector is, is said once: a function from a list of pictures `(3, h, w)`, uint8, to a list
of (boxes `(n, 4)`, x0, y0, x1, y1 in pixels, and scores `(n,)`), one a picture, of people only.
"""

import functools
from typing import NamedTuple

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.optimize import linear_sum_assignment
from torchvision.models import detection
from torchvision.ops import box_iou
from tqdm import tqdm

from mcss.engine.machine import default_device

from .crops import upright
from .video_reader import decoded

PERSON = 1  # COCO's label
SURE = 0.7  # score from which on it is a person
EVERY = 0.2  # seconds between two pictures that are looked at; between them boxes are filled in
GONE = 1.0  # seconds after which somebody who is not found has left
CROSSED = 0.3  # of the smaller of two boxes lies in the other: then they may be exchanged
AT_ONCE = 8  # pictures
BUILD, WEIGHTS = (
    detection.fasterrcnn_mobilenet_v3_large_fpn,
    detection.FasterRCNN_MobileNet_V3_Large_FPN_Weights.COCO_V1,
)


@functools.lru_cache(maxsize=1)
def person_detector(device=None):
    """torchvision's detector with its own weights, downloaded once, on `device`; a GPU if None and
    there is one. Raises `RuntimeError` with the remedy if the weights cannot be had.
    """
    device = device or default_device()
    try:
        network = BUILD(weights=WEIGHTS, box_score_thresh=SURE / 2).to(device).eval()
    except (OSError, RuntimeError) as error:  # no network, a closed one, a broken download
        raise RuntimeError(
            f"the weights of torchvision's person detector cannot be had ({error}): download"
            f" {WEIGHTS.url} elsewhere and put the file into {torch.hub.get_dir()}/checkpoints, or"
            " write boxes beside the videos, VIEW.csv, and leave --boxes out"
        ) from None

    def people(pictures):
        with torch.inference_mode():
            found = network([picture.to(device) / 255 for picture in pictures])
        kept = [each["labels"] == PERSON for each in found]
        return [
            (each["boxes"][k].cpu().numpy(), each["scores"][k].cpu().numpy())
            for each, k in zip(found, kept)
        ]

    return people


def detect_boxes(path, positions, clock, detector, index, notes, progress=True):
    """The positions `(n,)` and boxes `(n, 4)` of one person of a film, smoothed, as `read_boxes`
    gives them: NaN where the person is gone.

    positions: those of the pictures that are stored. clock: the film's `Timing`. index: whom to
    follow, the largest first. `notes` gets who else is there, who crosses and who leaves. Raises
    `ValueError` if there is nobody of this index.
    """
    wanted = _thinned(np.unique(positions[positions >= 0]), clock.times)
    seen = _looked_at(path, wanted, detector, progress)
    wanted = np.array(sorted(seen), int)
    people = follow([seen[k] for k in wanted], clock.times[wanted])
    if not people:
        raise ValueError(
            f"nobody is found in {path.name}: is somebody in the picture, upright and large enough?"
        )
    if index >= len(people):
        raise ValueError(
            f"{len(people)} people are found in {path.name}, so --person-index must be below that,"
            f" not {index}"
        )
    boxes = people[index]
    notes += _remarks(path.name, wanted, clock.times[wanted], people, index)
    return wanted, smoothed(_filled(boxes, clock.times[wanted]))


def _thinned(positions, times):
    """Of these positions those at least `EVERY` apart, and the last."""
    kept = []
    for position in positions:
        if not kept or times[position] - times[kept[-1]] > EVERY - 1e-3:
            kept.append(int(position))
    return {*kept, *positions[-1:].tolist()}


def _looked_at(path, wanted, detector, progress):
    """`{position: boxes (n, 4)}` of the people in each wanted picture that can be read."""
    seen, waiting = {}, []

    def look():
        pictures = [picture for _, picture in waiting]
        for (position, _), (boxes, scores) in zip(waiting, detector(pictures)):
            seen[position] = np.asarray(boxes, float).reshape(-1, 4)[np.asarray(scores) >= SURE]
        bar.update(len(waiting))
        waiting.clear()

    bar = tqdm(total=len(wanted), desc=f"people in {path.name}", leave=False,
               disable=not progress, unit="picture")  # fmt: skip
    with bar:
        for position, frame in decoded(path):
            if position in wanted:
                picture = torch.from_numpy(np.array(upright(frame))).permute(2, 0, 1)
                waiting.append((position, picture))
                if len(waiting) == AT_ONCE:
                    look()
        if waiting:
            look()
    return seen


class Track(NamedTuple):
    """Somebody who is found again from picture to picture: which ones, and the boxes there."""

    at: list
    boxes: list


def follow(seen, times):
    """The people in T pictures, the largest first: a list of boxes `(T, 4)`, NaN where they are not
    found.

    seen: boxes `(n, 4)` of each picture. times `(T,)`: seconds. Somebody who comes back after
    somebody left, and never was there together with them, is taken for the same.
    """
    tracks, active = [], []
    for k, boxes in enumerate(seen):
        active = [track for track in active if times[k] - times[track.at[-1]] <= GONE]
        free = set(range(len(boxes)))
        if active and len(boxes):
            near = _alike(np.array([_expected(t, times, k) for t in active]), boxes)
            for i, j in zip(*linear_sum_assignment(-near)):
                if near[i, j] > 0:
                    active[i].at.append(k)
                    active[i].boxes.append(boxes[j])
                    free.remove(j)
        new = [Track([k], [boxes[j]]) for j in sorted(free)]
        tracks, active = tracks + new, active + new
    # what is found once among many pictures is a mistake
    tracks = [track for track in tracks if len(track.at) > min(2, len(seen) // 3)]
    people = []
    for track in sorted(tracks, key=lambda track: -_area(track.boxes).sum()):
        spans = lambda person: set(range(track.at[0], track.at[-1] + 1)) & person.keys()
        person = next((person for person in people if not spans(person)), None)
        if person is None:
            people.append(person := {})
        person |= dict.fromkeys(range(track.at[0], track.at[-1] + 1), (np.nan,) * 4)
        person |= dict(zip(track.at, track.boxes))
    people = [np.array([p.get(k, (np.nan,) * 4) for k in range(len(seen))]) for p in people]
    return sorted(people, key=lambda boxes: -np.nansum(_area(boxes)))


def _area(boxes):
    boxes = np.asarray(boxes)
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def _expected(track, times, k):
    """Where the box of a track is now if it goes on as it did."""
    box, at = np.asarray(track.boxes[-1]), track.at
    if len(at) < 2:
        return box
    speed = (box - track.boxes[-2]) / (times[at[-1]] - times[at[-2]])
    middle = (speed[:2] + speed[2:]) / 2
    return box + np.tile(middle, 2) * min(times[k] - times[at[-1]], 2 * EVERY)


def _alike(expected, boxes):
    """`(n, m)`: how well boxes `(m, 4)` go on with `(n, 4)`; 0 where they cannot."""
    overlap = box_iou(torch.tensor(expected), torch.tensor(boxes)).numpy()
    middle = lambda b: (b[:, :2] + b[:, 2:]) / 2
    size = np.maximum(np.sqrt(_area(expected))[:, None], np.sqrt(_area(boxes)))
    far = np.linalg.norm(middle(expected)[:, None] - middle(boxes), axis=-1) / size
    return np.where((overlap > 0.1) | (far < 0.6), overlap + 0.1 * np.exp(-far), 0)


def _filled(boxes, times):
    """Boxes without the gaps that are too short for somebody to have left."""
    boxes, there = boxes.copy(), np.flatnonzero(~np.isnan(boxes[:, 0]))
    for a, b in zip(there, there[1:]):
        if b > a + 1 and times[b] - times[a] <= GONE:
            share = ((times[a:b] - times[a]) / (times[b] - times[a]))[:, None]
            boxes[a:b] = boxes[a] + share * (boxes[b] - boxes[a])
    return boxes


def smoothed(boxes):
    """Boxes `(T, 4)` without what trembles: a median of three, then a mean of about three."""
    boxes, there = boxes.copy(), ~np.isnan(boxes[:, 0])
    edges = np.flatnonzero(np.diff(np.r_[False, there, False]))
    for a, b in zip(edges[::2], edges[1::2]):
        steady = median_filter(boxes[a:b], (3, 1), mode="nearest")
        boxes[a:b] = gaussian_filter1d(steady, 0.8, axis=0, mode="nearest")
    return boxes


def _remarks(name, positions, times, people, index):
    """What should be known of the person who is followed, a list of notes."""
    notes, own = [], people[index]
    if len(people) > 1:
        others = ", ".join(str(k) for k in range(len(people)) if k != index)
        whom = "the largest" if index == 0 else f"number {index}, by size from 0,"
        notes.append(
            f"{name}: {len(people)} people are found, and {whom} is followed; --person-index takes"
            f" another ({others}). Look whether all views follow the same"
        )
    crossed = np.zeros(len(own), bool)
    for other in people:
        if other is not own:
            crossed |= _covered(_filled(own, times), _filled(other, times)) > CROSSED
    if crossed.any():
        notes.append(
            f"{name}: two people cross, at frame {_listed(positions[crossed])}: afterwards the box"
            " may follow the other"
        )
    gone = np.isnan(_filled(own, times)[:, 0])
    if gone.any():
        notes.append(
            f"{name}: the person is not found in {gone.sum()} of {len(gone)} pictures that were"
            f" looked at, from frame {_listed(positions[gone])}; these are left out"
        )
        edges = np.flatnonzero(np.diff(np.r_[True, gone, True].astype(int)) < 0)
        if len(edges) > 1:
            notes.append(
                f"{name}: who comes back at frame {_listed(positions[edges[1:]])} is taken for the"
                " same person"
            )
    return notes


def _covered(one, two):
    """`(T,)`: which share of the smaller of two boxes the other covers; 0 where one is missing."""
    size = np.minimum(one[:, 2:], two[:, 2:]) - np.maximum(one[:, :2], two[:, :2])
    return np.nan_to_num(size.clip(0).prod(1) / np.minimum(_area(one), _area(two)))


def _listed(positions):
    few = ", ".join(map(str, positions[:3]))
    return few + (f" and {len(positions) - 3} more" if len(positions) > 3 else "")
