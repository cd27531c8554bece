"""The converter of MPI-INF-3DHP, on rendered scenes written in the official formats: is what is
stored what was filmed?
"""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

for needed in ("anny", "warp", "av"):
    pytest.importorskip(needed)

from data_scripts.common.report import Report
from data_scripts.imitations import official
from data_scripts.imitations.official import CHEST
from data_scripts.imitations.scenes import film
from data_scripts.mpi_inf_3dhp import convert, main
from mcss.data import open_store
from tests.data_scripts.archives import evil_zip, lock, pack_3dhp
from tests.data_scripts.contents import (
    check_body,
    check_masks,
    check_pixels,
    check_poses,
    check_the_checks,
    clip_of,
)
from tests.data_scripts.damage import change_annotations as annot
from tests.data_scripts.damage import cut, spoil_frame
from tests.data_scripts.recordings import prolonged, swap_sides
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

VIEWS = [f"camera {c}" for c in CHEST]
#: Every how many-th frame is stored: S1/Seq2 has 50 frames a second, the others 25.
STEP = {("S1", "Seq1"): 2, ("S1", "Seq2"): 4, ("S7", "Seq1"): 2, ("S7", "Seq2"): 2}
WHOLE = {"image_size": 96, "fps": 12.5, "workers": 2, "progress": False}
SMALL = {"image_size": 32, "fps": 12.5, "workers": 1, "progress": False}


@pytest.fixture(scope="session")
def recordings():
    names = {"Walking": "Seq1", "Sitting": "Seq2"}
    return [official.narrow(r, names[r.action]) for r in film("field", subjects=("S1", "S7"))]


@pytest.fixture(scope="session")
def source(recordings, tmp_path_factory):
    return official.write_3dhp(tmp_path_factory.mktemp("3dhp") / "source", recordings)


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
    return tmp_path / "source"


def test_what_the_store_says(store, report):
    assert store.subjects == ["S1", "S7"] and store.view_names == VIEWS
    assert (store.image_size, store.fps) == (96, 12.5) and store.licence
    clips = [(s, c.source, c.action) for s in store.subjects for c in store.clips(s)]
    assert clips == [(subject, sequence, sequence) for subject, sequence in STEP]
    splits = {name: split.subjects for name, split in store.splits.items()}
    assert splits == {"train": ["S1"], "test": ["S7"]}
    assert [store.length(s) for s in store.subjects] == [12 + 6, 12 + 12]
    assert report.notes == [] and report.frames == 42 and report.images == 5 * 42 == len(store)


@pytest.mark.parametrize("which", range(4), ids=[f"{s} {name}" for s, name in STEP])
def test_what_was_filmed_is_stored(store, recordings, which):
    r = recordings[which]
    step = STEP[r.subject, r.action]
    check_poses(store, r, step)
    check_pixels(store, r, step)
    check_masks(store, r, step)
    check_body(store, r)


def test_the_checks_can_tell(store, recordings):
    check_the_checks(store, recordings[0], 2)


BODY, MASKS = check_body, lambda store, r: check_masks(store, r, 2)


@pytest.mark.parametrize("change, checks", [
    (swap_sides, {BODY: "swapped"}),
    (lambda joints: joints * [-1, 1, 1], {BODY: "swapped", MASKS: "on the person"}),
    (lambda joints: joints / 1000, {BODY: "not upright", MASKS: "on the person"}),
], ids=["sides", "mirror", "metres"])  # fmt: skip
def test_wrong_sides_and_units_show(one, recordings, change, checks):
    official.write_annotations(one / ANNOT, change(recordings[0].joints), recordings[0].cameras)
    store = open_store(convert(one, one.parent / "store", **SMALL).path)
    for check, wrong in checks.items():
        with pytest.raises(AssertionError, match=wrong):
            check(store, recordings[0])


def test_a_world_that_is_not_y_up_shows(one, recordings, monkeypatch):
    """The calibration is made for a world whose Z is up already."""
    monkeypatch.setattr(official, "TURN", np.eye(3))
    official.write_calibration(one / "S1/Seq1/camera.calibration", recordings[0].cameras)
    store = open_store(convert(one, one.parent / "store", **SMALL).path)
    with pytest.raises(AssertionError, match="not upright"):
        check_body(store, recordings[0])


