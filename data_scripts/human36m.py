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
from typing import NamedTuple
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

#: Each camera's name, and the width and height of its pictures.
SIZES = {"54138969": (1000, 1002), "55011271": (1000, 1000), "58860488": (1000, 1000),
         "60457274": (1000, 1002)}  # fmt: skip
CAMERAS = tuple(SIZES)
FPS = 50.0
TRAIN, TEST = ("S1", "S5", "S6", "S7", "S8"), ("S9", "S11")
#: Our 17 of the 32 joints, in the order of `mcss.skeleton.JOINTS`.
JOINTS = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
#: Actions that some subjects' files call otherwise.
RENAMED = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}
BROKEN_VIDEOS = {("S11", "Directions", "54138969")}
#: Clips whose world poses are known to be shifted against the pictures.
SHIFTED = {("S9", "Greeting"), ("S9", "SittingDown 1"), ("S9", "Waiting 1")}
#: Of crops round a silhouette, and round joints, which lack the flesh round them.
BOX_MARGIN, JOINT_MARGIN = 1.1, 1.4
#: Files whose names begin so are no clip: all clips of a subject in one, and what macOS adds.
OTHER = ("_ALL", ".")
ARCHIVES = ("Poses_D3_Positions_", "Videos_", "Segments_mat_gt_bb_")
LICENCE = (
    "Human3.6M licence: academic use by registered users only; nothing of it may be passed on, this"
    " store neither"
)


def convert(
    source, store, *, image_size=256, train_step=5, test_step=64, workers=None, progress=True
):
    """Converts Human3.6M at `source` into a store at `store` and returns a `report.Report`.

    image_size: pixels of the square pictures. train_step, test_step: every how many-th frame of a
    training and of a test subject is stored; Protocol 2's are 5 and 64. workers: threads; all cores
    if None. Raises `ValueError` or `FileNotFoundError` if there is nothing to convert; what is bad
    in part is left out and named in the report.
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
        cameras={s: c for s, c in cameras.items() if s in {job.subject for job in jobs}},
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
    """The path at which a member of an official archive is unpacked, `S1/...` without the folders
    that some archives put before, or None.
    """
    match = re.search(
        r"(?:^|/)(S\d+/(?:MyPoseFeatures/D3_Positions/[^/.][^/]*\.cdf|Videos/[^/.][^/]*\.mp4"
        r"|MySegmentsMat/ground_truth_bb/[^/.][^/]*\.mat))$",
        name,
    )
    return match and match[1]


class _Clip(NamedTuple):
    """Where the files of a clip are or should be; videos and masks by camera."""

    subject: str
    name: str
    poses: Path
    videos: dict
    masks: dict


def _jobs(source, cameras, train_step, test_step, notes):
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
    jobs = []
    for subject in TRAIN + TEST:
        step = train_step if subject in TRAIN else test_step
        for clip in _clips(source / subject, notes):
            read = _reader(clip, step, cameras.get(subject))
            inputs = (clip.poses, *clip.videos.values(), *clip.masks.values())
            action = _action(clip.name)
            jobs.append(Job(subject, clip.name, RENAMED.get(action, action), read, inputs))
    return jobs


def _clips(folder, notes):
    """The clips of a subject's folder that have poses and at least one video."""
    clips = []
    poses = {path.stem: path for path in _files(folder / "MyPoseFeatures" / "D3_Positions", "cdf")}
    videos = _files(folder / "Videos", "mp4")
    notes += [
        f"{path} is left out: it has no poses {name}.cdf"
        for path in videos
        if (name := path.stem.rsplit(".", 1)[0]) not in poses
    ]
    for name, path in poses.items():
        clip = _Clip(
            folder.name,
            name,
            path,
            {c: folder / "Videos" / f"{name}.{c}.mp4" for c in CAMERAS},
            {c: folder / "MySegmentsMat" / "ground_truth_bb" / f"{name}.{c}.mat" for c in CAMERAS},
        )
        if any(video in videos for video in clip.videos.values()):
            clips.append(clip)
        else:
            notes.append(
                f"{path} is left out: none of its videos {name}.<camera>.mp4 is in"
                f" {folder / 'Videos'}"
            )
    return clips


def _files(folder, ending):
    return [path for path in sorted(folder.glob(f"*.{ending}")) if not path.name.startswith(OTHER)]


def _action(name):
    """The action that a clip shows, by its name, without the number of the take."""
    return re.sub(r" \d+$", "", name)


def _reader(clip, step, cameras):
    """The `read` of a clip's `Job`. cameras: the subject's calibration, or None."""

    def read(notes):
        poses, videos = _probe(clip, notes)
        frames = _align(poses, step)
        length, poses = len(poses), poses[frames]
        views = dict.fromkeys(CAMERAS)  # None: left out, and noted
        for camera, video in videos.items():
            boxes = _boxes(clip, camera, frames, poses, cameras, notes)
            if boxes:
                views[camera] = View(video, frames=frames, length=length, rate=FPS, **boxes)
        return Recording(poses, views, clip.poses)

    return read


