"""The converter of plain videos: rendered recordings, each view beginning at another moment."""

import struct
import subprocess
import sys
import unicodedata
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

for needed in ("anny", "warp", "ezc3d", "av"):
    pytest.importorskip(needed)

from data_scripts.imitations import official
from data_scripts.imitations.filmed import FPS, PADS, VIEWS, write_csv, write_video, write_videos
from data_scripts.videos import convert, main
from mcss.data import open_store
from mcss.inference import predict
from mcss.training import TrainingConfig, train
from tests.data_scripts.contents import shifted_images, stray_crops, wrong_images
from tests.data_scripts.damage import cut, empty, hole, spoil_frame
from tests.data_scripts.recordings import lab, shorter
from tests.data_scripts.runs import check_resume, check_two_at_once, complaints, store_bytes

SMALL = dict(image_size=64, fps=50, workers=1)
HEADER = ("frame", "x", "y", "width", "height")


def converted(source, path, **options):
    report = convert(source, path, progress=False, **{**SMALL, **options})
    return report, open_store(path)


def located(store, recordings, step=1):
    """(recording, its first stored frame)."""
    for recording in recordings:
        (clip,) = [
            clip for clip in store.clips(recording.subject) if clip.source == recording.action
        ]
        assert clip.stop - clip.start == len(recording.frames[::step])
        yield recording, clip.start


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_videos(tmp_path_factory.mktemp("videos") / "source", lab())


@pytest.fixture(scope="module")
def whole(source):
    return converted(source, source.parent / "store", image_size=128, workers=2, test=["S9"])


@pytest.fixture(scope="module")
def one():
    return shorter(lab()[0], 12)  # S1, Walking


def test_what_is_in_the_store(whole):
    report, store = whole
    assert (report.frames, report.images, report.notes) == (6 * 24, 6 * 24 * 3, [])
    assert len(store) == report.images and str(report.images) in str(report)
    assert Path(report.path) == store.path
    assert (store.subjects, store.view_names) == (["S1", "S5", "S9"], list(VIEWS))
    assert (store.fps, store.image_size) == (50, 128)
    assert {clip.source for clip in store.clips("S5")} == {"Walking", "Sitting"}
    assert store.calibration is None
    assert all(store.poses(subject) is None for subject in store.subjects)
    assert {name: (split.subjects, split.views) for name, split in store.splits.items()} == {
        "train": (["S1", "S5"], [0, 1, 2]),
        "test": (["S9"], [0, 1, 2]),
    }
    for split in store.splits.values():
        assert all(len(split.frames[s]) == store.length(s) for s in split.subjects)


def test_images_show_their_own_frame(whole):
    for recording, start in located(whole[1], lab()):
        assert wrong_images(whole[1], recording.subject, start, recording) == []
        assert shifted_images(whole[1], recording.subject, start, recording) == []
        assert stray_crops(whole[1], recording.subject, start, recording) == []
    # a wrong offset or view would be seen
    (recording, start), *_ = located(whole[1], lab()[:1])
    for wrong, least in (
        (np.roll(recording.frames, 1, 0), 13),
        (np.roll(recording.frames, -1, 0), 13),
        (recording.frames[:, [1, 0, 2, 3]], 10),
    ):
        assert len(wrong_images(whole[1], "S1", start, recording._replace(frames=wrong))) >= least


