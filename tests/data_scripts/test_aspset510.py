"""The converter of ASPset-510, on rendered recordings in its official format and on one real frame
and camera.
"""

import dataclasses
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest

for needed in ("anny", "warp", "ezc3d", "av"):
    pytest.importorskip(needed)

from data_scripts.aspset510 import convert, main
from data_scripts.imitations.filmed import (
    LABELS,
    ROWS,
    VIEWS,
    aspset_points,
    write_aspset,
    write_c3d,
    write_camera,
    write_csv,
    write_video,
)
from mcss.data import open_store
from mcss.experiments.__main__ import main as experiments
from mcss.experiments.trainings import SCHEDULES
from tests.data_scripts.archives import pack_aspset, served
from tests.data_scripts.contents import (
    faults,
    share_on_person,
    shifted_images,
    stray_crops,
    wrong_images,
)
from tests.data_scripts.damage import (
    cut,
    empty,
    hole,
    nan_matrix,
    rewritten,
    without_key,
    zero_box,
)
from tests.data_scripts.recordings import lab, shorter
from tests.data_scripts.runs import check_resume, check_two_at_once, complaints, store_bytes

WHOLE = dict(image_size=128, fps=50, download=False, progress=False)
SMALL = dict(image_size=64, fps=50, download=False, workers=1)
BOXES = "aspset510_v1_test-boxes.tar.gz"


def converted(source, path, **options):
    report = convert(source, path, **{**WHOLE, **options})
    return report, open_store(path)


def located(store, recordings):
    """(recording, its subject in the store, its first stored frame)."""
    for recording in recordings:
        subject, source, *_ = ROWS[recording.subject, recording.action]
        (clip,) = [clip for clip in store.clips(subject) if clip.source == source]
        yield recording, subject, clip.start


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_aspset(tmp_path_factory.mktemp("aspset") / "source", lab())


@pytest.fixture(scope="module")
def whole(source):
    return converted(source, source.parent / "store", workers=2)


@pytest.fixture(scope="module")
def pair():
    """One action of two subjects, short: enough for everything that can go wrong."""
    return [
        shorter(recording, 12)
        for recording in lab()
        if recording.action == "Walking" and recording.subject != "S5"
    ]


@pytest.fixture(scope="module")
def archives(pair, tmp_path_factory):
    """(folder of the nine archives, their checksums, what the unpacked folder becomes)."""
    folder = tmp_path_factory.mktemp("archives")
    sums = pack_aspset(write_aspset(folder / "source", pair), folder / "official")
    convert(folder / "source", folder / "store", progress=False, **SMALL)
    return folder / "official", sums, store_bytes(folder / "store", "*.arrow")


def test_the_store_holds_what_splits_csv_lists(whole):
    report, store = whole
    assert (report.frames, report.images, report.notes) == (6 * 24, len(store), [])
    assert Path(report.path) == store.path and "144" in str(report)
    assert sorted(store.subjects) == ["04ac", "1c7d", "1e28"]
    assert (store.view_names, store.fps, store.image_size) == (list(VIEWS), 50, 128)
    assert [(clip.start, clip.stop, clip.source, clip.action) for clip in store.clips("1c7d")] == [
        (0, 24, "0001", "unlabelled"),
        (24, 48, "0002", "unlabelled"),
    ]
    splits = {
        name: {s: split.frames[s].tolist() for s in split.subjects}
        for name, split in store.splits.items()
    }
    first, second = list(range(24)), list(range(24, 48))
    assert splits == {
        "train": {"04ac": first + second, "1c7d": first},
        "val": {"1c7d": second},
        "test": {"1e28": first + second},
    }


def test_a_test_clip_is_seen_by_its_one_camera(whole):
    first, second = np.split(whole[1].present("1e28"), [24])
    assert first.all(0).tolist() == first.any(0).tolist() == [False, True, False]
    assert second.all(0).tolist() == second.any(0).tolist() == [True, False, False]
    assert all(whole[1].present(subject).all() for subject in ("04ac", "1c7d"))


def test_poses_are_the_truth(whole):
    for recording, subject, start in located(whole[1], lab()):
        stored = whole[1].poses(subject)[start : start + 24].numpy()
        assert np.abs(stored - recording.joints).max() < 0.1, (subject, recording.action)
        assert faults(stored) == []


