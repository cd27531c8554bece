"""Human3.6M (human3.6m, by registration, academic use) into a store.

SOURCE holds the official archives Poses_D3_Positions_S1.tgz, Videos_S1.tgz,
Segments_mat_gt_bb_S1.tgz and so on, or the folders S1 ... that come out of them, and, for
calibration, metadata.xml of the official code. Poses are the world-frame ones; pictures are cut
round the ground-truth boxes; Protocol 2 trains on every 5th frame of S1, S5 to S8 and tests on
every 64th of S9 and S11.
"""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import cdflib
import h5py
import numpy as np
from scipy.spatial.transform import Rotation

from mcss.store.calibration import project

from .common.archives import unpack
from .common.conversion import (
    Job,
    Recording,
    View,
    command,
    convert_jobs,
    first_line,
    subject_splits,
)
from .common.crops import box_of_points

CAMERAS = ("54138969", "55011271", "58860488", "60457274")
SIZES = {
    "54138969": (1000, 1002),
    "55011271": (1000, 1000),
    "58860488": (1000, 1000),
    "60457274": (1000, 1002),
}
FPS = 50.0
TRAIN, TEST = ("S1", "S5", "S6", "S7", "S8"), ("S9", "S11")
#: Our 17 of the 32 joints, in the order of `mcss.skeleton.JOINTS`.
JOINTS = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
#: Actions that some subjects' files call otherwise.
RENAMED = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}
BROKEN_VIDEOS = {("S11", "Directions", "54138969")}
DAMAGED = {("S9", "Greeting"), ("S9", "SittingDown 1"), ("S9", "Waiting 1")}
BOX_MARGIN, JOINT_MARGIN = 1.1, 1.4  # of a silhouette; of joints, which lack the flesh round them
OTHER = ("_ALL", ".")  # begin files that are no clip: all of a subject in one, and what a Mac adds
ARCHIVES = ("Poses_D3_Positions_", "Videos_", "Segments_mat_gt_bb_")
LICENCE = (
    "Human3.6M licence: academic use by registered users only; nothing of it may be passed on, this"
    " store neither"
)


def convert(
    source, store, *, image_size=256, train_step=5, test_step=64, workers=None, progress=True
):
    """Converts Human3.6M at `source` into a store at `store` and returns a `report.Report`.

    train_step, test_step: every how many-th frame is stored; Protocol 2's are 5 and 64. Raises
    `ValueError` or `FileNotFoundError` if there is nothing to convert; what is bad in part is left
    out and named in the report.
    """
    source, notes = Path(source), []
    if min(train_step, test_step) < 1:
        raise ValueError(
            f"train_step and test_step must be at least 1, not {train_step} and {test_step}"
        )
    if not source.is_dir():
        raise FileNotFoundError(
            f"{source} is no folder: give the folder that holds Human3.6M's archives, or S1,"
            " S5, ..."
        )
    for archive in sorted([*source.glob("*.tgz"), *source.glob("*.tar.gz")]):
        if archive.name.startswith(ARCHIVES):
            try:
                unpack(archive, source, _wanted)
            except (ValueError, OSError) as error:
                notes.append(str(error))
    cameras = _cameras(source, notes)
    jobs = _jobs(source, cameras, train_step, test_step, notes)
    return convert_jobs(
        jobs,
        store,
        nothing=(
            f"{source} holds nothing of Human3.6M with both poses and videos: it should have the"
            " archives Poses_D3_Positions_S1.tgz, Videos_S1.tgz and Segments_mat_gt_bb_S1.tgz (and"
            " so on), or S1/MyPoseFeatures/D3_Positions, S1/Videos and"
            " S1/MySegmentsMat/ground_truth_bb"
        ),
        splits=lambda parts: subject_splits(parts, train=TRAIN, test=TEST),
        cameras=cameras
        and {s: c for s, c in cameras.items() if s in {job.subject for job in jobs}},
        notes=notes,
        image_size=image_size,
        views=CAMERAS,
        workers=workers,
        progress=progress,
        name="Human3.6M",
        licence=LICENCE,
        source="http://vision.imar.ro/human3.6m, Ionescu, Papava, Olaru, Sminchisescu, PAMI 2014",
        fps=FPS / train_step,
        recipe={"converter": "human36m", "train_step": train_step, "test_step": test_step},
    )


