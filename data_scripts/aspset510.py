"""ASPset-510 (CC0: free for everything) into a store: sports outdoors, three cameras, 17 people.

SOURCE is a folder for the official archives: what it lacks is downloaded from archive.org (about 24
GB in all), checked and unpacked there, which takes the same room again. The archives may be deleted
afterwards. The splits are the official train, val and test; most test clips show one camera only.
"""

import csv
import json
import re
import sys
from pathlib import Path

import ezc3d
import numpy as np

from .common.archives import unpack
from .common.conversion import Job, Recording, View, command, convert_jobs, first_line
from .common.downloads import download, md5_of

URL = "https://archive.org/download/aspset510"
ARCHIVES = {  # name: MD5
    "aspset510_v1_common-splits.tar.gz": "ca539550f46762741d8239ed4ac16b8e",
    "aspset510_v1_test-boxes.tar.gz": "006c7f709e3e6b5fe820a5e0aa560dd7",
    "aspset510_v1_test-cameras.tar.gz": "b93bd9d41206172361cec8ae0d3434d5",
    "aspset510_v1_test-joints_3d.tar.gz": "cc725af311f45d6b203cce05c5b94208",
    "aspset510_v1_test-videos.tar.gz": "797eca0da0ac76746a8df7beaf8d2ab6",
    "aspset510_v1_trainval-boxes.tar.gz": "9816529acd1bacf21ad527412251e21e",
    "aspset510_v1_trainval-cameras.tar.gz": "1dca82253524fa6f379616851c8e9356",
    "aspset510_v1_trainval-joints_3d.tar.gz": "f848dc688c3d8536063515fff5349b98",
    "aspset510_v1_trainval-videos.tar.gz": "917a7b4724d7fb8e1db80783466e339d",
}
CAMERAS = ("left", "mid", "right")
SPLITS = ("train", "val", "test")
SIZE = (3840, 2160)
FPS = 50
#: The labels of the C3D files, in the order of `mcss.skeleton.JOINTS`.
LABELS = ("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
          "spine", "neck", "head", "head_top", "left_shoulder", "left_elbow", "left_wrist",
          "right_shoulder", "right_elbow", "right_wrist")  # fmt: skip
#: ASPset's world has the axes of its first camera: x right, y down, z ahead.
Z_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
MARGIN = 1.1
LICENCE = "CC0 1.0: free for any use; please cite Nibali, Millward, He, Morgan, ASPset, 2021"


def convert(
    source,
    store,
    *,
    image_size=256,
    fps=10,
    download=True,
    url=URL,
    checksums=None,
    workers=None,
    progress=True,
):
    """Converts ASPset-510 at `source` into a store at `store` and returns a `report.Report`.

    image_size: pixels of the square pictures. fps: stored frames a second; 50 must be a multiple of
    it. download: whether to get what is missing from `url`. checksums: `{archive: MD5}`, the
    official ones if None. workers: threads; all cores if None. Raises `ValueError` or
    `FileNotFoundError` if there is nothing to convert or an archive cannot be had; what is bad in
    part is left out and named in the report.
    """
    source, notes = Path(source), []
    fps = float(fps)
    if not fps > 0 or FPS / fps % 1:
        raise ValueError(f"fps must divide {FPS}, as 5, 10 and 12.5 do, not {fps}")
    if download and not source.exists():
        source.mkdir(parents=True)
    if not source.is_dir():
        raise FileNotFoundError(
            f"{source} is no folder: give the folder that holds the archives, or let them be"
            " downloaded"
        )
    checksums = ARCHIVES if checksums is None else checksums
    _fetch(source, download, url.rstrip("/"), checksums, notes, progress)
    splits = min(source.rglob("splits.csv"), key=lambda path: len(path.parts), default=None)
    if splits is None:
        missing = (
            f"{source} has no splits.csv: get aspset510_v1_common-splits.tar.gz from {url} into it"
        )
        raise ValueError("\n".join([missing, *notes]))
    root, clips = splits.parent, _clips(splits, notes)
    jobs, cameras = [], {}
    for (subject, clip), (split, views) in clips.items():
        folder = root / ("test" if split == "test" else "trainval")
        job = _job(folder, subject, clip, views, fps, cameras, notes)
        jobs += [job] if job else []
    for path in sorted(root.glob("*/joints_3d/*/*.c3d")):
        if tuple(path.stem.split("-", 1)) not in clips:
            notes.append(f"{path} is left out: {splits} does not name it")
    return convert_jobs(
        jobs,
        store,
        nothing=(
            f"{source} holds nothing of ASPset-510 with both joints and videos: it should have the"
            " archives aspset510_v1_trainval-videos.tar.gz and so on, or trainval/joints_3d and"
            " trainval/videos"
        ),
        splits=lambda parts: _splits(parts, clips),
        cameras=cameras,
        notes=notes,
        image_size=image_size,
        views=CAMERAS,
        workers=workers,
        progress=progress,
        name="ASPset-510",
        licence=LICENCE,
        source=URL,
        fps=fps,
        recipe={"converter": "aspset510", "fps": fps},
    )


