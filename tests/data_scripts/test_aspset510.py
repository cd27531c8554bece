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
from data_scripts.imitations import official
from data_scripts.imitations.filmed import (
    LABELS,
    REAL_ANKLE,
    REAL_POINTS,
    ROWS,
    VIEWS,
    Y_UP,
    aspset_points,
    bytes_of,
    check_resume,
    cut,
    empty,
    faults,
    hole,
    lab,
    nan_matrix,
    pack_aspset,
    rewritten,
    served,
    share_on_person,
    shifted_images,
    shorter,
    stray_crops,
    told,
    without_key,
    write_aspset,
    write_c3d,
    write_real_frame,
    wrong_images,
    zero_box,
)
from mcss.data import open_store
from mcss.experiments.__main__ import main as experiments
from mcss.experiments.trainings import SCHEDULES

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
    return folder / "official", sums, bytes_of(folder / "store", "*.arrow")


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
    present = whole[1].present("1e28")
    assert present[:24].all(0).tolist() == [False, True, False] == present[:24].any(0).tolist()
    assert present[24:].all(0).tolist() == [True, False, False] == present[24:].any(0).tolist()
    assert all(whole[1].present(subject).all() for subject in ("04ac", "1c7d"))


def test_poses_are_the_truth(whole):
    for recording, subject, start in located(whole[1], lab()):
        stored = whole[1].poses(subject)[start : start + 24].numpy()
        assert np.abs(stored - recording.joints).max() < 0.1, (subject, recording.action)
        assert faults(stored) == []


def test_images_show_their_own_frame(whole):
    for recording, subject, start in located(whole[1], lab()):
        assert wrong_images(whole[1], subject, start, recording) == []
        assert (
            shifted_images(whole[1], subject, start, recording)
            == []
            == stray_crops(whole[1], subject, start, recording)
        )
    late, swapped = (
        recording._replace(frames=frames)
        for recording in lab()[:1]
        for frames in (np.roll(recording.frames, 1, 0), recording.frames[:, [0, 2, 1, 3]])
    )
    assert (
        len(wrong_images(whole[1], "04ac", 0, late)) > 12
    )  # one frame late, or two views exchanged, would be seen
    assert len(wrong_images(whole[1], "04ac", 0, swapped)) == 10


def test_joints_lie_on_the_person(whole):
    for recording, subject, start in located(whole[1], lab()):
        assert share_on_person(whole[1], subject, start, recording) >= 0.97
    assert (
        share_on_person(whole[1], "04ac", 0, lab()[0]._replace(masks=np.roll(lab()[0].masks, 2, 0)))
        < 0.97
    )


def test_ten_frames_a_second_unless_asked(source, tmp_path):
    options = {key: value for key, value in WHOLE.items() if key != "fps"}
    convert(source, tmp_path / "store", **{**options, "image_size": 64})
    store = open_store(tmp_path / "store")
    assert store.fps == 10 and store.length("04ac") == 10
    for recording, subject, start in located(store, lab()):
        assert (
            np.abs(store.poses(subject)[start : start + 5].numpy() - recording.joints[::5]).max()
            < 0.1
        )
        assert wrong_images(store, subject, start, recording, step=5, every=1) == []


EXCHANGED = [
    {"right": "left", "left": "right"}.get(label.split("_")[0], "")
    + label.removeprefix("left").removeprefix("right")
    for label in LABELS
]


@pytest.mark.parametrize("change, wrong", [
    ({}, []), ({"labels": EXCHANGED}, ["left"]), ({"turn": Y_UP}, ["up"]), ({"unit": 0.001}, ["unit"]),
], ids=["sound", "mirrored", "upside down", "metres"])  # fmt: skip
def test_anatomy_tells_side_up_and_unit(pair, tmp_path, change, wrong):
    """The cameras go along with each change, so that nothing but the people themselves gives it
    away.
    """
    said = told(
        convert, write_aspset(tmp_path / "source", pair, **change), tmp_path / "store", **SMALL
    )
    if wrong and not (tmp_path / "store/dataset.json").exists():
        assert said  # refused: as good
        return
    assert faults(open_store(tmp_path / "store").poses("04ac")) == wrong