def _wanted(name):
    """The path that a member of an official archive gets, or None: `S1/...` without what some
    archives put before.
    """
    found = re.search(
        r"(?:^|/)(S\d+/(?:MyPoseFeatures/D3_Positions/[^/.][^/]*\.cdf|Videos/[^/.][^/]*\.mp4|MySegmentsMat/ground_truth_bb/[^/.][^/]*\.mat))$",
        name,
    )
    return found and found[1]


def _jobs(source, cameras, train_step, test_step, notes):
    jobs = []
    for folder in sorted(
        path
        for path in source.iterdir()
        if (path / "MyPoseFeatures").is_dir() or (path / "Videos").is_dir()
    ):
        if folder.name not in TRAIN + TEST:
            notes.append(
                f"{folder} is left out: Protocol 2 has no subject '{folder.name}', only"
                f" {', '.join(TRAIN + TEST)}; rename the folder if it is one of them"
            )
    for subject in TRAIN + TEST:
        folder = source / subject
        poses = {
            p.stem: p
            for p in sorted((folder / "MyPoseFeatures" / "D3_Positions").glob("*.cdf"))
            if not p.name.startswith(OTHER)
        }
        videos = {
            p.stem: p
            for p in sorted((folder / "Videos").glob("*.mp4"))
            if not p.name.startswith(OTHER)
        }
        notes += [
            f"{path} is left out: it has no poses {name}.cdf"
            for key, path in videos.items()
            if (name := key.rsplit(".", 1)[0]) not in poses
        ]
        for name, path in poses.items():
            there = {
                camera: videos[key] for camera in CAMERAS if (key := f"{name}.{camera}") in videos
            }
            if not there:
                notes.append(
                    f"{path} is left out: none of its videos {name}.<camera>.mp4 is in"
                    f" {folder / 'Videos'}"
                )
                continue
            action = re.sub(r" \d+$", "", name)
            step = train_step if subject in TRAIN else test_step
            jobs.append(
                Job(
                    subject,
                    name,
                    RENAMED.get(action, action),
                    _reader(folder, name, path, there, step, (cameras or {}).get(subject)),
                    (
                        path,
                        *(folder / "Videos" / f"{name}.{c}.mp4" for c in CAMERAS),
                        *(
                            folder / "MySegmentsMat" / "ground_truth_bb" / f"{name}.{c}.mat"
                            for c in CAMERAS
                        ),
                    ),
                )
            )
    return jobs


def _reader(folder, name, path, videos, step, cameras):
    def read(said):
        action = re.sub(r" \d+$", "", name)
        if action in RENAMED:
            said.append(f"its action is called {RENAMED[action]} here, as with the other subjects")
        if (folder.name, name) in DAMAGED:
            said.append(
                "known defect: others found its world poses shifted against the pictures; poses"
                " relative to the pelvis are not touched by that"
            )
        poses = read_poses(path)
        frames = np.arange(0, len(poses), step)
        length, poses, views = len(poses), poses[frames], {}
        for camera in CAMERAS:
            video = folder / "Videos" / f"{name}.{camera}.mp4"
            if camera not in videos:
                said.append(f"view {camera} is missing: there is no {video}")
                views[camera] = None
                continue
            if (folder.name, name, camera) in BROKEN_VIDEOS:
                said.append(f"view {camera}: {video.name} is a known broken video")
                views[camera] = None
                continue
            try:
                masks = folder / "MySegmentsMat" / "ground_truth_bb" / f"{video.stem}.mat"
                (boxes, size), margin = mask_boxes(masks, frames), BOX_MARGIN
            except (ValueError, OSError) as error:
                if not cameras:
                    said.append(f"view {camera}: {error}")
                    views[camera] = None
                    continue
                said.append(
                    f"view {camera}: {error}. Boxes are made from the joints and metadata.xml"
                    " instead"
                )
                boxes, margin, size = (
                    box_of_points(project(poses.astype(float), cameras[camera])).__getitem__,
                    JOINT_MARGIN,
                    None,
                )
            views[camera] = View(
                video, boxes, frames, margin, length=length, boxes_of=masks, size=size, rate=FPS
            )
        return Recording(poses, views, path)

    return read


