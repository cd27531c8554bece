"""MPI-INF-3DHP (non-commercial research) into a store.

SOURCE holds S1/Seq1/ and so on, as the official download script writes them: annot.mat,
camera.calibration, and imageSequence/video_0.avi ... or the zip files these come in. The world
frame is that of the calibration, turned from Y up to Z up; pictures are cut round the 2D joints. By
default the five cameras at chest height; S1 to S6 train, S7 and S8 test.
"""

import re
import sys
from pathlib import Path

import numpy as np
import scipy.io

from .common.archives import unpack
from .common.conversion import Job, Recording, View, command, convert_jobs, subject_splits
from .common.crops import box_of_points

CHEST = (0, 2, 4, 7, 8)
TRAIN, TEST = ("S1", "S2", "S3", "S4", "S5", "S6"), ("S7", "S8")
#: Our 17 of the 28 joints, in the order of `mcss.skeleton.JOINTS`.
JOINTS = (4, 23, 24, 25, 18, 19, 20, 3, 5, 6, 7, 9, 10, 11, 14, 15, 16)
Z_UP = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
#: Sequences with 50 frames a second; the others have 25.
FAST = {("S1", "Seq2"), ("S3", "Seq1"), ("S3", "Seq2"), ("S5", "Seq1"), ("S5", "Seq2")}
#: Frames, first and last, in which the annotation has left and right swapped.
SWAPPED = {("S4", "Seq2"): (3759, 5852)}
#: The order of joints that swaps left and right.
LEFT_RIGHT = (0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13)
MARGIN = 1.4  # of crops round the joints, which lack the flesh round them
LICENCE = (
    "MPI-INF-3DHP licence: non-commercial research; it must not be passed on without its authors'"
    " consent"
)


def convert(source, store, *, image_size=256, cameras=CHEST, fps=5, workers=None, progress=True):
    """Converts MPI-INF-3DHP at `source` into a store at `store` and returns a `report.Report`.

    image_size: pixels of the square pictures. cameras: which of the 14, by number. fps: stored
    frames a second; 25 and 50 must be multiples of it. workers: threads; all cores if None. Raises
    `ValueError` or `FileNotFoundError` if there is nothing to convert; what is bad in part is left
    out and named in the report.
    """
    source, notes, calibration = Path(source), [], {}
    if not source.is_dir():
        raise FileNotFoundError(
            f"{source} is no folder: give the folder that holds S1/Seq1 and so on"
        )
    fps = float(fps)
    if not cameras or not set(cameras) <= set(range(14)):
        raise ValueError(f"cameras must be some of 0 to 13, not {list(cameras)}")
    if not fps > 0 or 25 / fps % 1:
        raise ValueError(f"fps must divide 25, as 5 and 12.5 do, not {fps}")
    jobs = []
    for folder in sorted(
        path for path in source.iterdir() if path.is_dir() and not path.name.startswith(".")
    ):
        if folder.resolve() == Path(store).resolve():
            continue
        if folder.name not in TRAIN + TEST:
            notes.append(
                f"{folder} is left out: the data set has no subject '{folder.name}', only"
                f" {', '.join(TRAIN + TEST)}; rename the folder if it is one of them"
            )
            continue
        for sequence in sorted(path for path in folder.iterdir() if path.is_dir()):
            if sequence.name not in ("Seq1", "Seq2"):
                notes.append(
                    f"{sequence} is left out: a subject has Seq1 and Seq2; rename the folder if it"
                    " is one of them"
                )
                continue
            jobs += _jobs(sequence, cameras, fps, calibration, notes)
    return convert_jobs(
        jobs,
        store,
        nothing=(
            f"{source} holds nothing of MPI-INF-3DHP that can be converted: it should have"
            " S1/Seq1/annot.mat, S1/Seq1/camera.calibration and S1/Seq1/imageSequence/video_0.avi"
            " (and so on)"
        ),
        splits=lambda parts: subject_splits(parts, train=TRAIN, test=TEST),
        cameras=calibration,
        notes=notes,
        image_size=image_size,
        views=[f"camera {c}" for c in cameras],
        workers=workers,
        progress=progress,
        name="MPI-INF-3DHP",
        licence=LICENCE,
        source="https://vcai.mpi-inf.mpg.de/3dhp-dataset, Mehta et al., 3DV 2017",
        fps=fps,
        recipe={"converter": "mpi_inf_3dhp", "cameras": list(cameras), "fps": fps},
    )