def test_cameras_and_crops(store, recordings):
    for r in recordings:
        subject, clip = clip_of(store, r)
        for v, camera in enumerate(r.cameras):
            stored = store.calibration.cameras[subject][VIEWS[v]]
            for key, off in (("K", 1e-3), ("R", 1e-5), ("t", 0.01)):
                np.testing.assert_allclose(stored[key], getattr(camera, key), atol=off)
            assert list(stored["size"]) == list(camera.size)
            for t in range(clip.start, clip.stop):
                x, y, size = store.crops(subject)[t, v]
                seen = camera.project(r.joints[(t - clip.start) * STEP[subject, clip.source]])
                assert (seen > [x, y]).all() and (seen < [x + size, y + size]).all()
                assert size < 2 * np.ptp(seen, 0).max()


def test_which_cameras_and_how_often(one):
    options = {"image_size": 32, "workers": 1, "progress": False}
    store = open_store(convert(one, one.parent / "store", cameras=(7, 0), **options).path)
    assert store.view_names == ["camera 7", "camera 0"] and store.fps == 5
    assert [clip.stop - clip.start for clip in store.clips("S1")] == [5, 3]


def test_a_spoilt_frame_moves_no_other(one, recordings):
    """Video frame 8 cannot be decoded: the frames after it keep their numbers."""
    official.write_video(one / VIDEO, recordings[0].frames[:, 1], 25, "mpeg4", g="1")
    spoil_frame(one / VIDEO, 8)
    report = convert(one, one.parent / "store", **SMALL | {"image_size": 96})
    check_pixels(open_store(report.path), recordings[0], 2, missing=[(8, 1)])
    assert any("video_2.avi" in note for note in report.notes)


def test_archives_and_workers_give_the_same_store(source, report, recordings, tmp_path):
    shutil.copytree(source, tmp_path / "source")
    for r, inside in zip(recordings, ("", "imageSequence/", "S7/Seq1/imageSequence/", "")):
        pack_3dhp(tmp_path / "source", r, inside)
    again = convert(tmp_path / "source", tmp_path / "store", **WHOLE | {"workers": 1})
    assert again.notes == [] and store_bytes(again.path) == store_bytes(report.path)


def test_archives_are_unpacked_again_when_files_are_gone(one, recordings, tmp_path):
    pack_3dhp(one, recordings[0])
    first = convert(one, tmp_path / "store", **SMALL)
    for video in (one / SEQ).rglob("*.avi"):
        video.unlink()
    again = convert(one, tmp_path / "again", **SMALL)
    assert store_bytes(again.path) == store_bytes(first.path)


def test_a_second_run_changes_nothing(source, report):
    check_second_run(report, lambda: convert(source, report.path, **WHOLE))


SEQ = "S1/Seq1"
VIDEO = f"{SEQ}/imageSequence/video_2.avi"
ANNOT, CAMERAS = f"{SEQ}/annot.mat", f"{SEQ}/camera.calibration"


def shorten(folder, r, frames, *views, rate=25):
    for v in views:
        video = folder / SEQ / f"imageSequence/video_{CHEST[v]}.avi"
        official.write_video(video, r.frames[:frames, v], rate, "mpeg4")


def no_numbers(rows):
    if rows.shape[2] == 3:
        rows[6, 24], rows[8, 12] = np.nan, np.nan  # a knee; a hand, which nobody stores
    return rows


def one_point(rows):
    rows[6] = rows[6, :1]
    return rows


def far(rows):
    rows[6, 3] = 1e6
    return rows


def more(rows):
    return np.concatenate([rows, rows[-1:]])


def calibration(d, old, new):
    """Replaces what matches `old` in the calibration."""
    lines = (d / CAMERAS).read_text()
    assert re.search(old, lines)
    (d / CAMERAS).write_text(re.sub(old, new, lines))


def present(missing=(), view=1, frames=12):
    """Which images there are, if one view lacks some stored frames."""
    return [[not (v == view and t in missing) for v in range(5)] for t in range(frames)]


