"""How `pose2sim_poses.json` was made: 2D joints of a detector, triangulated with the calibration.

  python -m data_scripts.pose2sim_poses look DEMO LANDMARKS.npz
  python -m data_scripts.pose2sim_poses triangulate DEMO LANDMARKS.npz POSES.json

`look` needs mediapipe up to 0.10.21, whose wheel carries its model, and whose pins clash with ours:
give it an environment of its own. DEMO is the folder Demo_SinglePerson.
"""

import itertools
import json
import sys
from pathlib import Path

import numpy as np

#: mediapipe's landmarks that we take, and for each the one of the other side.
TAKEN = (11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28, 7, 8)
OTHER = (1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12)
MODEL = "mediapipe 0.10.21, BlazePose full, each film by itself"
DERIVED = (
    "pelvis and thorax are the middles of hips and shoulders, spine lies half way between them,"
    " neck half way from thorax to the middle of the ears, head as far beyond them"
)


def look(demo, landmarks):
    """Writes `{camera: (T, 14, 3)}`, pixels and visibility, of all films of the demo."""
    import cv2
    import mediapipe

    found = {}
    for film in sorted((Path(demo) / "videos").glob("*.mp4")):
        video, rows = cv2.VideoCapture(str(film)), []
        with mediapipe.solutions.pose.Pose(model_complexity=1, smooth_landmarks=False) as pose:
            while (read := video.read())[0]:
                height, width = read[1].shape[:2]
                marks = pose.process(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)).pose_landmarks
                marks = [marks.landmark[k] for k in TAKEN] if marks else []
                marks = [(m.x * width, m.y * height, m.visibility) for m in marks]
                rows.append(marks or [(np.nan, np.nan, 0.0)] * len(TAKEN))
        found[film.stem] = np.array(rows)
        print(film, found[film.stem].shape)
    np.savez_compressed(landmarks, **found)


def triangulate(demo, landmarks, out):
    """Writes the poses `(T, 17, 3)` in mm, and how well they fit, as JSON."""
    from mcss.store.files import atomic_write

    from .pose2sim import read_calibration

    cameras = read_calibration(Path(demo) / "calibration/Calib.qca.txt")
    seen = np.load(landmarks)
    seen = np.stack([seen[name] for name in cameras], 1)  # (T, V, 14, 3)
    points, errors, swapped = [], [], []
    for marks in seen:
        tried = [joined(_swapped(marks, who), cameras.values()) for who in _swaps(len(cameras))]
        best = min(range(len(tried)), key=lambda k: np.median(tried[k][1]))
        points.append(tried[best][0])
        errors.append(tried[best][1])
        swapped.append(_swaps(len(cameras))[best])
    smooth = smoothed(np.array(points))
    apart = np.linalg.norm(smooth - points, axis=-1)
    errors = np.array(errors)  # (T, V, 14) pixels
    content = {
        "origin": f"{MODEL}; triangulated by data_scripts.pose2sim_poses; {DERIVED}",
        "reprojection": {
            "pixels, median and 90%": [_share(errors, 50), _share(errors, 90)],
            "mm from what is smoothed, median and 90%": [_share(apart, 50), _share(apart, 90)],
            "films in which the detector exchanged the sides": int(np.sum(swapped)),
        },
        "poses": np.round(skeleton(smooth)).astype(int).tolist(),
    }
    with atomic_write(out) as temporary:
        temporary.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def _share(values, percent):
    return round(float(np.percentile(values, percent)), 1)


def _swaps(views):
    """Of which views left and right may be exchanged: of fewer than half, or none."""
    all_of = itertools.product((0, 1), repeat=views)
    return [who for who in all_of if sum(who) < views / 2]


def _swapped(marks, who):
    return np.stack([m[list(OTHER)] if w else m for m, w in zip(marks, who)])


def joined(marks, cameras):
    """Points `(14, 3)` in mm and their errors `(V, 14)` in pixels. marks `(V, 14, 3)`. One camera
    of a joint that fits the others badly is not used.
    """
    from mcss.store.calibration import project

    cameras = list(cameras)
    everyone, best = tuple(range(len(cameras))), None
    for used in (everyone, *itertools.combinations(everyone, len(cameras) - 1)):
        points = _solved(marks[list(used)], [cameras[k] for k in used])
        off = np.stack([project(points, c) - m[:, :2] for c, m in zip(cameras, marks)])
        errors = np.linalg.norm(off, axis=-1)
        cost = np.sqrt((errors[list(used)] ** 2).mean(0)) * (1 if used == everyone else 1.5)
        if best is None:
            best = points, errors, cost
        better = cost < best[2]
        best = (
            np.where(better[:, None], points, best[0]),
            np.where(better, errors, best[1]),
            np.minimum(cost, best[2]),
        )
    return best[:2]


def _solved(marks, cameras):
    """The points `(N, 3)` that cameras see at marks `(V, N, 3)`: the linear equations of all, each
    as heavy as the mark is visible.
    """
    rows = []
    for mark, camera in zip(marks, cameras):
        K, R, t = (np.array(camera[key]) for key in ("K", "R", "t"))
        P = np.concatenate([R, t[:, None]], 1)
        u = _straight((mark[:, :2] - K[[0, 1], 2]) / K[[0, 1], [0, 1]], camera["distortion"])
        weight = mark[:, 2:].clip(0.05)
        rows += [weight * (u[:, :1] * P[2] - P[0]), weight * (u[:, 1:] * P[2] - P[1])]
    X = np.linalg.svd(np.stack(rows, 1))[2][:, -1]
    return X[:, :3] / X[:, 3:]


def _straight(bent, distortion):
    """Points `(N, 2)` of the plane at distance 1 without the lens's distortion."""
    k1, k2, p1, p2, k3 = distortion
    straight = bent
    for _ in range(10):
        x, y = straight[:, :1], straight[:, 1:]
        r2 = x * x + y * y
        shift = [2 * p1 * x * y + p2 * (r2 + 2 * x * x), p1 * (r2 + 2 * y * y) + 2 * p2 * x * y]
        straight = (bent - np.concatenate(shift, 1)) / (1 + r2 * (k1 + r2 * (k2 + r2 * k3)))
    return straight


def smoothed(points):
    """Points `(T, 14, 3)` over time: a median of five, then a mean of some seven frames."""
    from scipy.ndimage import gaussian_filter1d, median_filter

    steady = median_filter(points, (5, 1, 1), mode="nearest")
    return gaussian_filter1d(steady, 2.0, axis=0, mode="nearest")


def skeleton(points):
    """The 17 joints `(T, 17, 3)` in the order of `mcss.skeleton.JOINTS`, of 14 points."""
    at = {mark: points[:, k] for k, mark in enumerate(TAKEN)}
    pelvis, thorax, ears = (
        (at[a] + at[b]) / 2 for a, b in ((23, 24), (11, 12), (7, 8))
    )  # fmt: skip
    up = (ears - thorax) / 2
    return np.stack([
        pelvis, at[24], at[26], at[28], at[23], at[25], at[27],
        (pelvis + thorax) / 2, thorax, thorax + up, thorax + 3 * up,
        at[11], at[13], at[15], at[12], at[14], at[16],
    ], 1)  # fmt: skip


if __name__ == "__main__":
    {"look": look, "triangulate": triangulate}[sys.argv[1]](*sys.argv[2:])
