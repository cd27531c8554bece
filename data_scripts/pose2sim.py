"""The demo films of the package Pose2Sim (BSD-3) into a store: a real man who balances, four
calibrated cameras, 100 frames.

  pip download pose2sim --no-deps && unzip -q pose2sim-*.whl 'Pose2Sim/Demo_SinglePerson/*'
  python -m data_scripts.pose2sim Pose2Sim STORE

The films hold no poses. Those of `pose2sim_poses.json` beside this file were triangulated from what
a detector found in them (the file says how, and how well they fit). They are good to a few
centimetres: they tell a good network from a bad one, not two good ones apart.
"""

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from mcss.store.calibration import project

from .common.conversion import Job, Recording, View, command, convert_jobs, subject_splits
from .common.crops import box_of_points
from .common.video_reader import timing

DEMO = "Demo_SinglePerson"
POSES = Path(__file__).with_name("pose2sim_poses.json")
RATE = 60
MARGIN = 1.4  # of crops round the joints, which lack the flesh round them
FINE = 64  # Qualisys counts this many steps a pixel
#: From Qualisys' camera (y up, looking along -z) to ours (y down, looking along z).
AHEAD = np.diag([1.0, -1.0, -1.0])


def convert(source, store, *, image_size=256, fps=10, poses=POSES, workers=None, progress=True):
    """Converts the demo at `source` into a store at `store` and returns a `report.Report`.

    source: the folder that holds Demo_SinglePerson, or this one. image_size: pixels of the square
    pictures. fps: stored frames a second; 60 must be a multiple of it. poses: a file as
    `pose2sim_poses.json`. workers: threads; all cores if None. Raises `ValueError` or
    `FileNotFoundError` if there is nothing to convert; a film that is missing is left out and named
    in the report.
    """
    source, fps = Path(source), float(fps)
    if not fps > 0 or RATE / fps % 1:
        raise ValueError(f"fps must divide {RATE}, as 6, 10 and 30 do, not {fps}")
    folder = source / DEMO if (source / DEMO).is_dir() else source
    table = folder / "calibration/Calib.qca.txt"
    if not table.is_file():
        raise FileNotFoundError(
            f"{source} is not the demo: {table} is missing. Get it with pip download pose2sim"
            " --no-deps, unzip the wheel, and give its folder Pose2Sim"
        )
    cameras = read_calibration(table)
    truth = json.loads(Path(poses).read_text(encoding="utf-8"))
    joints = np.array(truth["poses"], np.float32).reshape(-1, 17, 3)
    wanted = np.arange(0, len(joints), int(RATE / fps))
    films = {name: folder / f"videos/{name}.mp4" for name in cameras}

    def read(notes):
        views = {}
        for name, film in films.items():
            if not film.is_file():
                notes.append(f"view {name} is missing: there is no {film}")
                views[name] = None
                continue
            boxes = box_of_points(project(joints[wanted], cameras[name]))
            times = timing(film).nearest(wanted / RATE)
            views[name] = View(film, boxes.__getitem__, times, MARGIN, by_position=True)
        return Recording(joints[wanted], views, Path(poses))

    inputs = (table, Path(poses), *films.values())
    return convert_jobs(
        [Job("Man", "balancing", "balancing", read, inputs)],
        store,
        nothing="",
        splits=lambda parts: subject_splits(parts, test=["Man"]),
        cameras={"Man": cameras},
        image_size=image_size,
        views=list(cameras),
        workers=workers,
        progress=progress,
        name="Pose2Sim demo",
        licence="BSD-3-Clause, David Pagnon and contributors; please cite Pagnon et al., JOSS 2022",
        source=f"the package Pose2Sim, {DEMO}; poses: {truth['origin']}",
        fps=fps,
        recipe={"converter": "pose2sim", "fps": fps},
    )


def read_calibration(path):
    """`{camera: calibration}` of a file of Qualisys (.qca.txt), as stores keep it, for a world in
    mm, Z up. Raises `ValueError` if it cannot be read.
    """
    try:
        cameras = {c.get("serial"): _camera(c) for c in ET.parse(path).getroot().iter("camera")}
    except (ET.ParseError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read as a calibration of Qualisys ({error}): get it again"
        ) from None
    if not cameras:
        raise ValueError(f"{path} holds no camera: get it again")
    return dict(sorted(cameras.items()))


def _camera(element):
    def numbers(tag, *names):
        return np.array([float(element.find(tag).get(name)) for name in names])

    left, top, right, bottom = numbers("fov_video", "left", "top", "right", "bottom")
    focal = numbers("intrinsic", "focalLengthU", "focalLengthV") / FINE
    centre = numbers("intrinsic", "centerPointU", "centerPointV") / FINE - (left, top)
    bent = numbers(
        "intrinsic",
        *("radialDistortion1", "radialDistortion2"),
        *("tangentalDistortion1", "tangentalDistortion2", "radialDistortion3"),
    )
    rows = numbers("transform", *(f"r{i}{j}" for i in (1, 2, 3) for j in (1, 2, 3)))
    R = AHEAD @ rows.reshape(3, 3)
    return {
        "K": [[focal[0], 0.0, centre[0]], [0.0, focal[1], centre[1]], [0.0, 0.0, 1.0]],
        "R": R.tolist(),
        "t": (-R @ numbers("transform", "x", "y", "z")).tolist(),
        "distortion": bent.tolist(),
        "size": [int(right - left) + 1, int(bottom - top) + 1],
    }


main = command(
    convert,
    "pose2sim",
    (("--fps", dict(type=float, default=10, help="stored frames a second (10)")),),
)

if __name__ == "__main__":
    sys.exit(main())