def test_labels_decide_not_their_order(pair, tmp_path):
    source = write_aspset(tmp_path / "source", pair)
    order = np.random.default_rng(0).permutation(17)
    points = aspset_points(pair[0])
    write_c3d(
        source / "trainval/joints_3d/04ac/04ac-0001.c3d",
        points[:, order],
        [LABELS[k] for k in order],
    )
    _, store = converted(source, tmp_path / "store", image_size=64, workers=1)
    assert np.abs(store.poses("04ac").numpy() - pair[0].joints).max() < 0.1


def test_a_real_frame_and_camera(tmp_path):
    _, store = converted(
        write_real_frame(tmp_path / "source"), tmp_path / "store", image_size=256, workers=1
    )
    pose, (x, y, z) = store.poses("04ac"), REAL_POINTS[0]
    assert pose.shape == (2, 17, 3) and np.allclose(pose[0, 3], [x, z, -y], atol=0.1)
    assert faults(pose) == [] and store.present("04ac").tolist() == [[False, False, True]] * 2
    pixel = store.calibration.project(pose[:1], "04ac", [0], 2)[0, 3].numpy()
    *corner, side = store.crops("04ac")[0, 2].astype(float)
    assert np.allclose(corner + pixel * side / 256, REAL_ANKLE, atol=0.05)
    bright = store.images("04ac", [0], [2])[0].float().mean(0).numpy().clip(120) - 120
    rows, cols = np.mgrid[:256, :256] + 0.5
    assert np.allclose(
        [np.average(cols, weights=bright), np.average(rows, weights=bright)], pixel, atol=0.5
    )


def test_whole_archives_are_read_and_what_comes_later_is_added(archives, tmp_path):
    folder, sums, expected = archives
    late = tmp_path / "source/aspset510_v1_trainval-videos.tar.gz"
    shutil.copytree(folder, tmp_path / "source", ignore=shutil.ignore_patterns(late.name))
    options = dict(checksums=sums, progress=False, **SMALL)
    assert late.name in "".join(convert(tmp_path / "source", tmp_path / "store", **options).notes)
    assert open_store(tmp_path / "store").subjects == ["1e28"]
    shutil.copy(folder / late.name, late)
    assert convert(tmp_path / "source", tmp_path / "store", **options).notes == []
    assert bytes_of(tmp_path / "store", "*.arrow") == expected


def fetch(source, store, address, sums, tries=1):
    for left in reversed(range(tries)):
        try:
            return convert(
                source,
                store,
                url=address,
                checksums=sums,
                progress=False,
                **{**SMALL, "download": True},
            )
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
        assert (
            answers
            == {
                (False, True): [(0, size)],
                (True, True): [(0, half), (half, size - half)],
                (True, False): [(0, half), (0, size)],
            }[cut, ranges]
        )
        asked = len(log)
        fetch(tmp_path / "source", tmp_path / "store", address, sums)
        assert len(log) == asked  # nothing is fetched twice
    assert bytes_of(tmp_path / "store", "*.arrow") == expected


def test_a_wrong_checksum(archives, tmp_path):
    folder, sums, _ = archives
    (tmp_path / "source").mkdir()
    with served(folder) as (address, _), pytest.raises(ValueError, match=BOXES):
        fetch(tmp_path / "source", tmp_path / "store", address, {**sums, BOXES: "0" * 32})
    assert not list((tmp_path / "source").rglob(f"*{BOXES}*")) and not list(
        (tmp_path / "source").rglob("1e28-*.csv")
    )
    assert not (tmp_path / "store/dataset.json").exists()


