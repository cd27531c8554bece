"""CMU motion: the kinematics agree with a second reader, the studio's bodies do what was measured,
bad files are named.
"""

import re
from pathlib import Path

import numpy as np
import pytest

from data_scripts.cmu_motion import convert, main
from data_scripts.common.amc import forward, read_amc, read_asf
from data_scripts.imitations.walker import write_cmu
from data_scripts.studio.body import GROUP
from data_scripts.studio.mocap import Mocap, between
from data_scripts.studio.people import draw_subject
from data_scripts.studio.recipe import preset
from data_scripts.studio.studio import Studio
from mcss.data import open_store
from tests.data_scripts import amc_reference
from tests.data_scripts.archives import served
from tests.data_scripts.runs import check_table_1, store_bytes

CLIPS = Path(__file__).parents[3] / "shared/cmu_mocap/subjects"
REAL = sorted(CLIPS.glob("*/*.amc"))
needs_clips = pytest.mark.skipif(
    not REAL,
    reason=(
        "the real clips of CMU are not here: their kinematics and the retargeting are NOT CHECKED"
    ),
)

# Axes of every order, a bone without and with all degrees of freedom, another unit, and a
# translation order of its own.
ASF = """# made for this test
:version 1.10
:units
  length 0.9
  angle deg
:root
  order TZ TX TY RZ RY RX
  axis ZYX
  position 0 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name a
    direction 0 -1 0
    length 3
    axis 10 20 30 XYZ
    dof rx ry rz
  end
  begin
    id 2
    name b
    direction 0.6 0 0.8
    length 5
    axis -40 5 70 ZXY
    dof rz rx
  end
  begin
    id 3
    name c
    direction 1 0 0
    length 2
    axis 0 90 0 YZX
  end
:hierarchy
  begin
    root a c
    a b
  end
"""


