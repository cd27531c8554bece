"""Rendered recordings in two official formats, ASPset-510 and plain videos, written by the formats'
own libraries.

Nothing here knows the converters; the conventions are taken from the data sets' own descriptions.
With them go the checks that look at what a converter made of it, and a small web server to download
archives from.
"""

import csv
import hashlib
import http.server
import json
import subprocess
import sys
import tarfile
import threading
import time
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import ezc3d
import numpy as np
import torch

from data_scripts.imitations.scenes import film
from mcss.skeleton import JOINTS

FPS = 50
VIEWS = ("left", "mid", "right")  # three of the scene's cameras, in its order
#: (subject, action) of the film -> row of splits.csv. One subject is divided between train and val.
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
#: What ASPset calls the joints whose names differ from Human3.6M's.
RENAMED = {"head_top": "head", "head": "neck", "neck": "thorax"}
ORDER = [JOINTS.index(RENAMED.get(label, label.replace("_", " "))) for label in LABELS]
#: Scene (x right, y ahead, z up) -> ASPset's world (x right, y down, z ahead).
Y_DOWN = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], float)
Y_UP = np.array(
    [[1, 0, 0], [0, 0, 1], [0, -1, 0]], float
)  # not ASPset's: for a fixture that is upside down


def lab():
    """The recordings: three subjects, two actions each; rendered once, for all formats."""
    return film("lab")


def shorter(recording, count):
    """The first frames of a recording."""
    return recording._replace(
        **{name: getattr(recording, name)[:count] for name in ("joints", "frames", "masks")}
    )


def boxes_of(masks):
    """Boxes `(T, 4)` x1, y1, x2, y2 around the person in `masks` `(T, H, W)`."""
    found = []
    for mask in masks:
        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        found.append((cols[0], rows[0], cols[-1] + 1, rows[-1] + 1))
    return np.array(found, float)


def write_video(path, frames, fps=FPS, codec="libx264", times=None):
    """RGB frames `(T, H, W, 3)` as a video in whatever container the name asks for. times: when
    each is shown, ms, if not by the rate.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    options = (
        {"crf": "8", "preset": "veryfast"}
        if codec == "libx264"
        else {"crf": "8", "b": "0", "cpu-used": "8"}
    )
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
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(([header] if header else []) + [list(row) for row in rows])


def write_c3d(path, points, labels=LABELS, fps=FPS):
    """points `(T, 17, 3)` in the order of `labels`, already in ASPset's world."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [fps]
    file["parameters"]["POINT"]["LABELS"]["value"] = list(labels)
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    file["data"]["points"] = np.concatenate(
        [points, np.ones((*points.shape[:2], 1))], -1
    ).transpose(2, 1, 0)
    file.write(str(path))


def write_camera(path, K, R, t, flat=True):
    path.parent.mkdir(parents=True, exist_ok=True)
    intrinsic, extrinsic = np.eye(3, 4), np.eye(4)
    intrinsic[:, :3], extrinsic[:3, :3], extrinsic[:3, 3] = K, R, t
    lists = {"intrinsic_matrix": intrinsic, "extrinsic_matrix": extrinsic}
    path.write_text(
        json.dumps(
            {name: (matrix.ravel() if flat else matrix).tolist() for name, matrix in lists.items()}
        )
    )


def aspset_points(recording, turn=Y_DOWN, unit=1.0):
    """The joints `(T, 17, 3)` in the order of LABELS, in ASPset's world."""
    return unit * recording.joints[:, ORDER].astype(float) @ turn.T