def test_images_show_their_own_frame(whole):
    for recording, subject, start in located(whole[1], lab()):
        assert wrong_images(whole[1], subject, start, recording) == []
        assert shifted_images(whole[1], subject, start, recording) == []
        assert stray_crops(whole[1], subject, start, recording) == []
    # one frame late, or two views exchanged, would be seen
    first = lab()[0]
    late = first._replace(frames=np.roll(first.frames, 1, 0))
    exchanged = first._replace(frames=first.frames[:, [0, 2, 1, 3]])
    assert len(wrong_images(whole[1], "04ac", 0, late)) > 12
    assert len(wrong_images(whole[1], "04ac", 0, exchanged)) == 10


def test_joints_lie_on_the_person(whole):
    for recording, subject, start in located(whole[1], lab()):
        assert share_on_person(whole[1], subject, start, recording) >= 0.97
    late = lab()[0]._replace(masks=np.roll(lab()[0].masks, 2, 0))
    assert share_on_person(whole[1], "04ac", 0, late) < 0.97


def test_ten_frames_a_second_unless_requested(source, tmp_path):
    options = {key: value for key, value in WHOLE.items() if key != "fps"}
    convert(source, tmp_path / "store", **{**options, "image_size": 64})
    store = open_store(tmp_path / "store")
    assert store.fps == 10 and store.length("04ac") == 10
    for recording, subject, start in located(store, lab()):
        poses = store.poses(subject)[start : start + 5].numpy()
        assert np.abs(poses - recording.joints[::5]).max() < 0.1
        assert wrong_images(store, subject, start, recording, step=5, every=1) == []


SIDES = {"right": "left", "left": "right"}
EXCHANGED = ["_".join(SIDES.get(word, word) for word in label.split("_")) for label in LABELS]
Y_UP = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)  # not ASPset's world, which has Y down


@pytest.mark.parametrize("change, wrong", [
    ({}, []),
    ({"labels": EXCHANGED}, ["left"]),
    ({"turn": Y_UP}, ["up"]),
    ({"unit": 0.001}, ["unit"]),
], ids=["sound", "mirrored", "upside down", "metres"])  # fmt: skip
def test_anatomy_tells_side_up_and_unit(pair, tmp_path, change, wrong):
    """The cameras are changed with the joints, so that only the people themselves give it away."""
    source = write_aspset(tmp_path / "source", pair, **change)
    notes = complaints(convert, source, tmp_path / "store", **SMALL)
    if wrong and not (tmp_path / "store/dataset.json").exists():
        assert notes  # refused: as good
        return
    assert faults(open_store(tmp_path / "store").poses("04ac")) == wrong


def test_labels_decide_not_their_order(pair, tmp_path):
    source = write_aspset(tmp_path / "source", pair)
    order = np.random.default_rng(0).permutation(17)
    points, labels = aspset_points(pair[0])[:, order], [LABELS[k] for k in order]
    write_c3d(source / "trainval/joints_3d/04ac/04ac-0001.c3d", points, labels)
    _, store = converted(source, tmp_path / "store", image_size=64, workers=1)
    assert np.abs(store.poses("04ac").numpy() - pair[0].joints).max() < 0.1