@pytest.fixture(scope="module")
def sparse(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("sparse") / "store"
    convert(source, path, image_size=64, workers=1, progress=False)
    return open_store(path)


def test_ten_frames_a_second_unless_requested_and_no_test_split(sparse):
    assert sparse.fps == 10 and list(sparse.splits) == ["train"]
    assert sparse.splits["train"].subjects == ["S1", "S5", "S9"]
    for recording, start in located(sparse, lab(), 5):
        assert wrong_images(sparse, recording.subject, start, recording, step=5, every=1) == []


def test_offsets_as_argument(one, tmp_path):
    file, argument, none = (tmp_path / name for name in ("file", "argument", "none"))
    by_file = write_videos(file / "source", [one])
    bare = write_videos(tmp_path / "source", [one], offsets=False)
    converted(by_file, file / "store")
    converted(bare, argument, offsets={view: pad / FPS for view, pad in PADS.items()})
    assert store_bytes(argument, "*.arrow") == store_bytes(file / "store", "*.arrow")
    _, store = converted(bare, none)
    assert store.length("S1") > 12 and wrong_images(store, "S1", 0, one)  # offsets matter


def test_a_view_that_begins_later_or_is_missing_is_absent(tmp_path, one):
    """One video begins two frames later than second 0 of the clip; another is not there at all."""
    source = write_videos(tmp_path / "source", [one, lab()[1]], offsets=False, pads={})
    write_video(source / "S1/Walking/right.mp4", one.frames[2:, 2])
    (source / "S1/Walking/right.csv").unlink()
    (source / "S1/Sitting/mid.mp4").unlink()
    (source / "S1/Sitting/mid.csv").unlink()
    write_csv(source / "S1/Walking/offsets.csv", [("right", -2 / FPS)], ("view", "seconds"))
    _, store = converted(source, tmp_path / "store")
    (_, walking), (_, sitting) = located(store, [one, lab()[1]])
    assert store.present("S1")[walking : walking + 12, 2].tolist() == [False] * 2 + [True] * 10
    present = store.present("S1")[sitting : sitting + 24]
    assert present.all(0).tolist() == present.any(0).tolist() == [True, False, True]
    assert wrong_images(store, "S1", walking, one, every=1) == []
    assert wrong_images(store, "S1", sitting, lab()[1]) == []


@pytest.mark.parametrize("offsets, frames, seen, note", [
    ({"left": 5}, 12, [0, 12, 12], "left: left out: by its offset"),
    ({"left": -5}, 12, [0, 12, 12], "left: left out: by its offset"),
    ({"left": -5e9, "mid": -5e9}, 12, [12, 12, 0], "right: left out: by its offset"),
    ({"left": 9, "mid": 9, "right": 9}, 0, [], "do not show the same moments"),
    ({"left": -1, "mid": -1, "right": -1.1}, 17, [12, 12, 12], ""),
    ({"left": np.nan}, 0, [], "left nan"),
    ({"left": np.inf}, 0, [], "left inf"),
])  # fmt: skip
def test_offsets_that_lead_beyond_the_others(one, tmp_path, offsets, frames, seen, note):
    source = write_videos(tmp_path / "source", [one], offsets=False, pads={}, boxes=False)
    assert note in complaints(convert, source, tmp_path / "store", offsets=offsets, **SMALL)
    assert (tmp_path / "store/dataset.json").exists() == (frames > 0)
    if frames:
        store = open_store(tmp_path / "store")
        assert store.present("S1").sum(0).tolist() == seen and store.length("S1") == frames


def test_two_pairs_with_ages_between_them(tmp_path):
    for view in "abcd":
        grey(tmp_path / f"source/{view}.mp4", range(30))
    options = SMALL | {"fps": 10, "offsets": {"a": -5e9, "b": -5e9}}
    notes = complaints(convert, tmp_path / "source", tmp_path / "store", **options)
    assert "do not show the same moments" in notes


def test_one_view_and_boxes_without_a_video_are_named(one, tmp_path):
    source = write_videos(tmp_path / "source", [one], offsets=False, pads={})
    for view in VIEWS[1:]:
        (source / f"S1/Walking/{view}.mp4").unlink()
    notes = complaints(convert, source, tmp_path / "store", **SMALL)
    assert "one view only" in notes
    assert all(f"{view}.csv is left out: there is no video" in notes for view in VIEWS[1:])


def test_folders_behind_links(one, tmp_path):
    (tmp_path / "source").mkdir()
    elsewhere = write_videos(tmp_path / "elsewhere", [one])
    (tmp_path / "source/S1").symlink_to(elsewhere / "S1")
    (elsewhere / "S1/round").symlink_to(tmp_path / "source")  # leads round in a circle
    assert converted(tmp_path / "source", tmp_path / "store")[1].length("S1") == 12


def test_a_store_among_the_videos(one, tmp_path, monkeypatch):
    """It is never taken for a source, however it is written; and it cannot be the folder of the
    videos itself.
    """
    source = write_videos(tmp_path / "source", [one])
    monkeypatch.chdir(source)
    notes = [
        convert(path, store, progress=False, **SMALL).notes
        for path, store in ((source, "out"), (".", source / "out"), (source, "out"))
    ]
    assert notes[0] == [] == notes[1] == notes[2]
    with pytest.raises(ValueError, match="take another one for the store"):
        convert(source, ".", progress=False, **SMALL)


def test_boxes_with_gaps_are_interpolated(one, tmp_path):
    source = write_videos(tmp_path / "source", [one], pads={"left": 2})
    boxes = [(2, 20, 30, 60, 100), (8, 80, 60, 60, 100), (13, 130, 60, 60, 110)]
    write_csv(source / "S1/Walking/left.csv", boxes, HEADER)
    _, store = converted(source, tmp_path / "store")
    assert store.present("S1").all() and wrong_images(store, "S1", 0, one, every=1) == []
    x, y, side = store.crops("S1")[:, 0].astype(float).T
    frame = np.arange(12) + 2
    assert np.allclose(x + side / 2, np.interp(frame, [2, 8, 13], [50, 110, 160]), atol=1)
    assert np.allclose(y + side / 2, np.interp(frame, [2, 8, 13], [80, 110, 115]), atol=1)
    assert np.allclose(side[:7], side[0], atol=1) and side[0] >= 100 and side[11] > side[6]


@pytest.mark.parametrize(
    "rows, columns",
    [(slice(32, 224), slice(0, 256)), (slice(0, 256), slice(0, 200))],
    ids=["wide", "high"],
)
def test_without_boxes_the_whole_picture_padded(one, tmp_path, rows, columns):
    oblong = one._replace(frames=one.frames[:, :, rows, columns])
    source = write_videos(tmp_path / "source", [oblong], boxes=False)
    _, store = converted(source, tmp_path / "store", image_size=128)
    x, y, side = store.crops("S1")[0, 0]
    height, width = oblong.frames.shape[2:4]
    assert side == 256 and x <= 0 and y <= 0 and x + side >= width and y + side >= height
    assert store.present("S1").all() and wrong_images(store, "S1", 0, oblong) == []


@pytest.mark.parametrize(
    "others, rate",
    [([], 25), (["S5"], 25), (["S5"], Fraction(50000, 1001))],
    ids=["alone", "25", "49.95"],
)
def test_frame_rates_that_disagree(tmp_path, one, others, rate):
    clips = [one] + [shorter(r, 12) for r in lab() if r.subject in others]
    source = write_videos(tmp_path / "source", clips)
    write_video(source / "S1/Walking/mid.mp4", one.frames[:, 1], fps=rate)
    notes = complaints(convert, source, tmp_path / "store", image_size=64, fps=10, workers=1)
    assert "different rates" in notes and f"mid {float(rate):.4g}" in notes and "left 50" in notes
    store = open_store(tmp_path / "store")
    assert store.subjects == ["S1", *others]
    # its boxes are counted in frames, so a film of half the rate has them from later on
    assert store.present("S1")[:2, [0, 2]].all() and store.present("S1")[1].all()


def test_a_varying_frame_rate(one, tmp_path):
    """As phones film: seven frames 20 ms apart, then five 40 ms apart. They are taken by their
    time.
    """
    source = write_videos(tmp_path / "source", [one], pads={}, boxes=False)
    times = [20 * i + 20 * max(0, i - 6) for i in range(12)]
    for v, view in enumerate(VIEWS):
        write_video(source / f"S1/Walking/{view}.mp4", one.frames[:, v], times=times)
    store = converted(source, tmp_path / "store", fps=25)[1]
    shown = one._replace(frames=one.frames[[0, 2, 4, 6, 7, 8, 9, 10, 11]])
    assert store.length("S1") == 9 and store.present("S1").all()
    assert wrong_images(store, "S1", 0, shown, every=1) == []


@pytest.mark.parametrize(
    "layout, subject, clip",
    [("{action}", "person", "Walking"), ("", "person", "video")],
    ids=["one level", "flat"],
)
@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".avi", ".mov"])
def test_layouts_and_containers(one, tmp_path, layout, subject, clip, ending):
    source = write_videos(tmp_path / "source", [one], layout=layout, ending=ending)
    _, store = converted(source, tmp_path / "store")
    assert store.subjects == [subject] and store.length(subject) == 12
    assert [c.source for c in store.clips(subject)] == [clip]
    assert store.present(subject).all() and wrong_images(store, subject, 0, one) == []