def write_aspset(folder, recordings, rows=ROWS, turn=Y_DOWN, unit=1.0, labels=LABELS):
    """An unpacked ASPset-510. rows: what splits.csv says of each recording. turn: scene -> world;
    unit: of a mm.

    A test clip's other cameras have files too, except of the Sitting one.
    """
    for recording in recordings:
        subject, clip, split, only = rows[recording.subject, recording.action]
        part = folder / ("test" if split == "test" else "trainval")
        write_c3d(
            part / f"joints_3d/{subject}/{subject}-{clip}.c3d",
            aspset_points(recording, turn, unit),
            labels,
        )
        for v, view in enumerate(VIEWS):
            camera = recording.cameras[v]
            write_camera(
                part / f"cameras/{subject}/{subject}-{view}.json",
                camera.K,
                camera.R @ turn.T,
                unit * camera.t,
                flat=v != 1,
            )
            if only in (view, "all") or clip == "0001":
                write_video(
                    part / f"videos/{subject}/{subject}-{clip}-{view}.mkv", recording.frames[:, v]
                )
                write_csv(
                    part / f"boxes/{subject}/{subject}-{clip}-{view}.csv",
                    boxes_of(recording.masks[:, v]),
                    ("x1", "y1", "x2", "y2"),
                )
    write_csv(folder / "splits.csv", [rows[r.subject, r.action] for r in recordings])
    return folder


REAL_POINTS = [
    (-518.131775, 1121.474, 18538.8398), (-473.19989, 700.602722, 18523.4902), (-423.036896, 308.107239, 18527.5508),
    (-280.203583, 195.340317, 18424.2238), (-486.079163, 62.3998604, 18336.7559), (-391.279541, -183.917984, 18391.5391),
    (-505.070129, 1012.66479, 18736.2852), (-235.622971, 676.157654, 18690.8340), (-380.700531, 306.988159, 18674.6523),
    (-201.497665, 96.0998917, 18692.3438), (-399.593689, 57.1454849, 18776.0781), (-434.380341, -188.396454, 18766.8672),
    (-412.053192, -511.55838, 18571.8145), (-389.499725, -358.688873, 18568.6406), (-415.598541, -277.202179, 18583.1680),
    (-456.611267, 67.3956985, 18614.7578), (-472.049225, 243.091171, 18629.4688),
]  # fmt: skip
REAL_K = [[3908.201416, 0, 1907.136108], [0, 3904.395020, 1082.651855], [0, 0, 1]]
REAL_R = [
    [0.355310, -0.037651, 0.933990],
    [0.010982, 0.999288, 0.036106],
    [-0.934684, -0.002572, 0.355470],
]
REAL_T = [-16513.444863, -694.394037, 12560.579233]
REAL_ANKLE = (2021.668, 1299.421)


def write_real_frame(folder):
    """One real frame and camera, twice in a row: subject 04ac, clip 0026, right camera; a white
    disc where it sees the right ankle.
    """
    points = np.array(REAL_POINTS)
    seen = (points @ np.transpose(REAL_R) + REAL_T) @ np.transpose(REAL_K)
    box = np.concatenate(
        [(seen[:, :2] / seen[:, 2:]).min(0) - 40, (seen[:, :2] / seen[:, 2:]).max(0) + 40]
    )
    y, x = np.mgrid[:2160, :3840] + 0.5
    disc = (x - REAL_ANKLE[0]) ** 2 + (y - REAL_ANKLE[1]) ** 2 < 12**2
    write_c3d(folder / "test/joints_3d/04ac/04ac-0026.c3d", np.stack([points] * 2))
    write_camera(folder / "test/cameras/04ac/04ac-right.json", REAL_K, REAL_R, REAL_T)
    write_video(
        folder / "test/videos/04ac/04ac-0026-right.mkv",
        [np.where(disc[..., None], np.uint8(255), np.uint8(40)).repeat(3, -1)] * 2,
    )
    write_csv(folder / "test/boxes/04ac/04ac-0026-right.csv", [box] * 2, ("x1", "y1", "x2", "y2"))
    write_csv(folder / "splits.csv", [("04ac", "0026", "test", "right")])
    return folder


def pack_aspset(folder, archives):
    """The nine official archives of an unpacked ASPset-510, made in the folder `archives`: {file
    name: MD5}.
    """
    archives.mkdir(parents=True, exist_ok=True)
    parts = {
        f"{part}-{kind}": f"{part}/{kind}"
        for part in ("trainval", "test")
        for kind in ("cameras", "boxes", "joints_3d", "videos")
    }
    for name, inside in {**parts, "common-splits": "splits.csv"}.items():
        with tarfile.open(archives / f"aspset510_v1_{name}.tar.gz", "w:gz") as archive:
            archive.add(folder / inside, f"ASPset-510/{inside}")
    return {
        path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in sorted(archives.iterdir())
    }