def _fetch(source, may_download, url, checksums, notes, progress):
    """Unpacks every archive in `source` that is not unpacked yet, after its download if need be."""
    for name, md5 in checksums.items():
        partition, field = re.fullmatch(r"aspset510_v1_(\w+)-(\w+)\.tar\.gz", name).groups()
        inside = "splits.csv" if field == "splits" else f"{partition}/{field}"
        archive = source / name
        unpacked = any(any(source.glob(f"{above}{inside}")) for above in ("", "*/"))
        marked = (source / f".{name}.unpacked").exists()
        if unpacked and (marked or not archive.exists()):  # by an earlier run, or by hand
            continue
        if not archive.exists():
            if not may_download:
                notes.append(
                    f"{archive} is missing, and nothing of it is unpacked: download it from {url}"
                )
                continue
            download(f"{url}/{name}", archive, md5, progress)
        elif md5 and md5_of(archive, progress) != md5:
            notes.append(
                f"{archive} has another MD5 than {md5}: it is damaged or another version. Delete"
                " it, and it is downloaded again"
            )
            continue
        try:
            unpack(archive, source, lambda member: _inside(member, inside))
        except ValueError as error:
            notes.append(str(error))


def _inside(member, inside):
    """The path at which a member of an official archive is unpacked: `inside` or below it, without
    ASPset-510/ before; None for other members.
    """
    path = member.removeprefix("./").removeprefix("ASPset-510/")
    return path if path == inside or path.startswith(inside + "/") else None


def _clips(path, notes):
    """`{(subject, clip): (split, cameras)}` in the order of splits.csv."""
    clips = {}
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            # no true line is this long, and csv breaks down on very long ones
            row = next(csv.reader([line[:1000]]), [])
            if len(row) != 4 or row[2] not in SPLITS or row[3] not in (*CAMERAS, "all"):
                if row:
                    notes.append(
                        f"{path}, line {number} is left out: it is not 'subject,clip,split,camera'"
                        f" with a split of {', '.join(SPLITS)} and a camera of"
                        f" {', '.join(CAMERAS)}, all"
                    )
                continue
            subject, clip, split, camera = row
            views = CAMERAS if camera == "all" else (camera,)
            if clips.setdefault((subject, clip), (split, views)) != (split, views):
                notes.append(
                    f"{path}, line {number} is left out: an earlier line says something else about"
                    f" {subject}-{clip}"
                )
    return clips


def _splits(parts, clips):
    """The splits of `convert_jobs` by clip: `_clips` says to which each one belongs."""
    splits, start = {}, {}
    for part in parts:
        subject, first = part["subject"], start.get(part["subject"], 0)
        start[subject] = first + part["frames"]
        split = clips.get((subject, part["source"]), ("not in splits.csv",))[0]
        frames = splits.setdefault(split, {}).setdefault(subject, [])
        frames.extend(range(first, start[subject]))
    return {
        name: {"subjects": list(splits[name]), "views": None, "frames": splits[name]}
        for name in SPLITS
        if name in splits
    }


def _job(folder, subject, clip, views, fps, cameras, notes):
    """The `Job` of one clip, or None, with a note; the subject's cameras go into `cameras`."""
    joints = folder / "joints_3d" / subject / f"{subject}-{clip}.c3d"
    videos, boxes = (
        {v: folder / kind / subject / f"{subject}-{clip}-{v}.{ending}" for v in views}
        for kind, ending in (("videos", "mkv"), ("boxes", "csv"))
    )
    filmed = any(video.is_file() for video in videos.values())
    if not joints.is_file() and not filmed:
        notes.append(
            f"{subject}/{clip} is left out: neither its joints nor its videos are in {folder}"
        )
        return None
    if not joints.is_file():
        notes.append(f"{subject}/{clip} is left out: it has videos, but {joints} is missing")
        return None
    if not filmed:
        notes.append(
            f"{subject}/{clip} is left out: it has joints, but none of its videos is in"
            f" {folder / 'videos' / subject}"
        )
        return None
    if subject not in cameras:
        cameras[subject] = {}
        for view in CAMERAS:
            path = folder / "cameras" / subject / f"{subject}-{view}.json"
            try:
                cameras[subject][view] = read_camera(path)
            except ValueError as error:
                if path.exists() or view in views:
                    notes.append(f"{subject}, view {view} has no calibration: {error}")
        if not cameras[subject]:
            del cameras[subject]
    read = _reader(joints, videos, boxes, fps)
    return Job(subject, clip, "unlabelled", read, (joints, *videos.values(), *boxes.values()))


