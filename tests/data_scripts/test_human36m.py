"""The converter of Human3.6M, on rendered scenes written in the official formats: is what is stored
what was filmed?
"""

import io
import re
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

for needed in ("anny", "warp", "cdflib", "h5py", "av"):
    pytest.importorskip(needed)

from data_scripts.human36m import convert, main
from data_scripts.imitations import official
from data_scripts.imitations.official import SERIALS
from mcss.data import open_store
from tests.data_scripts.archives import evil_tar, pack_human36m
from tests.data_scripts.contents import (
    check_body,
    check_masks,
    check_pixels,
    check_poses,
    check_the_checks,
    clip_of,
)
from tests.data_scripts.damage import cut, spoil_frame
from tests.data_scripts.recordings import lab, prolonged, swap_sides
from tests.data_scripts.runs import (
    check_command,
    check_killed,
    check_nothing,
    check_outside,
    check_second_run,
    check_store_that_cannot_be,
    check_table_1,
    check_two_at_once,
    check_two_unpacking,
    store_bytes,
)

#: What the recordings are called: S1 has names of its own for two actions.
CLIPS = {
    ("S1", "Walking"): "WalkingDog",
    ("S1", "Sitting"): "TakingPhoto 1",
    ("S5", "Walking"): "WalkDog 1",
    ("S5", "Sitting"): "Photo",
    ("S9", "Walking"): "Directions 1",
    ("S9", "Sitting"): "Sitting",
}
STEP = {"S1": 3, "S5": 3, "S9": 4}
WHOLE = {"image_size": 96, "train_step": 3, "test_step": 4, "workers": 2, "progress": False}
SMALL = {"image_size": 32, "train_step": 3, "test_step": 4, "workers": 1, "progress": False}


@pytest.fixture(scope="session")
def recordings():
    return [official.narrow(r, CLIPS[r.subject, r.action]) for r in lab()]


@pytest.fixture(scope="session")
def source(recordings, tmp_path_factory):
    return official.write_human36m(tmp_path_factory.mktemp("human36m") / "source", recordings)


@pytest.fixture(scope="session")
def report(source):
    return convert(source, source.parent / "store", **WHOLE)


@pytest.fixture(scope="session")
def store(report):
    return open_store(report.path)


@pytest.fixture
def one(source, tmp_path):
    """A folder with S1 alone, to be damaged."""
    shutil.copytree(source / "S1", tmp_path / "source" / "S1")
    shutil.copy(source / "metadata.xml", tmp_path / "source")
    return tmp_path / "source"


@pytest.fixture(scope="session")
def usual(report):
    """The notes on whole data: actions that S1 calls otherwise."""
    return report.notes


def test_what_the_store_says(store, report):
    assert store.subjects == ["S1", "S5", "S9"] and store.view_names == list(SERIALS)
    assert store.image_size == 96
    assert store.fps == pytest.approx(50 / 3) and store.licence
    assert {(s, c.source): c.action for s in store.subjects for c in store.clips(s)} == {
        ("S1", "WalkingDog"): "WalkDog",
        ("S1", "TakingPhoto 1"): "Photo",
        ("S5", "WalkDog 1"): "WalkDog",
        ("S5", "Photo"): "Photo",
        ("S9", "Directions 1"): "Directions",
        ("S9", "Sitting"): "Sitting",
    }
    splits = {name: split.subjects for name, split in store.splits.items()}
    assert splits == {"train": ["S1", "S5"], "test": ["S9"]}
    assert [store.length(s) for s in store.subjects] == [16, 16, 12]
    for split in store.splits.values():
        for s in split.subjects:
            assert split.frames[s].tolist() == list(range(store.length(s)))
    assert len(report.notes) == 2
    assert all("TakingPhoto" in n or "WalkingDog" in n for n in report.notes)
    assert report.frames == 44 and report.images == 4 * 44 == len(store)
    assert "44" in str(report) and "176" in str(report)


@pytest.mark.parametrize("which", range(6), ids=[f"{s} {name}" for (s, _), name in CLIPS.items()])
def test_what_was_filmed_is_stored(store, recordings, which):
    r = recordings[which]
    check_poses(store, r, STEP[r.subject])
    check_pixels(store, r, STEP[r.subject])
    check_masks(store, r, STEP[r.subject])
    check_body(store, r)