#: Frames of something else at the start of each view's video: the view's offset.
PADS = {"left": 0, "mid": 3, "right": 7}


def write_videos(
    folder,
    recordings,
    pads=PADS,
    place="{subject}/{action}",
    boxes=True,
    offsets=True,
    ending=".mp4",
    names=VIEWS,
):
    """Plain videos by subject, clip and view, each beginning at another moment, with offsets.csv
    and boxes.
    """
    for recording in recordings:
        clip = folder / place.format(subject=recording.subject, action=recording.action)
        for v, (view, name) in enumerate(zip(VIEWS, names)):
            pad = pads.get(view, 0)
            before = recording.frames[::-1][
                :pad, v
            ]  # the end of the clip, in front of its beginning
            write_video(clip / f"{name}{ending}", np.concatenate([before, recording.frames[:, v]]))
            if boxes:
                x1, y1, x2, y2 = boxes_of(recording.masks[:, v]).T
                rows = np.stack([np.arange(len(x1)) + pad, x1, y1, x2 - x1, y2 - y1], 1)
                write_csv(
                    clip / f"{name}.csv", rows.astype(int), ("frame", "x", "y", "width", "height")
                )
        if offsets:
            write_csv(
                clip / "offsets.csv",
                [(name, pads.get(view, 0) / FPS) for view, name in zip(VIEWS, names)],
                ("view", "seconds"),
            )
    return folder


# Damage