#: One frame's joints in mm, in ASPset's world and in the order of LABELS; the camera; and where it
#: sees the right ankle, in pixels.
REAL_POINTS = [
    (-518.131775, 1121.474, 18538.8398), (-473.19989, 700.602722, 18523.4902),
    (-423.036896, 308.107239, 18527.5508), (-280.203583, 195.340317, 18424.2238),
    (-486.079163, 62.3998604, 18336.7559), (-391.279541, -183.917984, 18391.5391),
    (-505.070129, 1012.66479, 18736.2852), (-235.622971, 676.157654, 18690.8340),
    (-380.700531, 306.988159, 18674.6523), (-201.497665, 96.0998917, 18692.3438),
    (-399.593689, 57.1454849, 18776.0781), (-434.380341, -188.396454, 18766.8672),
    (-412.053192, -511.55838, 18571.8145), (-389.499725, -358.688873, 18568.6406),
    (-415.598541, -277.202179, 18583.1680), (-456.611267, 67.3956985, 18614.7578),
    (-472.049225, 243.091171, 18629.4688),
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
    """Writes one real frame and camera, twice in a row, as subject 04ac, clip 0026, right camera;
    the video shows a white disc where the camera sees the right ankle.
    """
    points = np.array(REAL_POINTS)
    seen = (points @ np.transpose(REAL_R) + REAL_T) @ np.transpose(REAL_K)
    pixels = seen[:, :2] / seen[:, 2:]
    box = [*pixels.min(0) - 40, *pixels.max(0) + 40]
    y, x = np.mgrid[:2160, :3840] + 0.5
    disc = (x - REAL_ANKLE[0]) ** 2 + (y - REAL_ANKLE[1]) ** 2 < 12**2
    frame = np.where(disc[..., None], np.uint8(255), np.uint8(40)).repeat(3, -1)
    test = folder / "test"
    write_c3d(test / "joints_3d/04ac/04ac-0026.c3d", np.stack([points] * 2))
    write_camera(test / "cameras/04ac/04ac-right.json", REAL_K, REAL_R, REAL_T)
    write_video(test / "videos/04ac/04ac-0026-right.mkv", [frame] * 2)
    write_csv(test / "boxes/04ac/04ac-0026-right.csv", [box] * 2, ("x1", "y1", "x2", "y2"))
    write_csv(folder / "splits.csv", [("04ac", "0026", "test", "right")])
    return folder


def test_a_real_frame_and_camera(tmp_path):
    source = write_real_frame(tmp_path / "source")
    _, store = converted(source, tmp_path / "store", image_size=256, workers=1)
    pose, (x, y, z) = store.poses("04ac"), REAL_POINTS[0]
    assert pose.shape == (2, 17, 3) and np.allclose(pose[0, 3], [x, z, -y], atol=0.1)
    assert faults(pose) == [] and store.present("04ac").tolist() == [[False, False, True]] * 2
    pixel = store.calibration.project(pose[:1], "04ac", [0], 2)[0, 3].numpy()
    *corner, side = store.crops("04ac")[0, 2].astype(float)
    assert np.allclose(corner + pixel * side / 256, REAL_ANKLE, atol=0.05)
    bright = store.images("04ac", [0], [2])[0].float().mean(0).numpy().clip(120) - 120
    centre = [np.average(axis + 0.5, weights=bright) for axis in np.mgrid[:256, :256][::-1]]
    assert np.allclose(centre, pixel, atol=0.5)


def test_whole_archives_are_read_and_what_comes_later_is_added(archives, tmp_path):
    folder, sums, expected = archives
    late = tmp_path / "source/aspset510_v1_trainval-videos.tar.gz"
    shutil.copytree(folder, tmp_path / "source", ignore=shutil.ignore_patterns(late.name))
    options = dict(checksums=sums, progress=False, **SMALL)
    assert late.name in "".join(convert(tmp_path / "source", tmp_path / "store", **options).notes)
    assert open_store(tmp_path / "store").subjects == ["1e28"]
    shutil.copy(folder / late.name, late)
    assert convert(tmp_path / "source", tmp_path / "store", **options).notes == []
    assert store_bytes(tmp_path / "store", "*.arrow") == expected


def fetch(source, store, address, sums, tries=1):
    """Converts what has to be downloaded first; a download that breaks off may be tried again."""
    options = {**SMALL, "url": address, "checksums": sums, "download": True, "progress": False}
    for left in reversed(range(tries)):
        try:
            return convert(source, store, **options)
        except (ValueError, FileNotFoundError):
            if not left:
                raise


@pytest.mark.parametrize(
    "cut, ranges",
    [(False, True), (True, True), (True, False)],
    ids=["whole", "cut", "cut, no ranges"],
)
def test_download(archives, tmp_path, cut, ranges):
    folder, sums, expected = archives
    largest = max(sums, key=lambda name: (folder / name).stat().st_size)
    size = (folder / largest).stat().st_size
    (tmp_path / "source").mkdir()
    with served(folder, ranges, largest if cut else None) as (address, log):
        fetch(tmp_path / "source", tmp_path / "store", address, sums, tries=2)
        answers = [(first, count) for name, first, count in log if name == largest]
        assert {name for name, *_ in log} == set(sums)
        half = size // 2
        expected_answers = {
            (False, True): [(0, size)],
            (True, True): [(0, half), (half, size - half)],
            (True, False): [(0, half), (0, size)],
        }
        assert answers == expected_answers[cut, ranges]
        requests = len(log)
        fetch(tmp_path / "source", tmp_path / "store", address, sums)
        assert len(log) == requests  # nothing is fetched twice
    assert store_bytes(tmp_path / "store", "*.arrow") == expected


def test_a_wrong_checksum(archives, tmp_path):
    folder, sums, _ = archives
    (tmp_path / "source").mkdir()
    with served(folder) as (address, _), pytest.raises(ValueError, match=BOXES):
        fetch(tmp_path / "source", tmp_path / "store", address, {**sums, BOXES: "0" * 32})
    assert not list((tmp_path / "source").rglob(f"*{BOXES}*"))
    assert not list((tmp_path / "source").rglob("1e28-*.csv"))
    assert not (tmp_path / "store/dataset.json").exists()


def test_a_file_that_the_server_lacks_and_no_server(archives, tmp_path):
    folder, sums, _ = archives
    (tmp_path / "source").mkdir()
    with (
        served(folder, missing=[BOXES]) as (address, _),
        pytest.raises((ValueError, FileNotFoundError), match=BOXES),
    ):
        fetch(tmp_path / "source", tmp_path / "store", address, sums)
    # the server is gone
    with pytest.raises((ValueError, FileNotFoundError), match=BOXES):
        fetch(tmp_path / "source", tmp_path / "store", address, sums)


def test_offline_with_nothing_there(tmp_path):
    (tmp_path / "source").mkdir()
    names_both = "(?s)source.*aspset510|aspset510.*source"
    with pytest.raises((ValueError, FileNotFoundError), match=names_both):
        convert(tmp_path / "source", tmp_path / "store", download=False, progress=False)
    assert not (tmp_path / "store/dataset.json").exists()
    (tmp_path / "file").touch()
    for download in (False, True):
        with pytest.raises(FileNotFoundError, match="file is no folder"):
            convert(tmp_path / "file", tmp_path / "store", download=download, progress=False)


@pytest.mark.parametrize("member, link", [
    ("../evil.txt", None),
    ("ASPset-510/../../evil.txt", None),
    ("{outside}/evil.txt", None),
    ("ASPset-510/test/boxes/link/evil.txt", "{outside}"),
])  # fmt: skip
def test_a_hostile_archive(archives, tmp_path, member, link):
    folder, sums, _ = archives
    shutil.copytree(folder, tmp_path / "source")
    (tmp_path / "outside").mkdir()
    member, link = (text and text.format(outside=tmp_path / "outside") for text in (member, link))
    archive = tmp_path / "source" / BOXES
    with tarfile.open(folder / BOXES) as good, tarfile.open(archive, "w:gz") as bad:
        for item in good:
            bad.addfile(item, good.extractfile(item))
        if link:
            item = tarfile.TarInfo(str(Path(member).parent))
            item.type, item.linkname = tarfile.SYMTYPE, link
            bad.addfile(item)
        item = tarfile.TarInfo(member)
        item.size = 4
        bad.addfile(item, io.BytesIO(b"evil"))
    # its checksum is right, so that it is not refused for that
    known = {**sums, BOXES: hashlib.md5(archive.read_bytes()).hexdigest()}
    notes = complaints(convert, tmp_path / "source", tmp_path / "store", checksums=known, **SMALL)
    assert BOXES in notes and "MD5" not in notes
    assert not list(tmp_path.rglob("evil.txt"))
    assert not [path for path in (tmp_path / "source").rglob("*") if path.is_symlink()]
    assert not list((tmp_path / "source").rglob("1e28-*.csv"))  # refused as a whole


C3D, MID = "joints_3d/04ac/04ac-0001.c3d", "videos/04ac/04ac-0001-mid.mkv"
BOX, JSON = "boxes/04ac/04ac-0001-mid.csv", "cameras/04ac/04ac-mid.json"


@pytest.mark.filterwarnings("error:.*Empty input file")
@pytest.mark.parametrize("file, damage, mid, poses", [
    (C3D, cut, None, None), (C3D, Path.unlink, 12, None), (C3D, rewritten("ends early"), None, 8),
    (C3D, rewritten("nan joint"), 12, 11), (C3D, rewritten("odd label"), 12, 0),
    (MID, cut, None, 12), (MID, hole, None, 12), (MID, empty, 0, 12), (MID, Path.unlink, 0, 12),
    (BOX, cut, None, 12), (BOX, empty, 0, 12), (BOX, zero_box, 11, 12),
    (BOX, Path.unlink, None, 12), (JSON, cut, 12, 12), (JSON, without_key, 12, 12),
    (JSON, nan_matrix, 12, 12), (JSON, Path.unlink, 12, 12),
], ids=lambda value: getattr(value, "__name__", None))  # fmt: skip
def test_what_is_damaged_is_named_and_the_rest_converted(pair, tmp_path, file, damage, mid, poses):
    """mid, poses: how many frames keep an image of the middle camera, and a pose; None where that
    is for the converter to say.
    """
    source = write_aspset(tmp_path / "source", pair)
    path = source / "trainval" / file
    damage(*[path, pair[0]][: 1 + (damage.__name__ in ("ends early", "nan joint", "odd label"))])
    notes = complaints(convert, source, tmp_path / "store", **SMALL)
    assert (path.stem in notes or "04ac/0001" in notes) and "Traceback" not in notes
    store = open_store(tmp_path / "store")
    assert store.present("1e28").sum() == 12
    assert np.abs(store.poses("1e28").numpy() - pair[1].joints).max() < 0.1
    if "04ac" not in store.subjects:  # without joints it may be left out
        assert file == C3D and damage.__name__ in ("cut", "unlink", "odd label")
        return
    count, pose, present = store.length("04ac"), store.poses("04ac"), store.present("04ac")
    known = np.zeros(count, bool) if pose is None else np.isfinite(pose.numpy()).all((1, 2))
    # whatever is stored is right
    assert not known.any() or np.abs(pose.numpy() - pair[0].joints[:count])[known].max() < 0.1
    stored = shorter(pair[0], count)
    assert wrong_images(store, "04ac", 0, stored, every=1) == []
    assert stray_crops(store, "04ac", 0, stored) == []
    assert mid is None or present[:, 1].sum() == mid
    assert poses is None or known.sum() == poses
    assert file != C3D or known.sum() < 12
    assert file not in (MID, BOX) or damage is Path.unlink or not present[:, 1].all()
    assert file == C3D or present[:, [0, 2]].all()
    assert damage.__name__ != "nan joint" or not known[5]
    assert damage is not zero_box or not present[5, 1]


@pytest.mark.parametrize("content", [
    b"04ac,0001,train,all\n1e28,0001,te",
    b"",
    b"\xff\xfe\0\1",
    b"x" * 200000,
    b"04ac,0001,train,all\n1e28,0001,dev,mid\n",
])  # fmt: skip
def test_damaged_splits(pair, tmp_path, content):
    source = write_aspset(tmp_path / "source", pair)
    (source / "splits.csv").write_bytes(content)
    notes = complaints(convert, source, tmp_path / "store", **SMALL)
    assert "splits.csv, line" in notes or "splits.csv does not name it" in notes


def test_the_command(pair, tmp_path, capsys):
    source = write_aspset(tmp_path / "source", pair)
    options = ["--image-size", "64", "--workers", "1", "--offline"]
    assert main([str(source), str(tmp_path / "store"), *options]) == 0
    out, err = capsys.readouterr()
    report = convert(source, tmp_path / "store", image_size=64, download=False, progress=False)
    assert str(report) in out and "Traceback" not in err
    for path in source.rglob("*.mkv"):
        path.write_bytes(b"no video")
    assert main([str(source), str(tmp_path / "other"), *options]) == 1
    out, err = capsys.readouterr()
    assert "error: " in err and "1e28-0001-mid.mkv" in err and "Traceback" not in err
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty"), str(tmp_path / "none"), *options]) == 1
    assert str(tmp_path / "empty") in capsys.readouterr().err


def test_killed_it_goes_on_and_a_second_run_changes_nothing(source, whole, tmp_path):
    check_resume(convert, source, whole, tmp_path / "store", WHOLE)


def test_two_at_once(source, tmp_path, capsys):
    check_two_at_once(convert, main, source, tmp_path / "store", capsys)


def test_table1_runs_on_it(source, tmp_path, monkeypatch, capsys):
    convert(source, tmp_path / "store", **{**WHOLE, "image_size": 32})
    tiny = dataclasses.replace(
        SCHEDULES["small"], pairs=24, labelled=4, epochs=1, lr_drop_epoch=1, gap=0.04
    )
    monkeypatch.setitem(SCHEDULES, "small", tiny)
    store, results = str(tmp_path / "store"), str(tmp_path / "results")
    experiments(["table1", "--store", store, "--schedule", "small", "--results", results])
    (result,) = (tmp_path / "results").glob("table1.*.json")
    rows = json.loads(result.read_text())["rows"]
    assert len(rows) == 4 and all(np.isfinite(row["values"]["MPJPE"]["mean"]) for row in rows)