def test_the_checks_can_tell(store, recordings):
    check_the_checks(store, recordings[0], 3)


BODY, MASKS = check_body, lambda store, r: check_masks(store, r, 3)


@pytest.mark.parametrize("change, checks", [
    (swap_sides, {BODY: "swapped"}),
    (lambda joints: joints * [-1, 1, 1], {BODY: "swapped", MASKS: "on the person"}),
    (lambda joints: joints[..., [1, 2, 0]], {BODY: "not upright", MASKS: "on the person"}),
    (lambda joints: joints / 1000, {BODY: "not upright", MASKS: "on the person"}),
], ids=["sides", "mirror", "Y up", "metres"])  # fmt: skip
def test_wrong_axes_sides_and_units_show(one, recordings, change, checks):
    official.write_cdf(one / CDF, official.human36m_pose(change(recordings[0].joints)))
    store = open_store(convert(one, one.parent / "store", **SMALL).path)
    for check, wrong in checks.items():
        with pytest.raises(AssertionError, match=wrong):
            check(store, recordings[0])


def test_crops_hold_the_box(store, recordings):
    for r in recordings:
        subject, clip = clip_of(store, r)
        for t in range(clip.start, clip.stop):
            for v, (x, y, size) in enumerate(store.crops(subject)[t]):
                x0, y0, x1, y1 = official.box_of(r.masks[(t - clip.start) * STEP[subject], v])
                assert x < x0 + 1 and y < y0 + 1 and x + size > x1 - 1 and y + size > y1 - 1
                assert size < 1.6 * max(x1 - x0, y1 - y0)


def test_cameras(store, recordings, source, tmp_path):
    for r in recordings:
        for camera, stored in zip(r.cameras, store.calibration.cameras[r.subject].values()):
            for key in ("K", "R"):
                np.testing.assert_allclose(stored[key], getattr(camera, key), atol=1e-4)
            np.testing.assert_allclose(stored["t"], camera.t, atol=0.01)
    shutil.copytree(source / "S1", tmp_path / "source" / "S1")
    k1, k2, k3, p1, p2 = distortion = (-0.2, 0.24, -0.002, -0.0009, -0.0016)
    metadata = tmp_path / "source" / "Release-v1.2" / "metadata.xml"
    official.write_metadata(metadata, recordings, distortion)
    store = open_store(convert(tmp_path / "source", tmp_path / "store", **SMALL).path)
    camera = store.calibration.cameras["S1"][SERIALS[3]]
    assert camera["distortion"] == pytest.approx([k1, k2, p1, p2, k3])


def test_the_steps(recordings, tmp_path):
    """By default every 5th frame of a training subject is stored, and every 64th of a test
    subject.
    """
    long = [prolonged(r, 200, 2)._replace(subject=s) for s, r in zip(("S6", "S9"), recordings)]
    source = official.write_human36m(tmp_path / "source", long)
    report = convert(source, tmp_path / "store", image_size=64, workers=1, progress=False)
    store = open_store(report.path)
    assert store.fps == 10 and [store.length(s) for s in ("S6", "S9")] == [40, 4]
    assert store.splits["train"].subjects == ["S6"] and store.splits["test"].subjects == ["S9"]
    for r, step in zip(long, (5, 64)):
        check_poses(store, r, step)
        check_pixels(store, r, step)


def test_a_spoilt_frame_moves_no_other(one, recordings):
    """Video frame 9 cannot be decoded: the frames after it keep their numbers."""
    official.write_video(one / VIDEO, recordings[0].frames[:, 1], 50, g="1")
    spoil_frame(one / VIDEO, 9)
    report = convert(one, one.parent / "store", **SMALL | {"image_size": 96})
    check_pixels(open_store(report.path), recordings[0], 3, missing=[(9, 1)])
    assert any("WalkingDog.55011271.mp4" in note for note in report.notes)


def test_archives_and_workers_give_the_same_store(source, report, tmp_path):
    shutil.copytree(source, tmp_path / "source")
    for subject in ("S1", "S9"):
        pack_human36m(tmp_path / "source", subject)
    again = convert(tmp_path / "source", tmp_path / "store", **WHOLE | {"workers": 1})
    assert store_bytes(again.path) == store_bytes(report.path) and again.notes == report.notes