def cut(path, share=0.6):
    """Cuts the end of a file off."""
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def hole(path):
    """Overwrites 3000 bytes in the middle of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff" * 3000 + data[len(data) // 2 + 3000 :])


def empty(path):
    path.write_bytes(b"")


def without_key(path):
    path.write_text(
        json.dumps(
            {
                key: value
                for key, value in json.loads(path.read_text()).items()
                if key != "extrinsic_matrix"
            }
        )
    )


def nan_matrix(path):
    path.write_text(path.read_text().replace("1.0]", "NaN]", 1))


def zero_box(path):
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:6], "50.0,60.0,50.0,60.0", *lines[7:]]) + "\n")


def rewritten(name):
    """A damage that writes a C3D file with its joints or labels changed."""

    def damage(path, recording):
        points, labels = aspset_points(recording), list(LABELS)
        if name == "nan joint":
            points[5, 3] = np.nan
        elif name == "odd label":
            labels[3] = "right_antenna"
        elif name == "ends early":
            points = points[:8]
        write_c3d(path, points, labels)

    damage.__name__ = name
    return damage


# What a converted store is compared with


def cropped(frames, crop, size):
    """Frames `(n, H, W, 3)` cut to the square `crop` (x0, y0, side) and resized: `(n, size, size,
    3)`, NaN outside the frame.
    """
    images = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    height, width = images.shape[2:]
    fine = (torch.arange(3 * size) + 0.5) * float(crop[2]) / (3 * size)
    x, y = (fine + float(crop[0])) / width, (fine + float(crop[1])) / height
    grid = torch.stack(torch.meshgrid(2 * x - 1, 2 * y - 1, indexing="xy"), -1).expand(
        len(images), -1, -1, -1
    )
    found = torch.nn.functional.grid_sample(
        images, grid, padding_mode="border", align_corners=False
    )
    outside = (grid.abs() > 1).any(-1)[:, None]
    return torch.nn.functional.avg_pool2d(found.masked_fill(outside, torch.nan), 3).permute(
        0, 2, 3, 1
    )


def wrong_images(store, subject, start, recording, step=1, every=5, most=6.0):
    """Stored images that are not the film's own frame, i * step for stored frame start + i: a list
    of what is wrong.

    Each is compared with its own frame, cut as its crop says, and with that frame's neighbours in
    time and other views: it must be near the own one, and on the way to another by less than half.
    Too like each other to tell are left out.
    """
    wrong, crops, present, film = [], store.crops(subject), store.present(subject), recording.frames
    for i in range(0, (len(film) - 1) // step + 1, every):
        for view in np.flatnonzero(present[start + i]):
            t = i * step
            others = [(s, view) for s in (t - 1, t + 1) if 0 <= s < len(film)] + [
                (t, v) for v in range(3) if v != view
            ]
            image = store.images(subject, [start + i], [view])[0].permute(1, 2, 0).float()
            own, *rest = cropped(
                np.stack([film[t, view]] + [film[s, v] for s, v in others]),
                crops[start + i, view],
                len(image),
            )
            error = (image - own).abs().nanmean().item()
            shares = [
                ((image - own) * (one - own)).nansum() / ((one - own) ** 2).nansum()
                for one in rest
                if (one - own).abs().nanmean() > 0.5
            ]
            if not error < most or not len(shares) >= 2 or not max(shares) < 0.5:
                wrong.append(
                    f"frame {start + i}, view {view}: error {error:.2f}, shares"
                    f" {np.round(shares, 2)}"
                )
    return wrong


def shifted_images(store, subject, start, recording, every=8):
    """(frame, view) of stored images that the film's frame fits better when the crop is moved by a
    pixel of the video.
    """
    found = []
    for t in range(0, len(recording.frames), every):
        for view in np.flatnonzero(store.present(subject)[start + t]):
            image = store.images(subject, [start + t], [view])[0].permute(1, 2, 0).float()
            moves = np.array([(0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)])
            crops = store.crops(subject)[start + t, view] + moves
            errors = [
                (cropped(recording.frames[t, view][None], crop, len(image))[0] - image)
                .abs()
                .nanmean()
                .item()
                for crop in crops
            ]
            if np.argmin(errors):
                found.append((start + t, int(view)))
    return found


def stray_crops(store, subject, start, recording, step=1):
    """(frame, view) of stored crops that do not hold the person's box, or are more than twice as
    large.
    """
    found = []
    for view in range(3):
        for i, (x1, y1, x2, y2) in enumerate(boxes_of(recording.masks[::step, view])):
            x, y, side = store.crops(subject)[start + i, view]
            holds = x <= x1 + 1 and y <= y1 + 1 and x2 <= x + side + 1 and y2 <= y + side + 1
            if store.present(subject)[start + i, view] and not (
                holds and side <= 2 * max(x2 - x1, y2 - y1)
            ):
                found.append((start + i, view))
    return found


def share_on_person(store, subject, start, recording, step=1, reach=2):
    """Share of stored joints that the stored calibration projects onto the film's person, within
    `reach` pixels of the frame.
    """
    clip = range(start, start + (len(recording.masks) - 1) // step + 1)
    near = (
        torch.nn.functional.max_pool2d(
            torch.from_numpy(recording.masks[::step]).float(), 2 * reach + 1, 1, reach
        ).numpy()
        > 0
    )
    found = []
    for view in np.flatnonzero(store.present(subject)[clip.start : clip.stop].any(0)):
        pixels = store.calibration.project(
            store.poses(subject)[clip.start : clip.stop], subject, list(clip), view
        ).numpy()
        crop = store.crops(subject)[clip.start : clip.stop, view, None].astype(float)
        col, row = (
            np.floor(crop[..., :2] + pixels * crop[..., 2:] / store.image_size)
            .astype(int)
            .transpose(2, 0, 1)
        )
        inside = (0 <= col) & (col < near.shape[-1]) & (0 <= row) & (row < near.shape[-2])
        t = np.broadcast_to(np.arange(len(clip))[:, None], col.shape)
        found.append(
            inside & near[t, view, row.clip(0, near.shape[-2] - 1), col.clip(0, near.shape[-1] - 1)]
        )
    return np.mean(found)


def faults(poses):
    """What is wrong with the people in `poses` `(T, 17, 3)`, by anatomy alone: of 'up', 'left',
    'unit'.
    """
    joint = {name: np.asarray(poses, float)[:, k] for k, name in enumerate(JOINTS)}
    bent = sum(
        joint[f"{side} knee"] - (joint[f"{side} hip"] + joint[f"{side} ankle"]) / 2
        for side in ("left", "right")
    )
    above = joint["head"] - joint["pelvis"]
    across = joint["left hip"] - joint["right hip"]
    standing = joint["head"] - (joint["left ankle"] + joint["right ankle"]) / 2
    thigh = np.linalg.norm(joint["left knee"] - joint["left hip"], axis=-1)
    checks = {
        "up": np.mean(standing[:, 2] / np.linalg.norm(standing, axis=-1)) > 0.7,
        "left": (
            np.mean((np.cross(above, bent) * across).sum(-1) > 0) > 0.9
        ),  # knees bend ahead; left of ahead is left
        "unit": 250 < np.median(thigh) < 650,  # mm
    }
    return [name for name, good in checks.items() if not good]


def told(convert, *arguments, **options):
    """All that a conversion says about what it could not do, be it in its report's notes or as its
    error.
    """
    try:
        return "\n".join(convert(*arguments, progress=False, **options).notes)
    except (ValueError, FileNotFoundError) as error:
        return str(error)


def bytes_of(store, *files):
    """{file name: content} of a store's files, or of those that match."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for kind in files or ("*.arrow", "*.json")
        for path in sorted(store.rglob(kind))
    }


