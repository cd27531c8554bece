"""The demo of Pose2Sim: dots filmed by made-up cameras lie where the store's calibration says; and
the real films, where they are.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from toy import REST, turned

for needed in ("av", "ezc3d"):
    pytest.importorskip(needed)

from data_scripts import pose2sim
from data_scripts.imitations.demo import camera_at, write_pose2sim
from data_scripts.pose2sim import convert, main, read_calibration
from mcss.data import open_store
from mcss.skeleton import BONES, JOINTS

PLACES = {
    "cam01": (1400, -3900, 1900),
    "cam02": (3500, 700, 1700),
    "cam03": (-3200, 2200, 2100),
    "cam04": (-3000, -1400, 700),
}
CAMERAS = {name: camera_at(place) for name, place in PLACES.items()}
FRAMES = 30


def walk():
    """Somebody who turns and goes a little way, `(T, 17, 3)` mm."""
    return np.stack([turned(REST, 0.1 * k) + (12 * k, -8 * k, 0) for k in range(FRAMES)])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A folder with the films of `walk` and its poses in a file."""
    folder = write_pose2sim(tmp_path_factory.mktemp("demo"), walk(), CAMERAS)
    poses = {"origin": "made up", "poses": walk().round(1).tolist()}
    (folder / "poses.json").write_text(json.dumps(poses))
    return folder


def converted(folder, store, **options):
    options = {"image_size": 128, "fps": 10, "progress": False} | options
    return convert(folder, store, poses=folder / "poses.json", **options)


def test_joints_lie_on_their_dots(demo, tmp_path):
    report = converted(demo, tmp_path / "store")
    store = open_store(report.path)
    assert store.view_names == list(CAMERAS) and store.length("Man") == 5 and store.fps == 10
    assert store.present("Man").all() and report.notes == []
    assert np.allclose(store.poses("Man").numpy(), walk()[::6], atol=0.1)
    for v in range(4):
        places = store.calibration.project(store.poses("Man"), "Man", np.arange(5), v).numpy()
        images = store.images("Man", np.arange(5), v).float().mean(1).numpy()
        for image, dots in zip(images, places):
            on = [image[int(y), int(x)] for x, y in dots]
            assert min(on) > 120 and image.mean() < 90  # on dots, and most of it is none
    other = np.roll(walk()[::6], 1, 0)  # a wrong frame would be seen
    places = store.calibration.project(other, "Man", np.arange(5), 0).numpy()
    image = store.images("Man", [3], 0)[0].float().mean(0).numpy()
    assert min(image[int(y), int(x)] for x, y in places[3].clip(0, 127)) < 90


def test_cameras_are_those_that_were_written(demo):
    cameras = read_calibration(demo / "Demo_SinglePerson/calibration/Calib.qca.txt")
    for name, (K, R, t) in CAMERAS.items():
        found = cameras[name]
        assert np.allclose(found["K"], K) and np.allclose(found["R"], R)
        assert np.allclose(found["t"], t) and found["size"] == [272, 480]
        assert np.linalg.det(found["R"]) == pytest.approx(1)


def test_a_missing_film_is_named(demo, tmp_path):
    films = demo / "Demo_SinglePerson/videos"
    (films / "cam03.mp4").rename(demo / "away.mp4")
    try:
        report = converted(demo / "Demo_SinglePerson/..", tmp_path / "store")
    finally:
        (demo / "away.mp4").rename(films / "cam03.mp4")
    assert "Man/balancing: view cam03 is missing: there is no " in str(report)
    assert open_store(report.path).present("Man").any(0).tolist() == [True, True, False, True]


def test_what_is_refused(demo, tmp_path, capsys):
    assert main([str(tmp_path), str(tmp_path / "store")]) == 1
    error = capsys.readouterr().err
    assert "is not the demo" in error and "pip download pose2sim --no-deps" in error
    with pytest.raises(ValueError, match="fps must divide 60, as 6, 10 and 30 do, not 7"):
        converted(demo, tmp_path / "store", fps=7)
    for text in ("<calibration>", "<calibration></calibration>", "<a><camera serial='x'/></a>"):
        (tmp_path / "c.txt").write_text(text)
        with pytest.raises(ValueError, match=r"c\.txt .*get it again"):
            read_calibration(tmp_path / "c.txt")


def test_the_shipped_poses_are_a_mans():
    """100 instants of somebody of one size, who stands on the ground and moves without leaps."""
    content = json.loads(pose2sim.POSES.read_text(encoding="utf-8"))
    poses = np.array(content["poses"], float)
    assert poses.shape == (100, len(JOINTS), 3) and np.isfinite(poses).all()
    assert "mediapipe" in content["origin"] and content["reprojection"]
    lengths = np.stack([np.linalg.norm(poses[:, b] - poses[:, a], axis=-1) for a, b in BONES], 1)
    thighs = lengths[:, [BONES.index(pair) for pair in ((1, 2), (4, 5))]]
    assert (abs(thighs - np.median(thighs)) < 0.2 * np.median(thighs)).mean() > 0.95
    assert 350 < np.median(thighs) < 520
    assert abs(np.diff(poses, axis=0)).max() < 200  # mm in a 60th of a second
    assert (poses[:, 10, 2] > poses[:, 0, 2] + 400).all() and abs(poses[..., 2].min()) < 150


REAL = os.environ.get("MCSS_POSE2SIM")


@pytest.mark.skipif(not REAL, reason="MCSS_POSE2SIM names no folder of the real demo")
def test_the_real_films(tmp_path):
    report = convert(Path(REAL), tmp_path / "store", image_size=128, fps=10, progress=False)
    store = open_store(report.path)
    assert store.length("Man") == 17 and store.present("Man").all() and report.notes == []