#: damage to S1: what is done, what a note matches (None: there is none), images of Seq1 (None: it
#: is left out; ...: either).
DAMAGE = {
    "no video of a camera": (
        lambda d, r: (d / VIDEO).unlink(),
        "S1.Seq1.*(video_2|camera 2)",
        present(range(12)),
    ),
    "half a video": (lambda d, r: cut(d / VIDEO), "S1.Seq1.*(video_2|camera 2)", ...),
    "an empty video": (
        lambda d, r: (d / VIDEO).write_bytes(b""),
        "S1.Seq1.*(video_2|camera 2)",
        present(range(12)),
    ),
    "a short video": (
        lambda d, r: shorten(d, r, 13, 1),
        "S1.Seq1.*(video_2|camera 2)",
        present(range(7, 12)),
    ),
    "short videos": (lambda d, r: shorten(d, r, 13, *range(5)), "S1.Seq1", present(frames=7)),
    "a video one frame short": (
        lambda d, r: shorten(d, r, 23, 1),
        "video_2.avi has 23 frames, the annotation 24",
        present(),
    ),
    "a surplus annotation": (
        lambda d, r: annot(d / ANNOT, more),
        "video_2.avi ends after 24 frames",
        present(),
    ),
    "a surplus annotation of a camera": (
        lambda d, r: annot(d / ANNOT, more, [2]),
        "annot.mat has 24 to 25 frames",
        present(),
    ),
    "a short annotation": (
        lambda d, r: annot(d / ANNOT, lambda rows: rows[:13]),
        "S1.Seq1.* 13",
        present(frames=7),
    ),
    "a video with every other frame": (
        lambda d, r: official.write_video(d / VIDEO, r.frames[::2, 1], 12, "mpeg4"),
        "video_2.avi has 12 frames, 12 a.* 24, 25 a",
        present(range(12)),
    ),
    "another frame rate": (
        lambda d, r: shorten(d, r, 24, 1, rate=30),
        "video_2.avi.* 30 .* 25 ",
        present(),
    ),
    "a video of another size": (
        lambda d, r: official.write_video(d / VIDEO, r.frames[:, 1, ::2, ::2], 25, "mpeg4"),
        "video_2.avi.*(124.*248|248.*124)",
        present(range(12)),
    ),
    "half an annotation": (lambda d, r: cut(d / ANNOT), "S1.Seq1.annot.mat", None),
    "an empty annotation": (lambda d, r: (d / ANNOT).write_bytes(b""), "S1.Seq1.annot.mat", None),
    "an annotation without annot3": (
        lambda d, r: annot(d / ANNOT, np.copy, [], drop=["annot3"]),
        "S1.Seq1.annot.mat.*annot3",
        None,
    ),
    "an annotation without frames": (
        lambda d, r: annot(d / ANNOT, lambda rows: rows[:0]),
        "S1.Seq1.annot.mat has no frames",
        None,
    ),
    "no annotation": (lambda d, r: (d / ANNOT).unlink(), "S1.Seq1.*annot.mat", None),
    "no videos": (lambda d, r: shutil.rmtree(d / SEQ / "imageSequence"), "S1.Seq1", None),
    "a joint that is not a number": (
        lambda d, r: annot(d / ANNOT, no_numbers),
        "S1.Seq1.* 1 ",
        present(),
    ),
    "a box without size": (
        lambda d, r: annot(d / ANNOT, one_point, [2]),
        "S1.Seq1.*(video_2|camera 2)",
        present([3]),
    ),
    "a box far too large": (
        lambda d, r: annot(d / ANNOT, far, [2]),
        "S1/Seq1.*camera 2.* 1 of 12 .*annot.mat",
        present([3]),
    ),
    "no calibration": (lambda d, r: (d / CAMERAS).unlink(), "S1.Seq1.*camera.calibration", ...),
    "half a calibration": (lambda d, r: cut(d / CAMERAS), "camera.calibration", ...),
    "a calibration without a key": (
        lambda d, r: calibration(d, r"(name +2\n(?: .*\n)*?) +extrinsic .*\n", r"\1"),
        "view camera 2.*camera.calibration.*extrinsic",
        present(range(12)),
    ),
    "a calibration with words": (
        lambda d, r: calibration(d, r"(name +2\n(?: .*\n)*? +intrinsic) .*\n", r"\1 none given\n"),
        "view camera 2.*camera.calibration",
        present(range(12)),
    ),
    "a calibration without end": (
        lambda d, r: calibration(d, r"(name +2\n(?: .*\n)*? +size) .*\n", r"\1 inf 256\n"),
        "view camera 2.*camera.calibration",
        present(range(12)),
    ),
    "a calibration with no number": (
        lambda d, r: calibration(d, r"(name +2\n(?: .*\n)*? +extrinsic) \S*", r"\1 nan"),
        "view camera 2.*camera.calibration",
        present(range(12)),
    ),
    "a calibration in other order": (
        lambda d, r: calibration(d, r"( +intrinsic .*\n)( +extrinsic .*\n)", r"\2\1"),
        None,
        present(),
    ),
    "a folder of another name": (
        lambda d, r: shutil.copytree(d / "S1", d / "Subject 3"),
        "Subject 3",
        present(),
    ),
    "a sequence of another name": (
        lambda d, r: shutil.copytree(d / SEQ, d / "S1" / "Seq 3"),
        "Seq 3",
        present(),
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named_and_the_rest_converted(one, recordings, name):
    damage, expected, shown = DAMAGE[name]
    damage(one, recordings[0])
    report = convert(one, one.parent / "store", **SMALL)
    store = open_store(report.path)
    store.verify()
    assert str(convert(one, one.parent / "store", **SMALL)) == str(report)  # notes are kept, too
    if expected:
        assert any(re.search(expected, note) for note in report.notes), report.notes
    else:
        assert report.notes == []
    assert all("S1/Seq2" not in note and note in str(report) for note in report.notes), report.notes
    check_poses(store, recordings[1], 4)  # the other sequence is whole
    clips = {clip.source: clip for clip in store.clips("S1")}
    assert store.present("S1")[clips["Seq2"].start : clips["Seq2"].stop].all()
    if shown is None:
        assert "Seq1" not in clips
    elif shown is not ... or "Seq1" in clips:
        clip = clips["Seq1"]
        poses, truth = store.poses("S1")[clip.start : clip.stop].numpy(), recordings[0].joints[::2]
        bad = [3] if "not a number" in name else []  # frame 6
        assert [t for t in range(len(poses)) if np.isnan(poses[t]).all()] == bad
        assert np.isnan(poses).sum() == 51 * len(bad)
        # never a pose of another camera or frame
        assert np.nanmax(abs(poses - truth[: len(poses)])) < 0.1
        assert shown is ... or store.present("S1")[clip.start : clip.stop].tolist() == shown


def test_the_surplus_annotation_is_not_stored(one, recordings):
    """With every frame stored, the pose for which there is no image is left out, and no other."""
    annot(one / ANNOT, more)
    store = open_store(convert(one, one.parent / "store", **SMALL | {"fps": 25}).path)
    check_poses(store, recordings[0], 1)


def test_the_swapped_sides_of_s4(recordings, tmp_path):
    """Left and right are swapped in the annotations of frames 3759 to 5852 of S4/Seq2; the store
    has them right.
    """
    r = prolonged(recordings[0], 5870, 8)._replace(subject="S4", action="Seq2")
    wrong = (np.arange(5870) >= 3759) & (np.arange(5870) <= 5852)
    annotated = np.where(wrong[:, None, None], swap_sides(r.joints), r.joints)
    source = official.write_3dhp(tmp_path / "source", [r._replace(joints=annotated)], views=(0, 1))
    options = {"image_size": 8, "workers": 1, "progress": False}
    store = open_store(convert(source, tmp_path / "store", cameras=(0, 2), **options).path)
    np.testing.assert_allclose(store.poses("S4").numpy(), r.joints[::5], atol=0.1)


@pytest.mark.parametrize("bad", ["above", "absolute", "symlink", "cut off", "locked"])
def test_an_archive_that_reaches_outside_is_refused(source, recordings, tmp_path, bad):
    folder, outside = tmp_path / "a" / "source", tmp_path / "a"
    shutil.copytree(source, folder)
    (outside / "mine.txt").write_text("mine")
    archive = pack_3dhp(folder, recordings[0])
    if bad == "cut off":
        cut(archive)
    elif bad == "locked":
        lock(archive)
    else:
        evil_zip(archive, bad, outside)
    report = convert(folder, tmp_path / "store", **SMALL)
    store = open_store(report.path)
    clips = [(s, c.source) for s in store.subjects for c in store.clips(s)]
    assert clips == [key for key in STEP if key != ("S1", "Seq1")]
    name = "S1/Seq1/imageSequence/vnect_cameras.zip"
    assert any(name in note for note in report.notes), report.notes
    check_outside(tmp_path, folder)


def test_a_killed_run_goes_on(source, report, recordings, tmp_path):
    shutil.copytree(source, tmp_path / "source")
    pack_3dhp(tmp_path / "source", recordings[0])
    folder, path = tmp_path / "source", tmp_path / "store"
    check_killed("mpi_inf_3dhp", convert, WHOLE, folder, path, report, folder / SEQ, "video_")


def test_two_at_once_are_refused(one, tmp_path, capsys):
    check_two_at_once(convert, main, one, tmp_path / "store", capsys)


def test_an_archive_is_unpacked_by_one_alone(one, recordings, tmp_path, capsys):
    archive = pack_3dhp(one, recordings[0])
    check_two_unpacking(main, archive, archive.parent, one, tmp_path / "store", capsys)


def test_a_store_that_cannot_be_written(one, tmp_path, capsys):
    check_store_that_cannot_be(main, one, tmp_path / "store", capsys)


def test_a_store_inside_the_source_is_no_subject(one):
    reports = [convert(one, one / "store", **SMALL) for _ in range(2)]
    assert str(reports[0]) == str(reports[1]) and reports[1].notes == []


def test_each_sequence_keeps_its_cameras(one, recordings, tmp_path):
    """The cameras are moved between two sequences, and each is converted while the other is
    absent.
    """
    first, second = recordings[:2]
    moved = [camera._replace(t=camera.t + [200.0, 0, 0]) for camera in second.cameras]
    second = second._replace(cameras=moved)
    official.write_annotations(one / "S1/Seq2/annot.mat", second.joints, second.cameras)
    official.write_calibration(one / "S1/Seq2/camera.calibration", second.cameras)
    for name in ("Seq1", "Seq2"):
        shutil.copytree(one / "S1" / name, tmp_path / name / "S1" / name)
        store = open_store(convert(tmp_path / name, tmp_path / "store", **SMALL).path)
    for r in (first, second):
        t = store.calibration.of_clip("S1", r.action)["camera 0"]["t"]
        np.testing.assert_allclose(t, r.cameras[0].t, atol=0.01)


def test_a_report_can_be_printed_whatever_files_are_called():
    report = Report(Path("store"), ["S\udcff is left out"], 0, 0, "")
    assert "S\\udcff" in str(report).encode().decode()


NOTHING = {
    "nowhere": (lambda d: None, "source"),
    "empty": (lambda d: d.mkdir(), "annot.mat"),
    "another name": (lambda d: (d / "Subject 1/Seq1").mkdir(parents=True), "Subject 1.*S1"),
    "no files": (lambda d: (d / "S1/Seq1").mkdir(parents=True), "S1/Seq1.*annot.mat"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_to_convert_is_a_clear_error(tmp_path, name, capsys):
    make, expected = NOTHING[name]
    make(tmp_path / "source")
    check_nothing(main, tmp_path / "source", tmp_path / "store", expected, capsys)


def test_the_command_prints_the_report(one, tmp_path):
    options = {"image_size": 32, "workers": 1, "fps": 12.5}
    check_command("mpi_inf_3dhp", convert, one, tmp_path / "store", options)


@pytest.mark.parametrize("wrong", [
    {"fps": 0}, {"fps": 100}, {"fps": 7}, {"image_size": 0}, {"cameras": ()}, {"cameras": (0, 14)},
])  # fmt: skip
def test_impossible_settings(one, tmp_path, wrong):
    with pytest.raises(ValueError):
        convert(one, tmp_path / "store", **SMALL | wrong)


def test_table_1_runs_on_it(source, tmp_path, monkeypatch):
    check_table_1(convert(source, tmp_path / "store", **SMALL).path, tmp_path, monkeypatch)