def check_resume(convert, source, whole, store, options):
    """Killed, a conversion goes on and gives what an uninterrupted one gave, (report, store)
    `whole`; a second run changes nothing.
    """
    call = (
        f"from {convert.__module__} import convert\nconvert({str(source)!r}, {str(store)!r},"
        f" workers=1, **{options})"
    )
    assert 0 < killed(call, store) < 6
    report = convert(source, store, **options)
    expected = bytes_of(whole[1].path)
    assert bytes_of(store) == expected and (report.frames, report.images) == (
        whole[0].frames,
        whole[0].images,
    )
    times = {path: path.stat().st_mtime_ns for path in store.rglob("*.arrow")}
    again = convert(source, store, **options)
    assert str(again) == str(report) and bytes_of(store) == expected
    assert times == {path: path.stat().st_mtime_ns for path in store.rglob("*.arrow")}


def killed(call, store):
    """Runs Python code in a process of its own, and kills it when the first clip is in the store:
    how many clips were.
    """
    process = subprocess.Popen([sys.executable, "-c", call])
    while process.poll() is None and not list(store.glob("*/*.arrow")):
        time.sleep(0.002)
    process.kill()
    process.wait()
    assert not json.loads((store / "dataset.json").read_text(encoding="utf-8"))["complete"]
    return len(list(store.glob("*/*.arrow")))


@contextmanager
def served(folder, ranges=True, cut=None, missing=()):
    """A web server for the files of `folder`: yields (its address, log), log a list of (file name,
    first byte, bytes sent).

    As archive.org does, it answers with a redirection first. ranges: whether it can send the end of
    a file alone.
    cut: the file whose first answer breaks off in the middle.
    """
    log, broken = [], []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            name = Path(self.path).name
            if self.path.startswith("/download/"):
                self.send_response(302)
                self.send_header("Location", f"/{name}")
                return self.end_headers()
            if name in missing or not (folder / name).is_file():
                log.append((name, 0, 0))
                return self.send_error(404)
            data, asked = (
                (folder / name).read_bytes(),
                (self.headers.get("Range") if ranges else None),
            )
            first = int(asked.removeprefix("bytes=").split("-")[0]) if asked else 0
            if first >= len(data):
                log.append((name, first, 0))
                return self.send_error(416)
            self.send_response(206 if asked else 200)
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - first))
            self.end_headers()
            if self.command == "HEAD":
                return
            part = data[first : len(data) // 2] if name == cut and not broken else data[first:]
            broken.extend([name] if name == cut else [])
            self.wfile.write(part)
            log.append((name, first, len(part)))

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/download", log
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