def _reader(joints, videos, boxes, fps):
    """The `read` of a clip's `Job`. joints: a file. videos, boxes: files by view."""

    def read(notes):
        poses = read_joints(joints, notes)
        frames = np.arange(0, len(poses), int(FPS / fps))
        views = dict.fromkeys(CAMERAS)  # None: left out, and noted or not official
        notes += [
            f"view {view} is missing: there is no {video.name} in {video.parent}"
            for view, video in videos.items()
            if not video.is_file()
        ]
        for view, video in videos.items():
            if not video.is_file():
                continue
            file = boxes[view]
            try:
                rows = read_boxes(file)
            except ValueError as error:
                notes.append(f"view {view}: {error}")
                continue
            if len(rows) != len(poses):
                notes.append(
                    f"view {view}: {file.name} has {len(rows)} boxes, {joints.name} {len(poses)}"
                    " frames: the shorter is taken"
                )
            views[view] = View(
                video,
                lambda k, rows=rows: rows[frames[k]] if frames[k] < len(rows) else None,
                frames,
                MARGIN,
                length=len(poses),
                boxes_of=file,
                rate=FPS,
            )
        return Recording(poses[frames], views, joints)

    return read


def read_joints(path, notes):
    """The joints of a C3D file: `(T, 17, 3)` in mm, world, turned to Z up, in the order of
    `mcss.skeleton.JOINTS`; NaN where a joint is unknown. Raises `ValueError` if the file cannot be
    read or lacks a joint; `notes` gets what was changed.
    """
    try:
        content = ezc3d.c3d(str(path))
        point = content["parameters"]["POINT"]
        labels, unit = point["LABELS"]["value"], point["UNITS"]["value"]
        rate = float(point["RATE"]["value"][0])
        values = content["data"]["points"][:3].transpose(2, 1, 0)
        # ezc3d reads a file that is cut off without a word: its header says how long it was
        first, last = (int(number) for number in np.frombuffer(path.read_bytes()[6:10], "<u2"))
        if last + 1 - first > len(values):
            raise ValueError(f"it is cut off after {len(values)} of {last + 1 - first} frames")
    except Exception as error:  # ezc3d raises whatever the broken bytes lead to
        raise ValueError(
            f"{path} cannot be read as C3D ({first_line(error)}): get it again"
        ) from None
    column = {label.strip().lower().replace(" ", "_"): k for k, label in enumerate(labels)}
    missing = [label for label in LABELS if label not in column]
    if missing:
        raise ValueError(
            f"{path} has no points called {', '.join(missing)}, but {', '.join(labels)}: it is not"
            " a file of ASPset-510"
        )
    if rate != FPS:
        notes.append(f"{path.name} claims {rate:.4g} frames a second; the official {FPS} are taken")
    if unit and unit[0] == "m":
        values = values * 1000.0
        notes.append(f"{path.name} is in metres: made millimetres")
    return (values[:, [column[label] for label in LABELS]] @ Z_UP.T).astype(np.float32)


def read_boxes(path):
    """The boxes x0, y0, x1, y1 of all frames, `(T, 4)` in pixels, of a CSV file with or without a
    heading. Raises `ValueError` if it is missing or cannot be read.
    """
    if not path.is_file():
        raise ValueError(f"left out: its boxes {path} are missing; get them again")
    try:
        if not path.stat().st_size:
            raise ValueError("it is empty")
        rows = np.genfromtxt(path, delimiter=",", ndmin=2)
        rows = rows[1:] if len(rows) and np.isnan(rows[0]).all() else rows
        if rows.shape[1:] != (4,):
            raise ValueError("not four numbers a line")
    except ValueError as error:
        raise ValueError(
            f"left out: its boxes {path} cannot be read ({first_line(error)}); get them again"
        ) from None
    return rows


def read_camera(path):
    """The calibration of one camera from a JSON file, as stores keep it, for a world in mm, Z up.
    Raises `ValueError` if it is missing or cannot be read.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        inside = np.array(content["intrinsic_matrix"], float).reshape(3, 4)
        outside = np.array(content["extrinsic_matrix"], float).reshape(4, 4)
    except KeyError as error:
        raise ValueError(f"{path} has no {error}; get it again") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} cannot be read ({error}); get it again") from None
    if not (np.isfinite(inside).all() and np.isfinite(outside).all()):
        raise ValueError(f"{path} holds something that is no number; get it again")
    return {
        "K": inside[:, :3].tolist(),
        "R": (outside[:3, :3] @ Z_UP.T).tolist(),
        "t": outside[:3, 3].tolist(),
        "distortion": None,
        "size": list(SIZE),
    }


main = command(
    convert,
    "aspset510",
    (
        ("--fps", dict(type=float, default=10, help="stored frames a second (10)")),
        ("--offline", dict(
            dest="download", action="store_false", help="download nothing, take what is there")),
    ),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
