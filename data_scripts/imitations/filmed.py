"""ASPset-510 and plain videos, imitated: the recordings of `scenes` in these formats.

The conventions are taken from the data sets' own descriptions, not from the converters.
"""

import csv
import json
from fractions import Fraction

import av
import ezc3d
import numpy as np

from mcss.skeleton import JOINTS

FPS = 50
VIEWS = ("left", "mid", "right")  # the first three of a recording's cameras
#: (subject, action) of a recording -> its row of splits.csv. One subject is in train and in val.
ROWS = {
    ("S1", "Walking"): ("04ac", "0001", "train", "all"),
    ("S1", "Sitting"): ("04ac", "0002", "train", "all"),
    ("S5", "Walking"): ("1c7d", "0001", "train", "all"),
    ("S5", "Sitting"): ("1c7d", "0002", "val", "all"),
    ("S9", "Walking"): ("1e28", "0001", "test", "mid"),
    ("S9", "Sitting"): ("1e28", "0002", "test", "left"),
}
LABELS = [
    f"{side}_{part}"
    for side in ("right", "left")
    for part in ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")
]
LABELS += ["head_top", "head", "neck", "spine", "pelvis"]
#: What ASPset calls joints -> what we call them, where the names differ.
RENAMED = {"head_top": "head", "head": "neck", "neck": "thorax"}
#: Where ASPset's joints are in `mcss.skeleton.JOINTS`.
ORDER = [JOINTS.index(RENAMED.get(label, label.replace("_", " "))) for label in LABELS]
#: The scenes' world (x right, y ahead, z up) -> ASPset's (x right, y down, z ahead).
Y_DOWN = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)


def boxes_of(masks):
    """The boxes x1, y1, x2, y2 `(T, 4)` round the person in masks `(T, H, W)`, in pixels."""
    boxes = []
    for mask in masks:
        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        boxes.append((cols[0], rows[0], cols[-1] + 1, rows[-1] + 1))
    return np.array(boxes, float)


def write_video(path, frames, fps=FPS, codec="libx264", times=None):
    """Writes frames `(T, H, W, 3)`, uint8 RGB, as a video in the container that the ending names.
    times: when each frame is shown, in ms, if not at `fps`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fast = {"preset": "veryfast"} if codec == "libx264" else {"b": "0", "cpu-used": "8"}
    options = {"crf": "8", **fast}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=options)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], "yuv420p"
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        for i, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), "rgb24")
            if times:
                picture.pts, picture.time_base = times[i], Fraction(1, 1000)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def write_csv(path, rows, header=None):
    """Writes rows, each a sequence of values, below an optional header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(([header] if header else []) + [list(row) for row in rows])


def write_c3d(path, points, labels=LABELS, fps=FPS):
    """Writes points `(T, 17, 3)` in mm, in ASPset's world and in the order of `labels`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [fps]
    file["parameters"]["POINT"]["LABELS"]["value"] = list(labels)
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    homogeneous = np.concatenate([points, np.ones((*points.shape[:2], 1))], -1)
    file["data"]["points"] = homogeneous.transpose(2, 1, 0)
    file.write(str(path))


def write_camera(path, K, R, t, flat=True):
    """Writes a camera, x_camera = R x + t. flat: matrices as one list of numbers, not one a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    intrinsic, extrinsic = np.eye(3, 4), np.eye(4)
    intrinsic[:, :3], extrinsic[:3, :3], extrinsic[:3, 3] = K, R, t
    matrices = {"intrinsic_matrix": intrinsic, "extrinsic_matrix": extrinsic}
    lists = {key: (M.ravel() if flat else M).tolist() for key, M in matrices.items()}
    path.write_text(json.dumps(lists))


def aspset_points(recording, turn=Y_DOWN, unit=1.0):
    """A recording's joints `(T, 17, 3)` in the order of LABELS, in ASPset's world. turn: from the
    scenes' world; unit: of a mm.
    """
    return unit * recording.joints[:, ORDER].astype(float) @ turn.T


def write_aspset(folder, recordings, rows=ROWS, turn=Y_DOWN, unit=1.0, labels=LABELS):
    """Writes recordings below `folder` as the official archives unpack; returns `folder`. rows:
    what splits.csv says of each. turn, unit: as in `aspset_points`.

    Clip 0001 of a test subject has files of the cameras too that splits.csv leaves out.
    """
    for recording in recordings:
        subject, clip, split, only = rows[recording.subject, recording.action]
        part = folder / ("test" if split == "test" else "trainval")
        points = aspset_points(recording, turn, unit)
        write_c3d(part / f"joints_3d/{subject}/{subject}-{clip}.c3d", points, labels)
        for v, view in enumerate(VIEWS):
            K, R, t, _ = recording.cameras[v]
            camera = part / f"cameras/{subject}/{subject}-{view}.json"
            write_camera(camera, K, R @ turn.T, unit * t, flat=v != 1)
            if only in (view, "all") or clip == "0001":
                name, boxes = f"{subject}/{subject}-{clip}-{view}", boxes_of(recording.masks[:, v])
                write_video(part / f"videos/{name}.mkv", recording.frames[:, v])
                write_csv(part / f"boxes/{name}.csv", boxes, ("x1", "y1", "x2", "y2"))
    write_csv(folder / "splits.csv", [rows[r.subject, r.action] for r in recordings])
    return folder


#: Frames of something else at the start of each view's video: the view's offset.
PADS = {"left": 0, "mid": 3, "right": 7}


def write_videos(
    folder,
    recordings,
    pads=PADS,
    layout="{subject}/{action}",
    boxes=True,
    offsets=True,
    ending=".mp4",
    names=VIEWS,
):
    """Writes recordings below `folder` as plain videos, each of which begins at another moment;
    returns `folder`.

    pads: how many frames of something else each video begins with. layout: the folder of a clip.
    boxes, offsets: whether to write them. names: of the files, by view.
    """
    for recording in recordings:
        clip = folder / layout.format(subject=recording.subject, action=recording.action)
        for v, (view, name) in enumerate(zip(VIEWS, names)):
            pad = pads.get(view, 0)
            before = recording.frames[::-1][:pad, v]  # the end of the clip, backwards
            write_video(clip / f"{name}{ending}", np.concatenate([before, recording.frames[:, v]]))
            if boxes:
                x1, y1, x2, y2 = boxes_of(recording.masks[:, v]).T
                rows = np.stack([np.arange(len(x1)) + pad, x1, y1, x2 - x1, y2 - y1], 1)
                header = ("frame", "x", "y", "width", "height")
                write_csv(clip / f"{name}.csv", rows.astype(int), header)
        if offsets:
            rows = [(name, pads.get(view, 0) / FPS) for view, name in zip(VIEWS, names)]
            write_csv(clip / "offsets.csv", rows, ("view", "seconds"))
    return folder