def _jobs(sequence, cameras, fps, calibration, notes):
    """The `Job` of one sequence, in a list; an empty list and a note if it cannot be converted. Its
    cameras go into `calibration`.
    """
    subject, name = sequence.parent.name, sequence.name
    pictures = sequence / "imageSequence"
    for archive in sorted(pictures.glob("*.zip")):
        try:
            unpack(archive, pictures, _wanted)
        except (ValueError, OSError) as error:
            notes.append(str(error))
    files = {c: pictures / f"video_{c}.avi" for c in cameras}
    videos = {c: path for c, path in files.items() if path.is_file()}
    annotation = sequence / "annot.mat"
    if not annotation.is_file() or not videos:
        what = (
            "annot.mat"
            if not annotation.is_file()
            else f"video of the cameras {', '.join(map(str, cameras))}"
        )
        notes.append(f"{sequence} is left out: it has no {what}; download the sequence again")
        return []
    try:
        known, lost = read_calibration(sequence / "camera.calibration", cameras)
    except (ValueError, OSError) as error:
        notes.append(
            f"{sequence} is left out, for its joints are in the frames of its cameras: {error}"
        )
        return []
    calibration[f"{subject}/{name}"] = {f"camera {c}": camera for c, camera in known.items()}
    # a subject as a whole has the cameras of its first sequence
    calibration.setdefault(subject, calibration[f"{subject}/{name}"])

    def read(notes):
        rate = 50 if (subject, name) in FAST else 25
        notes += [
            f"view camera {c} is missing: there is no {path}"
            for c, path in files.items()
            if c not in videos
        ]
        notes += [f"view camera {c} is left out: {error}" for c, error in lost.items()]
        pixels, joints = read_annotation(annotation, list(known), notes)
        # every camera's joints are in its own frame, and all should agree in the world's
        worlds = np.stack([to_world(joints[c], known[c]) for c in joints])
        distances = np.linalg.norm(worlds - worlds[:1], axis=-1)
        distances = distances[np.isfinite(distances)]
        if len(distances) and np.median(distances) > 20:
            notes.append(
                f"its cameras disagree by {np.median(distances):.0f} mm about where the joints are;"
                f" those of camera {next(iter(joints))} are taken"
            )
        poses = worlds[0]
        if (subject, name) in SWAPPED:
            poses = unswap(poses, *SWAPPED[subject, name], notes)
        frames = np.arange(0, len(poses), int(rate / fps))
        views = {f"camera {c}": None for c in cameras}  # None: left out, and noted
        for c in [c for c in videos if c in known]:
            boxes = box_of_points(pixels[c][frames])
            views[f"camera {c}"] = View(
                videos[c],
                boxes.__getitem__,
                frames,
                MARGIN,
                length=len(poses),
                boxes_of=annotation,
                size=known[c]["size"],
                rate=rate,
            )
        return Recording(poses[frames].astype(np.float32), views, annotation)

    inputs = (annotation, sequence / "camera.calibration", *files.values())
    return [Job(subject, name, name, read, inputs)]


def _wanted(name):
    """The path at which a member of an official archive is unpacked, or None."""
    match = re.search(r"(?:^|/)(video_\d+\.avi)$", name)
    return match and match[1]