def turned(path):
    """Makes players turn an MP4 file by a quarter, as for a telephone that was held upright: by the
    matrix of its track header.
    """
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(content))


def test_a_telephone_held_upright(one, tmp_path):
    """The file holds the picture lying on its side, and how to turn it; the boxes are those of the
    picture as it is seen.
    """
    source = write_videos(tmp_path / "source", [one], pads={}, offsets=None)
    for v, view in enumerate(VIEWS):
        write_video(source / f"S1/Walking/{view}.mp4", np.rot90(one.frames[:, v], 1, (1, 2)))
        turned(source / f"S1/Walking/{view}.mp4")
    _, store = converted(source, tmp_path / "store")
    assert store.present("S1").all() and wrong_images(store, "S1", 0, one) == []


def test_webm(one, tmp_path):
    source = write_videos(tmp_path / "source", [one])
    for view in VIEWS:
        (source / f"S1/Walking/{view}.mp4").unlink()
        padded = np.concatenate([one.frames[: PADS[view]], one.frames])[:, VIEWS.index(view)]
        write_video(source / f"S1/Walking/{view}.webm", padded, codec="libvpx")
    _, store = converted(source, tmp_path / "store")
    assert store.present("S1").all() and wrong_images(store, "S1", 0, one, most=6) == []