def test_a_file_that_the_server_lacks_and_no_server(archives, tmp_path):
    folder, sums, _ = archives
    (tmp_path / "source").mkdir()
    with (
        served(folder, missing=[BOXES]) as (address, _),
        pytest.raises((ValueError, FileNotFoundError), match=BOXES),
    ):
        fetch(tmp_path / "source", tmp_path / "store", address, sums)
    with pytest.raises(
        (ValueError, FileNotFoundError), match=BOXES
    ):  # nobody listens there any more
        fetch(tmp_path / "source", tmp_path / "store", address, sums)


def test_offline_with_nothing_there(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(
        (ValueError, FileNotFoundError), match="(?s)source.*aspset510|aspset510.*source"
    ):
        convert(tmp_path / "source", tmp_path / "store", download=False, progress=False)
    assert not (tmp_path / "store/dataset.json").exists()
    (tmp_path / "file").touch()
    for download in (False, True):
        with pytest.raises(FileNotFoundError, match="file is no folder"):
            convert(tmp_path / "file", tmp_path / "store", download=download, progress=False)


@pytest.mark.parametrize("member, link", [
    ("../evil.txt", None), ("ASPset-510/../../evil.txt", None), ("{outside}/evil.txt", None), ("ASPset-510/test/boxes/link/evil.txt", "{outside}"),
])  # fmt: skip
def test_a_hostile_archive(archives, tmp_path, member, link):
    folder, sums, _ = archives
    shutil.copytree(folder, tmp_path / "source")
    (tmp_path / "outside").mkdir()
    member, link = (text and text.format(outside=tmp_path / "outside") for text in (member, link))
    with (
        tarfile.open(folder / BOXES) as good,
        tarfile.open(tmp_path / "source" / BOXES, "w:gz") as bad,
    ):
        for item in good:
            bad.addfile(item, good.extractfile(item))
        if link:
            item = tarfile.TarInfo(str(Path(member).parent))
            item.type, item.linkname = tarfile.SYMTYPE, link
            bad.addfile(item)
        item = tarfile.TarInfo(member)
        item.size = 4
        bad.addfile(item, io.BytesIO(b"evil"))
    known = {
        **sums,
        BOXES: hashlib.md5((tmp_path / "source" / BOXES).read_bytes()).hexdigest(),
    }  # so that the checksum does not save it
    said = told(convert, tmp_path / "source", tmp_path / "store", checksums=known, **SMALL)
    assert BOXES in said and "MD5" not in said
    assert not list(tmp_path.rglob("evil.txt")) and not [
        path for path in (tmp_path / "source").rglob("*") if path.is_symlink()
    ]
    assert not list((tmp_path / "source").rglob("1e28-*.csv"))  # refused as a whole


C3D, MID, BOX, JSON = (
    "joints_3d/04ac/04ac-0001.c3d",
    "videos/04ac/04ac-0001-mid.mkv",
    "boxes/04ac/04ac-0001-mid.csv",
    "cameras/04ac/04ac-mid.json",
)


@pytest.mark.filterwarnings("error:.*Empty input file")
@pytest.mark.parametrize("file, damage, mid, poses", [
    (C3D, cut, None, None), (C3D, Path.unlink, 12, None), (C3D, rewritten("ends early"), None, 8),
    (C3D, rewritten("nan joint"), 12, 11), (C3D, rewritten("odd label"), 12, 0),
    (MID, cut, None, 12), (MID, hole, None, 12), (MID, empty, 0, 12), (MID, Path.unlink, 0, 12),
    (BOX, cut, None, 12), (BOX, empty, 0, 12), (BOX, zero_box, 11, 12), (BOX, Path.unlink, None, 12),
    (JSON, cut, 12, 12), (JSON, without_key, 12, 12), (JSON, nan_matrix, 12, 12), (JSON, Path.unlink, 12, 12),
], ids=lambda value: getattr(value, "__name__", None))  # fmt: skip
def test_what_is_damaged_is_named_and_the_rest_converted(pair, tmp_path, file, damage, mid, poses):
    """mid, poses: how many frames keep an image of the middle camera, and a pose; None where that
    is for the converter to say.
    """
    source = write_aspset(tmp_path / "source", pair)
    path = source / "trainval" / file
    damage(*[path, pair[0]][: 1 + (damage.__name__ in ("ends early", "nan joint", "odd label"))])
    said = told(convert, source, tmp_path / "store", **SMALL)
    assert (path.stem in said or "04ac/0001" in said) and "Traceback" not in said
    store = open_store(tmp_path / "store")
    assert (
        store.present("1e28").sum() == 12
        and np.abs(store.poses("1e28").numpy() - pair[1].joints).max() < 0.1
    )
    if "04ac" not in store.subjects:
        assert file == C3D and damage.__name__ in (
            "cut",
            "unlink",
            "odd label",
        )  # without joints it may be left out
        return
    count, pose, present = store.length("04ac"), store.poses("04ac"), store.present("04ac")
    known = np.zeros(count, bool) if pose is None else np.isfinite(pose.numpy()).all((1, 2))
    assert (
        not known.any() or np.abs(pose.numpy() - pair[0].joints[:count])[known].max() < 0.1
    )  # whatever is stored is right
    stored = shorter(pair[0], count)
    assert (
        wrong_images(store, "04ac", 0, stored, every=1)
        == []
        == stray_crops(store, "04ac", 0, stored)
    )
    assert mid is None or present[:, 1].sum() == mid
    assert poses is None or known.sum() == poses
    assert file != C3D or known.sum() < 12
    assert file not in (MID, BOX) or damage is Path.unlink or not present[:, 1].all()
    assert file == C3D or present[:, [0, 2]].all()
    assert damage.__name__ != "nan joint" or not known[5]
    assert damage is not zero_box or not present[5, 1]


@pytest.mark.parametrize(
    "content",
    [
        b"04ac,0001,train,all\n1e28,0001,te",
        b"",
        b"\xff\xfe\0\1",
        b"x" * 200000,
        b"04ac,0001,train,all\n1e28,0001,dev,mid\n",
    ],
)
def test_damaged_splits(pair, tmp_path, content):
    source = write_aspset(tmp_path / "source", pair)
    (source / "splits.csv").write_bytes(content)
    said = told(convert, source, tmp_path / "store", **SMALL)
    assert "splits.csv, line" in said or "splits.csv does not name it" in said


def test_the_command(pair, tmp_path, capsys):
    source = write_aspset(tmp_path / "source", pair)
    options = ["--image-size", "64", "--workers", "1", "--offline"]
    assert main([str(source), str(tmp_path / "store"), *options]) == 0
    out, err = capsys.readouterr()
    assert (
        str(convert(source, tmp_path / "store", image_size=64, download=False, progress=False))
        in out
        and "Traceback" not in err
    )
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
    official.check_two_at_once(convert, main, source, tmp_path / "store", capsys)


def test_table1_runs_on_it(source, tmp_path, monkeypatch, capsys):
    convert(source, tmp_path / "store", **{**WHOLE, "image_size": 32})
    tiny = dataclasses.replace(
        SCHEDULES["small"], pairs=24, labelled=4, epochs=1, lr_drop_epoch=1, gap=0.04
    )
    monkeypatch.setitem(SCHEDULES, "small", tiny)
    experiments(
        [
            "table1",
            "--store",
            str(tmp_path / "store"),
            "--schedule",
            "small",
            "--results",
            str(tmp_path / "results"),
        ]
    )
    (result,) = (tmp_path / "results").glob("table1.*.json")
    rows = json.loads(result.read_text())["rows"]
    assert len(rows) == 4 and all(np.isfinite(row["values"]["MPJPE"]["mean"]) for row in rows)