def test_archives_are_unpacked_again_when_files_are_gone(one, tmp_path):
    pack_human36m(one, "S1")
    first = convert(one, tmp_path / "store", **SMALL)
    shutil.rmtree(one / "S1" / "Videos")
    again = convert(one, tmp_path / "again", **SMALL)
    assert store_bytes(again.path) == store_bytes(first.path)


def test_an_archive_may_hold_a_file_twice(one, tmp_path, usual):
    for archive in pack_human36m(one, "S1"):
        with tarfile.open(archive) as file:
            members = [
                (member, file.extractfile(member).read()) for member in file if member.isfile()
            ]
        with tarfile.open(archive, "w:gz") as file:
            for member, content in members + members[:1]:
                file.addfile(member, io.BytesIO(content))
    report = convert(one, tmp_path / "store", **SMALL)
    assert report.images == 64 and set(report.notes) <= set(usual)


def test_a_file_that_may_not_be_read_costs_its_clip(one, monkeypatch):
    read = Path.read_bytes

    def refuses(path):
        if path.name == "WalkingDog.cdf":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuses)
    report = convert(one, one.parent / "store", **SMALL)
    assert report.images == 32
    assert any("WalkingDog is left out" in n and "WalkingDog.cdf" in n for n in report.notes)


def test_a_second_run_changes_nothing(source, report):
    check_second_run(report, lambda: convert(source, report.path, **WHOLE))


VIDEOS = "S1/Videos"
VIDEO = "S1/Videos/WalkingDog.55011271.mp4"
BOX = "S1/MySegmentsMat/ground_truth_bb/WalkingDog.55011271.mat"
CDF = "S1/MyPoseFeatures/D3_Positions/WalkingDog.cdf"


def videos(folder, r, frames, serials=SERIALS):
    """Shortens videos."""
    for v, serial in enumerate(SERIALS):
        if serial in serials:
            official.write_video(
                folder / VIDEOS / f"WalkingDog.{serial}.mp4", r.frames[:frames, v], 50
            )


def pose(folder, r, frames=24, unknown=()):
    """Writes fewer poses, or NaN where they are unknown, (frame, column)."""
    joints = official.human36m_pose(r.joints)[:frames]
    for frame, column in unknown:
        joints[frame, column] = np.nan
    official.write_cdf(folder / CDF, joints)


def boxes(folder, r, nobody):
    """Empties the masks of frames where nobody is."""
    official.write_boxes(
        folder / BOX, r.masks[:, 1] & ~np.isin(np.arange(24), nobody)[:, None, None]
    )


def copies(folder, name):
    """Copies a clip's files under another name."""
    for file in [*folder.rglob("WalkingDog.*")]:
        shutil.copy(file, file.with_name(file.name.replace("WalkingDog", name)))