def written(folder, frames=5, asf=ASF):
    """Writes the skeleton above and random motion of it; returns the two files."""
    rng = np.random.default_rng(3)
    lines = [":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(1, frames + 1):
        values = lambda n: " ".join(f"{v:.4f}" for v in rng.uniform(-90, 90, n))
        lines += [str(frame), f"root {values(6)}", f"a {values(3)}", f"b {values(2)}"]
    (folder / "x.asf").write_text(asf)
    (folder / "x.amc").write_text("\n".join(lines) + "\n")
    return folder / "x.asf", folder / "x.amc"


def furthest(asf, amc):
    """The largest distance in mm between our ends of bones and those of the second reader."""
    skeleton = read_asf(asf)
    _, ends = forward(skeleton, read_amc(amc, skeleton))
    other = amc_reference.joint_positions(asf, amc)
    assert set(other) == set(skeleton.names) and len(ends) == len(other["root"])
    return max(
        np.linalg.norm(other[name] - ends[:, b], axis=-1).max()
        for b, name in enumerate(skeleton.names)
    )


def test_kinematics_agree_with_a_second_reader_on_odd_axes(tmp_path):
    files = written(tmp_path)
    assert furthest(*files) < 1e-6
    skeleton = read_asf(files[0])
    _, ends = forward(skeleton, read_amc(files[1], skeleton))
    assert np.ptp(ends, 0).min() > 1  # all of it moves


def test_a_made_up_walk_becomes_a_store(tmp_path):
    """It needs no real clips: the person walks forward, the left hip on the left, the feet on the
    floor.
    """
    folder = write_cmu(tmp_path, seconds=1.0) / "subjects/90"
    assert furthest(folder / "90.asf", folder / "90_01.amc") < 1e-6
    clips = {"clips": ["90_01"], "test_clips": ["90_02"]}
    store = open_store(convert(tmp_path, tmp_path / "store", **SMALL | clips).path)
    for subject in store.subjects:
        poses = store.poses(subject).numpy()
        way, left = poses[-1, 0] - poses[0, 0], poses[0, 4] - poses[0, 0]
        assert 700 < np.linalg.norm(way[:2]) < 1300 and abs(way[2]) < 100
        product = np.linalg.norm(way[:2]) * np.linalg.norm(left[:2])
        assert way[0] * left[1] - way[1] * left[0] > 0.9 * product
        assert 40 < poses[:, [3, 6], 2].min() < 160 and poses[:, 10, 2].min() > 1200


@pytest.mark.parametrize("amc", REAL, ids=lambda path: path.stem)
def test_kinematics_agree_with_a_second_reader_on_real_clips(amc):
    assert furthest(amc.parent / f"{amc.parent.name}.asf", amc) < 1


@pytest.fixture(scope="module")
def walk():
    return Mocap(CLIPS / "02/02.asf", CLIPS / "02/02_01.amc")


@needs_clips
@pytest.mark.parametrize("amc", REAL, ids=lambda path: path.stem)
def test_climbing_and_uneven_ground_are_said(amc):
    doubts = Mocap(amc.parent / f"{amc.parent.name}.asf", amc).doubts()
    assert len(doubts) == (amc.stem in ("01_08", "03_01", "03_02"))
    assert all("uneven" in doubt for doubt in doubts)


@needs_clips
@pytest.mark.parametrize("clip, seen", [
    ("01/01_01", "falls with"), ("02/02_01", "3.6 steps"), ("02/02_02", "4.1 steps"),
    ("02/02_03", "falls with"), ("02/02_04", "falls with"),
])  # fmt: skip
def test_motion_shown_at_double_speed_is_said(clip, seen):
    """As of clips that were recorded at half the usual rate."""
    files = CLIPS / f"{clip[:2]}/{clip[:2]}.asf", CLIPS / f"{clip}.amc"
    assert Mocap(*files).doubts() == []
    (doubt,) = Mocap(*files, rate=240).doubts()
    assert seen in doubt and "--rate" in doubt


def test_a_clip_of_another_rate(tmp_path):
    """Every other frame at half the rate is the same motion; without a word it is twice as fast."""
    write_cmu(tmp_path, seconds=3.0)
    amc = tmp_path / "subjects/90/90_01.amc"
    head, *frames = re.split(r"\n(?=\d+\n)", amc.read_text())
    asf, whole = amc.with_name("90.asf"), Mocap(amc.with_name("90.asf"), amc)
    thinned = [f"{k}\n" + frame.partition("\n")[2] for k, frame in enumerate(frames[::2], 1)]
    amc.write_text("\n".join([head, *thinned]) + "\n")
    half = Mocap(asf, amc, rate=60)
    assert half.frames(10.0) == whole.frames(10.0) == 2 * Mocap(asf, amc).frames(10.0)
    assert half.doubts() == []
    clips = {"clips": ["90_01"], "test_clips": ["90_02"]}
    stores = [
        open_store(convert(tmp_path, tmp_path / str(k), **SMALL | clips, rates=rates).path)
        for k, rates in enumerate((None, {"90_01": 60}))
    ]
    fast, true = (len(range(s.length("S1"))) for s in stores)
    assert true == 2 * fast
    with pytest.raises(ValueError, match="other settings .recipe: rates"):
        convert(tmp_path, tmp_path / "0", **SMALL | clips, rates={"90": 60})
    with pytest.raises(ValueError, match="no clip or subject"):
        convert(tmp_path, tmp_path / "2", **SMALL | clips, rates={"91": 60})


@pytest.fixture(scope="module")
def body():
    return draw_subject(np.random.default_rng(1), 1)[0]


@needs_clips
def test_limbs_point_as_the_measured_ones_do(walk, body):
    _, positions = walk.on(body, 20, 10.0, yaw=0.0)
    pick, names = np.round(np.arange(20) / 10 * 120).astype(int), walk.skeleton.names
    for group, end, bone, joint in (
        ("thigh", "shin", "femur", "hipjoint"),
        ("shin", "foot", "tibia", "femur"),
        ("upperarm", "forearm", "humerus", "clavicle"),
        ("forearm", "hand", "radius", "humerus"),
    ):
        for side in "LR":
            ours = positions[:, GROUP[f"{end}.{side}"]] - positions[:, GROUP[f"{group}.{side}"]]
            tip, start = (names.index(side.lower() + name) for name in (bone, joint))
            theirs = walk.ends[pick, tip] - walk.ends[pick, start]
            lengths = np.linalg.norm(ours, axis=-1) * np.linalg.norm(theirs, axis=-1)
            cosine = (ours * theirs).sum(-1) / lengths
            degrees = 0.1 if group != "forearm" else 1
            assert cosine.min() > np.cos(np.radians(degrees)), (group, side)


@needs_clips
def test_the_body_keeps_its_own_lengths_and_walks_ahead(walk, body):
    joints = body.joints_world(*walk.on(body, 29, 10.0, yaw=0.7))
    for a, b in ((1, 2), (2, 3), (4, 5), (5, 6), (11, 12), (12, 13)):
        length = np.linalg.norm(joints[:, a] - joints[:, b], axis=-1)
        assert np.ptp(length) < 1e-6
    left = joints[:, 4] - joints[:, 1]
    ahead = np.diff(joints[:, 0], axis=0)
    across = np.cross(left[1:], [0, 0, 1.0])  # walks towards where it looks
    assert ((across * ahead).sum(-1) > 0).all()


@needs_clips
@pytest.mark.parametrize(
    "clip, least, most", [("02_01", 0, 0.06), ("02_02", 0, 0.06), ("02_04", 0.3, 0.6)]
)
def test_feet_stay_on_the_floor_unless_they_jump(body, clip, least, most):
    """Two walks, over a floor that is not level in the measurements, and a jump. least, most: of
    the height of the lowest marker when it is highest.
    """
    mocap = Mocap(CLIPS / "02/02.asf", CLIPS / f"02/{clip}.amc")
    motion = mocap.on(body, mocap.frames(10.0), 10.0, 0.0)
    lowest = body.joints_world(*motion, markers=True)[..., 2].min(1)
    assert least <= lowest.max() < most and 0 < lowest.min() < 0.03


@needs_clips
def test_yaw_turns_the_whole_clip_about_the_vertical(walk, body):
    plain, turned = (body.joints_world(*walk.on(body, 10, 10.0, yaw)) for yaw in (0.0, np.pi / 2))
    quarter = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(turned, plain @ quarter, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_between_is_the_smallest_rotation(seed):
    a, b = np.random.default_rng(seed).normal(size=(2, 3))
    R = between(a, b)
    np.testing.assert_allclose(R @ a / np.linalg.norm(a), b / np.linalg.norm(b), atol=1e-9)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(R @ np.cross(a, b), np.cross(a, b), atol=1e-9)


SMALL = {
    "clips": ["02_01", "02_05"],
    "test_clips": ["02_02"],
    "image_size": 32,
    "offline": True,
    "progress": False,
}


@needs_clips
def test_a_store_of_real_motion(tmp_path):
    report = convert(CLIPS.parent, tmp_path / "store", **SMALL)
    store = open_store(report.path)
    (note,) = report.notes
    assert note.startswith("clip 02_05:") and "15.0 of 15.4 s" in note
    assert "mocap.cs.cmu.edu" in store.source
    assert "mocap.cs.cmu.edu" in store.licence and "EIA-0196217" in store.licence
    assert [c.action for c in store.clips("S1")] == ["02_01", "02_05"]
    assert [c.action for c in store.clips("S9")] == ["02_02"]
    first = store_bytes(report.path, "*.*")
    assert str(convert(CLIPS.parent, report.path, **SMALL)) == str(report)
    assert store_bytes(report.path, "*.*") == first


@needs_clips
def test_dealt_out_each_person_does_other_clips(tmp_path):
    clips = {
        "clips": ["02_01", "02_03", "02_05", "02_08", "01_01"],
        "test_clips": ["02_02", "03_01"],
    }
    store = open_store(convert(CLIPS.parent, tmp_path / "store", deal=True, **SMALL | clips).path)
    done = {s: [c.action for c in store.clips(s)] for s in store.subjects}
    assert sorted(sum(done.values(), [])) == sorted(clips["clips"] + clips["test_clips"])


@needs_clips
def test_table_1_runs_on_it(tmp_path, monkeypatch):
    short = SMALL | {"clips": ["02_01", "02_02"]}
    report = convert(CLIPS.parent, tmp_path / "store", **short)
    check_table_1(report.path, tmp_path, monkeypatch)


@needs_clips
def test_the_joints_lie_in_the_rendered_person(walk):
    recipe = preset("cmu", actions=("02_01",), test_actions=(), image_size=64)
    studio = Studio(recipe, workers=1, clips={"02_01": walk})
    clip = studio.clip("S1", "02_01", 0, 8)
    mask = studio.images(clip, 0, 8, mask=True)[1].numpy() > 64
    inside = []
    for t in range(8):
        for v, camera in enumerate(studio.scene("S1").cameras):
            x0, y0, size = clip["crops"][t, v]
            pixels = (camera.project(clip["joints"][t] / 1000) - [x0, y0]) * 64 / size
            col, row = np.floor(pixels).astype(int).clip(0, 63).T
            inside.append(mask[t, v, row, col])
    assert np.mean(inside) > 0.9


@needs_clips
def test_a_clip_is_downloaded_once(tmp_path):
    clips = {"clips": ["02_01"], "test_clips": ["02_01"]}
    with served(CLIPS / "02") as (url, log):
        online = {"offline": False, "url": f"{url}/subjects"}
        convert(tmp_path / "source", tmp_path / "store", **SMALL | clips | online)
    fetched = [entry for entry in log if entry[0].endswith((".asf", ".amc"))]
    assert sorted({entry[0] for entry in fetched}) == ["02.asf", "02_01.amc"]
    copy = tmp_path / "source/subjects/02/02_01.amc"
    assert copy.read_bytes() == (CLIPS / "02/02_01.amc").read_bytes()


#: What becomes of the lines of an AMC file.
DAMAGE = {
    "cut in a line": lambda ls: [*ls[:-1], ls[-1][: len(ls[-1]) // 2].rsplit(" ", 1)[0]],
    "cut between lines": lambda ls: ls[:-1],
    "a word": lambda ls: [*ls[:-1], "b 1.0 nonsense"],
    "no number": lambda ls: [*ls[:-1], "b 1.0 nan"],
    "a hole": lambda ls: ls[:10] + ls[14:],
    "another bone": lambda ls: [*ls, "d 1.0"],
    "nothing": lambda ls: [],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_motion_is_named_with_its_line(tmp_path, name):
    asf, amc = written(tmp_path)
    amc.write_text("\n".join(DAMAGE[name](amc.read_text().splitlines())))
    with pytest.raises(ValueError, match=r"x\.amc.*(line \d+|frame 5|no frames).*get it again"):
        read_amc(amc, read_asf(asf))


@pytest.mark.parametrize("change", [
    ("direction 0 -1 0", "direction 0 up 0"),
    ("    length 5\n", ""),
    ("    a b\n", "    a bb\n"),
    (":units", ":unit"),
    ("orientation 0 0 0", "orientation 0 5 0"),
    ("length 0.9", "length 0"),
    ("length 3", "length nan"),
    ("axis 0 90 0", "axis 0 inf 0"),
    ("rx ry rz", "rx ry r"),
    ("direction 1 0 0", "direction 1 0"),
])  # fmt: skip
def test_a_damaged_skeleton_is_named(tmp_path, change):
    assert change[0] in ASF
    asf, _ = written(tmp_path, asf=ASF.replace(*change))
    with pytest.raises(ValueError, match=r"x\.asf.*get it again"):
        read_asf(asf)


def test_a_skeleton_that_is_not_of_cmu_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"x\.asf has no lowerback, "):
        Mocap(*written(tmp_path))


@pytest.mark.parametrize(
    "wrong", [{"clips": ["../02_01"]}, {"test_clips": [""]}, {"image_size": 0}]
)
def test_impossible_settings(tmp_path, wrong):
    with pytest.raises(ValueError, match="is no clip|at least 1"):
        convert(CLIPS.parent, tmp_path / "store", **SMALL | wrong)


@needs_clips
def test_bad_clips_are_left_out_and_named(tmp_path, capsys):
    source = tmp_path / "subjects/02"
    source.mkdir(parents=True)
    for name in ("02.asf", "02_01.amc", "02_02.amc"):
        (source / name).write_bytes((CLIPS / "02" / name).read_bytes())
    (source / "02_02.amc").write_bytes((source / "02_02.amc").read_bytes()[:5000])
    options = SMALL | {"clips": ["02_01", "02_02", "02_05", "02_01"], "test_clips": ["02_01"]}
    report = convert(tmp_path, tmp_path / "store", **options)
    first, second = report.notes
    assert re.search(r"02_02.*get it again", first) and "02_05.amc is missing" in second
    assert [clip.action for clip in open_store(report.path).clips("S1")] == ["02_01"]
    # the file is got again, and the same call takes the clip in
    (source / "02_02.amc").write_bytes((CLIPS / "02/02_02.amc").read_bytes())
    (note,) = convert(tmp_path, tmp_path / "store", **options).notes
    assert note.startswith("clip 02_05 ")
    assert [clip.action for clip in open_store(report.path).clips("S1")] == ["02_01", "02_02"]
    (source / "02_02.amc").unlink()  # what is rendered is not thrown away for it
    with pytest.raises(ValueError, match="holds clip 02_02 .*02_02.amc is missing"):
        convert(tmp_path, tmp_path / "store", **options)
    assert [clip.action for clip in open_store(report.path).clips("S1")] == ["02_01", "02_02"]
    options = ["--offline", "--clips", "02_05", "--image-size", "32"]
    assert main([str(tmp_path), str(tmp_path / "none"), *options]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "02_05.amc" in error and "Traceback" not in error