def _probe(clip, notes):
    """The poses of a clip, as `read_poses` returns them, and `{camera: video}` of the videos that
    are there and not known to be broken.
    """
    if (action := _action(clip.name)) in RENAMED:
        notes.append(f"its action is called {RENAMED[action]} here, as with the other subjects")
    if (clip.subject, clip.name) in SHIFTED:
        notes.append(
            "known defect: others found its world poses shifted against the pictures; poses"
            " relative to the pelvis are not touched by that"
        )
    poses, videos = read_poses(clip.poses), {}
    for camera, video in clip.videos.items():
        if not video.is_file():
            notes.append(f"view {camera} is missing: there is no {video}")
        elif (clip.subject, clip.name, camera) in BROKEN_VIDEOS:
            notes.append(f"view {camera}: {video.name} is a known broken video")
        else:
            videos[camera] = video
    return poses, videos


def _align(poses, step):
    """The numbers of the stored frames, which are those of the poses and of every video: the
    official files all begin at one moment and have one rate.
    """
    return np.arange(0, len(poses), step)


def _boxes(clip, camera, frames, poses, cameras, notes):
    """Where the person is in the stored frames of a view: the arguments of `View` that say so, or
    None, with a note. poses: those of the stored frames.
    """
    masks = clip.masks[camera]
    try:
        boxes, size = mask_boxes(masks, frames)
        return {"boxes": boxes, "margin": BOX_MARGIN, "boxes_of": masks, "size": size}
    except (ValueError, OSError) as error:
        if not cameras:
            notes.append(f"view {camera}: {error}")
            return None
        notes.append(
            f"view {camera}: {error}. Boxes are made from the joints and metadata.xml instead"
        )
    boxes = box_of_points(project(poses.astype(float), cameras[camera]))
    return {"boxes": boxes.__getitem__, "margin": JOINT_MARGIN, "boxes_of": masks}


def read_poses(path):
    """The poses of a CDF file: `(T, 17, 3)` in mm, world, Z up, in the order of
    `mcss.skeleton.JOINTS`. Raises `ValueError` if it is no such file.
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
    """Boxes from a file of masks, which is MATLAB 7.3, so HDF5.

    Returns a function from k to the box (x0, y0, x1, y1) in frame `frames[k]` in pixels, None where
    the mask is empty or missing, and the masks' (width, height). Raises `ValueError` if the file
    cannot be read.
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
            mask = np.asarray(file[references[frames[k]]])  # (width, height)
            x, y = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        except Exception:  # damaged in the middle: this frame has no box
            return None
        return (x[0], y[0], x[-1] + 1, y[-1] + 1) if len(x) and len(y) else None

    return box, (width, height)


def _cameras(source, notes):
    """`{subject: {camera: calibration}}` of metadata.xml; empty, with a note, if it is missing or
    cannot be read.
    """
    path = min(source.rglob("metadata.xml"), key=lambda path: len(path.parts), default=None)
    if not path:
        notes.append(
            f"no calibration: there is no metadata.xml in {source}; it comes with the official"
            " code, and nothing but projecting needs it"
        )
        return {}
    try:
        text = ElementTree.parse(path).getroot().find("w0").text
        w0 = np.array([float(number) for number in text.strip().strip("[]").split()])
        if len(w0) < 300:
            raise ValueError(f"<w0> has {len(w0)} numbers, not 300")
        if not np.isfinite(w0).all():
            raise ValueError("<w0> holds something that is no number")
    except (ElementTree.ParseError, AttributeError, ValueError, OSError) as error:
        notes.append(f"no calibration: {path} cannot be read ({error}); get it again")
        return {}
    return {
        f"S{s + 1}": {
            name: _camera(w0[6 * (c * 11 + s) :][:6], w0[264 + 9 * c :][:9], SIZES[name])
            for c, name in enumerate(CAMERAS)
        }
        for s in range(11)
    }


def _camera(outside, inside, size):
    """A camera's calibration, as stores keep it. outside: three angles and the position T in mm, so
    that x_camera = R (x - T). inside: fx fy cx cy, radial k1 k2 k3, tangential p1 p2.

    The official code leaves out a factor of two in parts of the tangential distortion, which is not
    followed here: a quarter of a pixel at the edge.
    """
    R, position = Rotation.from_euler("XYZ", outside[:3]).as_matrix(), outside[3:]
    (fx, fy, cx, cy), (k1, k2, k3), (p1, p2) = inside[:4], inside[4:7], inside[7:]
    return {
        "K": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]],
        "R": R.tolist(),
        "t": (-R @ position).tolist(),
        "distortion": [k1, k2, p1, p2, k3],
        "size": list(size),
    }


main = command(
    convert,
    "human36m",
    (
        ("--train-step", dict(
            type=int, default=5, help="store every n-th frame of the training subjects (5)")),
        ("--test-step", dict(
            type=int, default=64, help="store every n-th frame of the test subjects (64)")),
    ),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