ALL, NONE = [[True] * 4] * 8, [[True, False, True, True]] * 8
SHORT = [[True] * 4] * 4 + [[True, False, True, True]] * 4
#: damage to S1: what is done, what all notes match (None: there are none), images of WalkingDog
#: (None: the clip is left out).
DAMAGE = {
    "no video of a view": (lambda d, r: (d / VIDEO).unlink(), "WalkingDog.*55011271", NONE),
    "half a video": (lambda d, r: cut(d / VIDEO), "WalkingDog.55011271.mp4", NONE),
    "an empty video": (lambda d, r: (d / VIDEO).write_bytes(b""), "WalkingDog.55011271.mp4", NONE),
    "a short video": (lambda d, r: videos(d, r, 10, SERIALS[1]), "WalkingDog.*55011271", SHORT),
    "more poses than video": (lambda d, r: videos(d, r, 10), "WalkingDog", ALL[:4]),
    "more video than poses": (lambda d, r: pose(d, r, 10), "WalkingDog", ALL[:4]),
    "a video with every other frame": (
        lambda d, r: official.write_video(d / VIDEO, r.frames[::2, 1], 25),
        "WalkingDog.55011271.mp4 has 12 frames, 25 a.* 24, 50 a",
        NONE,
    ),
    "a video of another size": (
        lambda d, r: official.write_video(d / VIDEO, r.frames[:, 1, ::2, ::2], 50),
        "WalkingDog.55011271.mp4 is 124 x 128 .* 248 x 256",
        NONE,
    ),
    # the joints give boxes, too
    "no boxes of a view": (lambda d, r: (d / BOX).unlink(), "WalkingDog.55011271.mat", ALL),
    "half a box file": (lambda d, r: cut(d / BOX), "WalkingDog.55011271.mat", ALL),
    "no boxes, no cameras": (
        lambda d, r: ((d / BOX).unlink(), (d / "metadata.xml").unlink()),
        "metadata.xml|WalkingDog.55011271.mat",
        NONE,
    ),
    "empty masks": (lambda d, r: boxes(d, r, range(12, 24)), "WalkingDog.*55011271", SHORT),
    "an empty mask that no step meets": (lambda d, r: boxes(d, r, [7]), None, ALL),
    "half a pose file": (lambda d, r: cut(d / CDF), "WalkingDog.cdf", None),
    "a pose file with something else": (
        lambda d, r: official.write_cdf(d / CDF, np.zeros((24, 96)), "Angles"),
        "WalkingDog.cdf",
        None,
    ),
    "poses of other joints": (
        lambda d, r: official.write_cdf(d / CDF, np.zeros((32, 51))),
        "WalkingDog.cdf",
        None,
    ),
    "a pose that is not a number": (
        # a toe, which nobody stores, in frame 6, and the head in frame 9
        lambda d, r: pose(d, r, unknown=[(6, 4 * 3), (9, 15 * 3 + 1)]),
        "WalkingDog.* 1 ",
        ALL,
    ),
    "video without poses": (lambda d, r: (d / CDF).unlink(), "WalkingDog", None),
    "poses without video": (
        lambda d, r: [f.unlink() for f in (d / VIDEOS).glob("WalkingDog*")],
        "WalkingDog",
        None,
    ),
    "no cameras": (lambda d, r: (d / "metadata.xml").unlink(), "metadata.xml", ALL),
    "half of the cameras": (lambda d, r: cut(d / "metadata.xml"), "metadata.xml", ALL),
    "cameras that are no numbers": (
        lambda d, r: (d / "metadata.xml").write_text(
            re.sub(r"<w0>\[\S+", "<w0>[nan", (d / "metadata.xml").read_text())
        ),
        "metadata.xml",
        ALL,
    ),
    "too few cameras": (
        lambda d, r: (d / "metadata.xml").write_text("<a><w0>[1 2 3]</w0></a>"),
        "metadata.xml",
        ALL,
    ),
    "a name that no clip can have": (
        lambda d, r: copies(d, "Walk&Dog"),
        "Walk&Dog is left out",
        ALL,
    ),
    "files that a Mac adds": (lambda d, r: copies(d, "._WalkingDog"), None, ALL),
    "a folder of another name": (
        lambda d, r: shutil.copytree(d / "S1", d / "Subject 7"),
        "Subject 7",
        ALL,
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named_and_the_rest_converted(one, recordings, usual, name):
    damage, expected, present = DAMAGE[name]
    damage(one, recordings[0])
    report = convert(one, one.parent / "store", **SMALL)
    store = open_store(report.path)
    store.verify()
    assert str(convert(one, one.parent / "store", **SMALL)) == str(report)  # notes are kept, too
    clips = {clip.source: clip for clip in store.clips("S1")}
    other = clips["TakingPhoto 1"]  # which is whole
    check_poses(store, recordings[1], 3)
    assert store.present("S1")[other.start : other.stop].tolist() == ALL
    if present is None:
        assert "WalkingDog" not in clips
    else:
        clip = clips["WalkingDog"]
        poses = store.poses("S1")[clip.start : clip.stop]
        assert store.present("S1")[clip.start : clip.stop].tolist() == present
        bad = [3] if "not a number" in name else []  # frame 9
        assert [t for t in range(len(poses)) if poses[t].isnan().all()] == bad
        assert int(poses.isnan().sum()) == 51 * len(bad)
    assert (store.calibration is None) == ("cameras" in name)
    notes = [note for note in report.notes if note not in usual]  # without those on actions' names
    assert 0 < len(notes) <= 5 if expected else notes == [], notes
    assert all(re.search(expected, note) and note in str(report) for note in notes), notes


def test_the_known_defect_of_s11(one, recordings):
    (one / "S1").rename(one / "S11")
    for file in [*(one / "S11").rglob("WalkingDog.*")]:
        file.rename(file.with_name(file.name.replace("WalkingDog", "Directions")))
    official.write_metadata(one / "metadata.xml", [r._replace(subject="S11") for r in recordings])
    (one / "S11/Videos/Directions.54138969.mp4").write_bytes(b"damaged since 2014")
    report = convert(one, one.parent / "store", **SMALL | {"test_step": 3})
    store = open_store(report.path)
    (clip,) = [clip for clip in store.clips("S11") if clip.source == "Directions"]
    assert store.present("S11")[clip.start : clip.stop].tolist() == [[False, True, True, True]] * 8
    (note,) = [note for note in report.notes if "TakingPhoto" not in note]
    assert "S11" in note and "Directions.54138969" in note


@pytest.mark.parametrize(
    "bad", ["above", "absolute", "symlink", "hard link", "cut off", "a wrong checksum"]
)
def test_an_archive_that_reaches_outside_is_refused(source, tmp_path, bad):
    folder, outside = tmp_path / "a" / "source", tmp_path / "a"
    for subject in ("S1", "S5"):
        shutil.copytree(source / subject, folder / subject)
    shutil.copy(source / "metadata.xml", folder)
    _, archive, _ = pack_human36m(folder, "S1")
    (outside / "mine.txt").write_text("mine")
    if bad == "cut off":
        cut(archive)
    elif bad == "a wrong checksum":
        archive.write_bytes(archive.read_bytes()[:-8] + b"four" + archive.read_bytes()[-4:])
    else:
        evil_tar(archive, bad, outside)
    report = convert(folder, tmp_path / "store", **SMALL)
    assert open_store(report.path).subjects == ["S5"]
    assert any("Videos_S1.tgz" in note for note in report.notes), report.notes
    check_outside(tmp_path, folder)


def test_a_killed_run_goes_on(source, report, tmp_path):
    shutil.copytree(source, tmp_path / "source")
    pack_human36m(tmp_path / "source", "S1")
    folder, path, text = tmp_path / "source", tmp_path / "store", "TakingPhoto 1.54138969.mp4"
    check_killed("human36m", convert, WHOLE, folder, path, report, folder, text)


def test_two_at_once_are_refused(one, tmp_path, capsys):
    check_two_at_once(convert, main, one, tmp_path / "store", capsys)


def test_an_archive_is_unpacked_by_one_alone(one, tmp_path, capsys):
    archive = pack_human36m(one, "S1")[0]
    check_two_unpacking(main, archive, one, one, tmp_path / "store", capsys)


def test_a_store_that_cannot_be_written(one, tmp_path, capsys):
    check_store_that_cannot_be(main, one, tmp_path / "store", capsys)


NOTHING = {
    "nowhere": (lambda d: None, "source"),
    "empty": (lambda d: d.mkdir(), "Poses_D3_Positions|MyPoseFeatures"),
    "another name": (
        lambda d: (d / "Subject 1/MyPoseFeatures/D3_Positions").mkdir(parents=True),
        "Subject 1.*S1, S5",
    ),
    "no files": (
        lambda d: (d / "S1/MyPoseFeatures/D3_Positions").mkdir(parents=True),
        "S1/MyPoseFeatures/D3_Positions",
    ),
    "no archive": (
        lambda d: (d.mkdir(), (d / "Poses_D3_Positions_S1.tgz").write_bytes(b"no archive")),
        "Poses_D3_Positions_S1.tgz",
    ),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_to_convert_is_a_clear_error(tmp_path, name, capsys):
    make, expected = NOTHING[name]
    make(tmp_path / "source")
    check_nothing(main, tmp_path / "source", tmp_path / "store", expected, capsys)


def test_the_command_prints_the_report(one, tmp_path, capsys):
    options = {"image_size": 32, "workers": 1, "train_step": 6, "test_step": 8}
    check_command("human36m", convert, one, tmp_path / "store", options)
    assert open_store(tmp_path / "store").length("S1") == 8
    assert main([str(one), str(tmp_path / "store"), "--image-size", "48"]) == 1
    assert "other settings" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [{"train_step": 0}, {"test_step": -1}, {"image_size": 0}])
def test_impossible_settings(one, tmp_path, wrong):
    with pytest.raises(ValueError):
        convert(one, tmp_path / "store", **SMALL | wrong)


def test_table_1_runs_on_it(source, tmp_path, monkeypatch):
    check_table_1(convert(source, tmp_path / "store", **SMALL).path, tmp_path, monkeypatch)