def read_annotation(path, cameras, notes):
    """annot2 and annot3 of an annot.mat, by camera: all 28 joints `(T, 28, 2)` in pixels, and our
    17 `(T, 17, 3)` in mm, in that camera's frame. Raises `ValueError` if the file cannot be read or
    is empty.
    """
    try:
        content = scipy.io.loadmat(path, variable_names=["annot2", "annot3"])
        pixels = {c: np.asarray(content["annot2"][c][0], float).reshape(-1, 28, 2) for c in cameras}
        joints = {
            c: np.asarray(content["annot3"][c][0], float).reshape(-1, 28, 3)[:, JOINTS]
            for c in cameras
        }
    except Exception as error:  # scipy raises whatever the broken bytes lead to
        raise ValueError(
            f"{path} cannot be read ({type(error).__name__}: {error}): get it again"
        ) from None
    lengths = [len(value) for value in (*pixels.values(), *joints.values())]
    if (length := min(lengths)) < max(lengths):
        notes.append(
            f"{path} has {length} to {max(lengths)} frames, by camera: the shortest is taken"
        )
    if not length:
        raise ValueError(f"{path} has no frames: get it again")
    return {c: v[:length] for c, v in pixels.items()}, {c: v[:length] for c, v in joints.items()}


def to_world(joints, camera):
    """Joints `(..., 3)` in mm, from a camera's frame to the world's, Z up; camera: of
    `read_calibration`.
    """
    return (joints - camera["t"]) @ np.array(camera["R"])


def read_calibration(path, cameras):
    """`{number: calibration}` of a Skeletool file's cameras, as stores keep it, for a world in mm
    with Z up; and `{number: error}` of those that cannot be read. Raises `ValueError` if that is
    so for all.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing: download it again")
    lines, name = {}, None  # by camera, then by their first word
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
        key, *values = line.split() or [""]
        if key == "name":
            name = values[0] if values else ""
            lines[name] = {}
        elif name is not None and key:
            lines[name][key] = values
    known, lost = {}, {}
    for c in cameras:
        try:
            of_camera = lines.get(str(c), {})
            inside = np.array(of_camera["intrinsic"], float).reshape(4, 4)
            outside = np.array(of_camera["extrinsic"], float).reshape(4, 4)
            size = np.array(of_camera["size"], float).reshape(2)
            if not all(np.isfinite(values).all() for values in (inside, outside, size)):
                raise ValueError("it holds something that is no number")
        except KeyError as error:
            lost[c] = f"{path}, camera {c}: there is no line {error}; download the file again"
            continue
        except ValueError as error:
            lost[c] = f"{path}, camera {c}: {error}; download the file again"
            continue
        known[c] = {
            "K": inside[:3, :3].tolist(),
            "R": (outside[:3, :3] @ Z_UP.T).tolist(),
            "t": outside[:3, 3].tolist(),
            "distortion": None,
            "size": size.astype(int).tolist(),
        }
    if not known:
        raise ValueError(next(iter(lost.values())))
    return known, lost


def unswap(poses, first, last, notes):
    """Poses `(T, 17, 3)` with left and right swapped back from frame `first` to `last`, if the
    motion then jumps less at `first`; otherwise as they are. `notes` gets which of the two.
    """
    if len(poses) <= first + 3 or first < 3:
        return poses
    before, after = poses[first - 3], poses[first + 3]
    if np.linalg.norm(after[list(LEFT_RIGHT)] - before) >= np.linalg.norm(after - before):
        notes.append(
            f"frames {first} to {last} are known to have left and right swapped, but the motion"
            " does not jump there: left as they are"
        )
        return poses
    poses = poses.copy()
    poses[first : last + 1] = poses[first : last + 1, LEFT_RIGHT]
    notes.append(
        f"left and right are swapped in frames {first} to {last}, a known defect: swapped back"
    )
    return poses


main = command(
    convert,
    "mpi_inf_3dhp",
    (
        ("--cameras", dict(
            type=int, nargs="+", default=CHEST, metavar="N",
            help="cameras, 0 to 13 (0 2 4 7 8, at chest height)")),
        ("--fps", dict(type=float, default=5, help="stored frames a second (5)")),
    ),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