def read_poses(path):
    """The world poses of a CDF file: `(T, 17, 3)` mm, Z up. Raises `ValueError` if it is no such
    file.
    """
    try:
        values = np.asarray(cdflib.CDF(path).varget("Pose"), np.float32)
        if values.shape[-1] != 96 or not values.size:
            raise ValueError(f"its shape is {values.shape}")
        return values.reshape(-1, 32, 3)[:, JOINTS]
    except Exception as error:  # cdflib raises whatever the broken bytes lead to
        raise ValueError(
            f"{path} is no CDF file with 32 joints a frame in 'Pose' ({first_line(error)}): get it"
            " again"
        ) from None


def mask_boxes(path, frames):
    """A function from k to the box x0, y0, x1, y1 of the mask of frame `frames[k]`, None without
    one; and the masks' width and height.

    The file is MATLAB 7.3, so HDF5.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing")
    try:
        file = h5py.File(path, "r")
        references = file["Masks"][()].ravel()
        width, height = file[references[0]].shape
    except Exception as error:
        raise ValueError(
            f"{path} holds no masks that can be read ({first_line(error)}): get it again"
        ) from None

    def box(k):
        if frames[k] >= len(references):
            return None
        try:
            mask = np.asarray(file[references[frames[k]]])  # stored width by height
            x, y = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        except Exception:  # damaged in the middle: this frame has no box
            return None
        return (x[0], y[0], x[-1] + 1, y[-1] + 1) if len(x) and len(y) else None

    return box, (width, height)


def _cameras(source, notes):
    """`{subject: {camera: calibration}}` of metadata.xml, or None, with a note."""
    found = sorted(source.rglob("metadata.xml"), key=lambda path: len(path.parts))
    if not found:
        notes.append(
            f"no calibration: there is no metadata.xml in {source}; it comes with the official"
            " code, and nothing but projecting needs it"
        )
        return None
    try:
        numbers = ElementTree.parse(found[0]).getroot().find("w0").text.strip().strip("[]").split()
        w0 = np.array([float(number) for number in numbers])
        if len(w0) < 300:
            raise ValueError(f"<w0> has {len(w0)} numbers, not 300")
        if not np.isfinite(w0).all():
            raise ValueError("<w0> holds something that is no number")
    except (ElementTree.ParseError, AttributeError, ValueError, OSError) as error:
        notes.append(f"no calibration: {found[0]} cannot be read ({error}); get it again")
        return None
    return {
        f"S{s + 1}": {
            name: _camera(w0[6 * (c * 11 + s) :][:6], w0[264 + 9 * c :][:9], SIZES[name])
            for c, name in enumerate(CAMERAS)
        }
        for s in range(11)
    }


def _camera(outside, inside, size):
    """Three angles and the place, then f, c, radial k1 k2 k3, tangential p1 p2: x_camera = R (x -
    T).

    The official code leaves out a factor of two in parts of the tangential distortion: a quarter of
    a pixel at the edge.
    """
    R, place = Rotation.from_euler("XYZ", outside[:3]).as_matrix(), outside[3:]
    (fx, fy, cx, cy), (k1, k2, k3), (p1, p2) = inside[:4], inside[4:7], inside[7:]
    return {
        "K": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]],
        "R": R.tolist(),
        "t": (-R @ place).tolist(),
        "distortion": [k1, k2, p1, p2, k3],
        "size": list(size),
    }


main = command(
    convert,
    "human36m",
    (
        (
            "--train-step",
            {
                "type": int,
                "default": 5,
                "help": "store every n-th frame of the training subjects (5)",
            },
        ),
        (
            "--test-step",
            {
                "type": int,
                "default": 64,
                "help": "store every n-th frame of the test subjects (64)",
            },
        ),
    ),
)

if __name__ == "__main__":
    sys.exit(main())