def test_other_files_do_not_disturb(one, tmp_path):
    source = write_videos(tmp_path / "source", [one])
    converted(source, tmp_path / "plain")
    at_the_top = ("README.md", ".DS_Store", "S1/notes.txt", "S5/nothing here.txt")
    for name in (*at_the_top, "S1/Walking/poster.jpg", "S1/Walking/._left.mp4"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_bytes(b"\0no video")
    _, store = converted(source, tmp_path / "store")
    assert store.subjects == ["S1"] and store.view_names == list(VIEWS)
    assert store_bytes(store.path, "*.arrow") == store_bytes(tmp_path / "plain", "*.arrow")


@pytest.mark.parametrize("form", ["NFC", "NFD"])  # composed, and as macOS writes names
def test_names_with_spaces_and_umlauts(one, tmp_path, form):
    names = ("Küche links", "Tür 2", "außen (oben)")
    recording = one._replace(subject="Jörg Müller", action="Gehen, schnell")
    written = recording._replace(subject=unicodedata.normalize(form, recording.subject))
    files = [unicodedata.normalize(form, name) for name in names]
    source = write_videos(tmp_path / "ein Ordner", [written], names=files)
    _, store = converted(source, tmp_path / "store")
    assert store.subjects == ["Jörg Müller"]
    assert store.clips("Jörg Müller")[0].source == "Gehen, schnell"
    order = [store.view_names.index(name) for name in names]
    assert store.present("Jörg Müller").all()
    shown = recording._replace(frames=recording.frames[:, np.argsort(order)])
    assert wrong_images(store, "Jörg Müller", 0, shown) == []


@pytest.mark.filterwarnings("ignore:.*collapsing")
def test_metric_training_and_retrieval_need_no_poses(sparse, tmp_path):
    tiny = TrainingConfig(pose_loss=False, pairs=5, epochs=1, gap=0.0)
    model, history = train(sparse, tiny, tmp_path, device="cpu", progress=False)
    assert len(history["metric_loss"]) == 6 and min(history["metric_loss"]) > 0
    assert max(history["pose_loss"]) == 0
    predicted = predict(model, sparse, "train")
    embeddings, views = predicted.embeddings, predicted.views
    assert len(embeddings) == 3 * 10 * 3 and embeddings.isfinite().all()
    assert predicted.truth.isnan().all()
    distances = torch.cdist(embeddings, embeddings)
    distances[torch.from_numpy(views[:, None] == views)] = torch.inf
    nearest = distances.argmin(1).numpy()
    assert (views[nearest] != views).all() and len(set(nearest)) > 10


def lines(*rows):
    """A damage that writes these lines instead."""
    return lambda path: path.write_text("\n".join(rows) + "\n")


def boxes_but(frame, width, height):
    """A damage that writes a box for each frame, of this width and height in one frame."""
    sizes = [(width, height) if f == frame else (80, 100) for f in range(15)]
    return lines(",".join(HEADER), *(f"{f},60,60,{w},{h}" for f, (w, h) in enumerate(sizes)))


CLIP = "S1/Walking/"
SECONDS = "view,seconds"


@pytest.mark.parametrize("file, damage, mid", [
    ("mid.mp4", cut, 0),
    ("mid.mkv", cut, None),
    ("mid.mkv", hole, None),
    ("mid.mp4", lines("no video"), 0),
    ("mid.mp4", empty, 0),
    ("mid.mp4", Path.unlink, 0),  # boxes without a video
    ("mid.csv", cut, None),
    ("mid.csv", lines("frame,x,y,width", "3,1,2,3"), None),
    ("mid.csv", lines("frame,x,y,width,height", "3,a,b,c,d"), None),
    ("mid.csv", boxes_but(8, 0, 100), 11),  # frame 5 of the clip
    ("mid.csv", boxes_but(8, 80, "nan"), None),
    ("offsets.csv", lines(SECONDS, "left,0", "middle,0.06", "right,0.14"), None),
    ("offsets.csv", lines(SECONDS, "left,soon"), None),
    ("offsets.csv", lines(SECONDS, "left,0", "mid,1000", "right,0.14"), 0),
    ("offsets.csv", lines("kamera;sekunden", "left;0"), None),
])  # fmt: skip
def test_what_is_damaged_is_named_and_the_rest_converted(one, tmp_path, file, damage, mid):
    """mid: how many frames keep an image of the middle view; None where that is for the converter
    to say.
    """
    other = shorter(lab()[2], 12)
    source = write_videos(tmp_path / "source", [one, other])
    if file == "mid.mkv":
        padded = np.concatenate([one.frames[: PADS["mid"]], one.frames])[:, 1]
        write_video(source / CLIP / file, padded)
        (source / CLIP / "mid.mp4").unlink()
    damage(source / CLIP / file)
    notes = complaints(convert, source, tmp_path / "store", **SMALL)
    assert "S1/Walking" in notes and ("mid" in notes or file in notes) and "Traceback" not in notes
    store = open_store(tmp_path / "store")
    assert store.present("S5").sum() == 36 and wrong_images(store, "S5", 0, other) == []
    if "S1" not in store.subjects:
        # a clip may be left out as a whole where its offsets or boxes mean nothing
        assert mid is None
    elif file != "offsets.csv" or mid is not None:
        assert wrong_images(store, "S1", 0, one, every=1) == []
        assert mid is None or store.present("S1")[:, 1].sum() == mid
        assert store.present("S1")[:, [0, 2]].all() and (mid != 11 or not store.present("S1")[5, 1])


@pytest.mark.parametrize("prepare, remedy", [
    (lambda source: source.mkdir(), "mp4"),
    (lambda source: None, "source"),
    (lambda source: source.write_text("a file"), "source"),
    (lambda source: (source / "S1/a/b/c").mkdir(parents=True), "mp4"),
], ids=["empty", "missing", "a file", "only folders"])  # fmt: skip
def test_nothing_to_convert(tmp_path, capsys, prepare, remedy):
    prepare(tmp_path / "source")
    assert main([str(tmp_path / "source"), str(tmp_path / "store")]) == 1
    err = capsys.readouterr().err
    error = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(error) == 1 and "source" in error[0] and remedy in error[0]
    assert "Traceback" not in err
    assert not (tmp_path / "store/dataset.json").exists()


def test_the_command(one, tmp_path):
    source = write_videos(tmp_path / "source", [one, shorter(lab()[2], 12)], offsets=False)
    command = [sys.executable, "-m", "data_scripts.videos", str(source), str(tmp_path / "store")]
    command += ["--image-size", "64", "--workers", "1", "--fps", "50"]
    command += ["--offset", "mid=0.06", "--offset", "right=0.14", "--test", "S5"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    options = dict(image_size=64, fps=50, offsets={"mid": 0.06, "right": 0.14}, test=["S5"])
    assert str(convert(source, tmp_path / "store", progress=False, **options)) in done.stdout
    assert wrong_images(open_store(tmp_path / "store"), "S1", 0, one) == []


def test_killed_it_goes_on_and_a_second_run_changes_nothing(source, whole, tmp_path):
    options = dict(image_size=128, fps=50, test=["S9"], progress=False)
    check_resume(convert, source, whole, tmp_path / "store", options)


def test_two_at_once(source, tmp_path, capsys):
    check_two_at_once(convert, main, source, tmp_path / "store", capsys)


def test_a_test_subject_that_is_not_there(one, tmp_path):
    source = write_videos(tmp_path / "source", [one])
    with pytest.raises(ValueError, match="S7"):
        convert(source, tmp_path / "store", test=["S7"], progress=False, **SMALL)


def test_what_is_mended_is_converted_again(one, tmp_path):
    """After a file was downloaded again, or an offset corrected, the same command makes that clip
    anew; what did not change stays.
    """
    source, store = write_videos(tmp_path / "source", [one]), tmp_path / "store"
    video, offsets = source / "S1/Walking/left.mp4", source / "S1/Walking/offsets.csv"
    whole = video.read_bytes()
    cut(video)
    assert "left" in complaints(convert, source, store, **SMALL)
    video.write_bytes(whole)
    assert (
        complaints(convert, source, store, **SMALL) == "" and open_store(store).present("S1").all()
    )
    before, content = store_bytes(store, "*.arrow"), offsets.read_text()
    assert (
        complaints(convert, source, store, **SMALL) == ""
        and store_bytes(store, "*.arrow") == before
    )
    offsets.write_text(content.replace("0.06", "0.04"))  # as long as it was
    assert offsets.read_text() != content
    complaints(convert, source, store, **SMALL)
    assert store_bytes(store, "*.arrow") != before


def grey(path, numbers, fps=30):
    """Writes a video that has only some frames, those of the `numbers`, and shows frame t as a grey
    of 40 + t / 2.
    """
    frames = np.stack([np.full((32, 32, 3), 40 + number // 2, np.uint8) for number in numbers])
    write_video(path, frames, times=[1000 * number / fps for number in numbers])


def test_lost_frames_move_no_others_in_time(tmp_path):
    lost = {"a": set(range(30, 250, 20)), "b": set(range(205, 217))}
    for view, gone in lost.items():
        grey(tmp_path / f"source/{view}.mp4", [t for t in range(300) if t not in gone])
    convert(tmp_path / "source", tmp_path / "store", image_size=32, fps=10, progress=False)
    store = open_store(tmp_path / "store")
    assert store.length("person") == 100
    for v, gone in enumerate(lost.values()):
        absent = [k for k in range(100) if not store.present("person")[k, v]]
        assert absent == [k for k in range(100) if 3 * k in gone]
        shown = store.images("person", [95], v).float().mean().item()
        assert abs(shown - (40 + 285 // 2)) < 2.5


def test_a_damaged_first_frame_moves_no_other(one, tmp_path):
    source = tmp_path / "source"
    for v, view in enumerate(VIEWS):
        official.write_video(source / f"S1/Walking/{view}.mp4", one.frames[:, v], 50, g="1")
    spoil_frame(source / "S1/Walking/left.mp4", 0)
    convert(source, tmp_path / "store", **SMALL)
    store = open_store(tmp_path / "store")
    assert store.present("S1")[:, 0].tolist() == [False] + [True] * 11
    assert wrong_images(store, "S1", 0, one) == []
