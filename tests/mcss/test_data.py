import io
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
import toy
from PIL import Image
from toy import toy_frames, toy_store, views_missing

from mcss.data import StoreWriter, open_store


def test_what_was_written_is_read(store):
    frames = list(toy_frames(1, 20, 32))  # subject A (0), clip 1
    assert store.subjects == ["A", "B", "C"] and store.image_size == 32 and store.fps == 10
    assert [tuple(c) for c in store.clips("A")] == [
        (0, 20, "Waving", "clip0"),
        (20, 40, "Waving", "clip1"),
    ]
    assert store.views("A") == [0, 1, 2, 3] and len(store) == 3 * 40 * 4
    torch.testing.assert_close(
        store.poses("A")[20:], torch.from_numpy(np.stack([f["pose"] for f in frames]))
    )
    images = store.images("A", [25, 39], [2, 0])
    for image, (t, v) in zip(images, [(5, 2), (19, 0)]):
        expected = np.asarray(Image.open(io.BytesIO(frames[t]["images"][v])).convert("RGB"))
        assert (
            np.abs(image.permute(1, 2, 0).numpy().astype(int) - expected).max() <= 3
        )  # decoders round differently
    assert store.images("A", 3, 1).shape == (1, 3, 32, 32) and store.images("A", [], []).shape == (
        0,
        3,
        32,
        32,
    )


def test_splits_count_views_and_frames(store):
    train = store.splits["train"]
    assert train.subjects == ["A", "B"] and train.views == [0, 1, 2, 3]
    assert train.frames["B"].tolist() == list(range(40))


def test_parts_are_plain_arrow(store):
    table = pa.ipc.open_file(store.path / "A" / "clip0.arrow").read_all()
    assert table.num_rows == 20 and table["image cam3"][4].as_py()[:2] == b"\xff\xd8"  # a JPEG
    recorded = json.loads((store.path / "dataset.json").read_text())
    assert {
        "name",
        "licence",
        "source",
        "recipe",
        "joints",
        "fps",
        "image_size",
        "version",
        "parts",
    } <= set(recorded)


def test_long_clips_span_record_batches(tmp_path):
    store = toy_store(
        tmp_path / "s", subjects=("A",), test=(), clips=1, frames=150, size=32, views=2
    )
    assert len(store._parts.images("A", 0)[1]) == 3
    for t in (0, 63, 64, 127, 128, 149):
        one = store.images("A", [t], [1])
        assert torch.equal(one, store.decode(store.encoded("A", [t], [1])))
    everything = store.images("A", np.arange(150), 1)
    assert torch.equal(everything[100], store.images("A", [100], [1])[0])
    assert not torch.equal(everything[100], everything[36])


def test_a_store_travels_to_worker_processes(store):
    again = pickle.loads(pickle.dumps(store))
    assert torch.equal(again.images("B", [7], [2]), store.images("B", [7], [2]))


def test_views_and_poses_may_be_missing(tmp_path):
    store = views_missing(tmp_path / "s", [(2, 1)] + [(t, 3) for t in range(10)])
    assert store.views("S") == [0, 1, 2] and not store.present("S")[2, 1] and len(store) == 29
    assert store.poses("S")[3].isnan().all() and not store.poses("S")[2].isnan().any()
    with pytest.raises(ValueError, match="subject S, frame 2 has no image in view b"):
        store.images("S", [1, 2], [1, 1])


def test_poses_are_none_without_any_truth(tmp_path):
    assert toy_store(tmp_path / "s", poses=False, frames=4).poses("A") is None


def test_wrong_questions(store):
    with pytest.raises(KeyError, match="unknown subject 'Z'.*A, B, C"):
        store.clips("Z")
    for frames, views in ([40], [0]), ([-1], [0]), ([0], [4]):
        with pytest.raises(IndexError, match="frames 0 to 39 and views 0 to 3"):
            store.images("A", frames, views)


def test_a_resumed_store_has_the_same_bytes(tmp_path):
    whole = toy_store(tmp_path / "whole")
    half = tmp_path / "half"
    script = f"""
import os, sys
sys.path.append({str(Path(toy.__file__).parent)!r})
import toy
write, count = toy.toy_frames, [0]
def dying(*arguments):
    for frame in write(*arguments):
        count[0] += 1
        if count[0] == 50: os.kill(os.getpid(), 9)   # in the middle of the third clip
        yield frame
toy.toy_frames = dying
toy.toy_store({str(half)!r})
"""
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    with pytest.raises(ValueError, match="not finished"):
        open_store(half)
    done = {file: file.stat().st_mtime_ns for file in half.glob("*/*.arrow")}
    assert len(done) == 2
    toy_store(half)
    assert all(file.stat().st_mtime_ns == time for file, time in done.items())  # not written again
    for file in sorted(whole.path.rglob("*.*")):
        if file.suffix in (".arrow", ".json"):
            assert (half / file.relative_to(whole.path)).read_bytes() == file.read_bytes()
    assert not list(half.rglob("*.part"))


def test_a_damaged_part_is_found_and_written_again(tmp_path):
    store = toy_store(tmp_path / "s")
    part = store.path / "B" / "clip1.arrow"
    before = part.read_bytes()
    part.write_bytes(before[:2000] + bytes([before[2000] ^ 255]) + before[2001:])
    with pytest.raises(ValueError, match="damaged in B/clip1.arrow"):
        open_store(store.path).verify()
    toy_store(store.path).verify()
    assert part.read_bytes() == before


@pytest.mark.parametrize("damage", [lambda b: b[:-100], lambda b: b""])
def test_a_cut_off_part(tmp_path, damage):
    path = toy_store(tmp_path / "s").path
    part = path / "A" / "clip0.arrow"
    part.write_bytes(damage(part.read_bytes()))
    with pytest.raises(ValueError, match="clip0.arrow is damaged.*delete it"):
        open_store(path)
    part.unlink()
    with pytest.raises(ValueError, match="missing"):
        open_store(path)


def test_an_image_that_is_no_image(tmp_path):
    """One whose bytes changed after it was written; the file is as long as before."""
    store = toy_store(tmp_path / "s", subjects=("A",), test=(), clips=1, frames=1, views=1)
    part = store.path / "A" / "clip0.arrow"
    part.write_bytes(part.read_bytes().replace(b"\xff\xd8\xff", bytes(3), 1))
    with pytest.raises(ValueError, match="subject A cannot be decoded.*verify"):
        open_store(store.path).images("A", [0], [0])


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"format": "other"}', '{"format": "mcss-store", "version": 1, "complete": true}'],
)
def test_a_damaged_index(tmp_path, text):
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(ValueError, match="dataset.json is damaged or foreign"):
        open_store(tmp_path)


def test_no_store_and_another_version(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a store"):
        open_store(tmp_path)
    (tmp_path / "dataset.json").write_text(
        '{"format": "mcss-store", "version": 99, "complete": true}'
    )
    with pytest.raises(ValueError, match="version 99"):
        open_store(tmp_path)


def writer_at(path, **changes):
    return StoreWriter(
        path,
        **{
            "name": "w",
            "licence": "",
            "source": "",
            "recipe": {"a": 1},
            "fps": 10,
            "image_size": 32,
            "views": ["a"],
        }
        | changes,
    )


def test_a_folder_with_other_files_is_no_store(tmp_path):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday/beach.txt").write_text("mine")
    with pytest.raises(
        ValueError, match=r"holds holiday.beach\.txt but no dataset\.json: .*take another folder"
    ):
        writer_at(tmp_path).__enter__()
    assert [
        path.name for path in tmp_path.rglob("*") if path.is_file() and path.name != ".writing.lock"
    ] == ["beach.txt"]


def one_view(size):
    return [{"images": frame["images"][:1]} for frame in toy_frames(0, 2, size)]


def test_the_writer_refuses(tmp_path):
    with writer_at(tmp_path / "s") as writer:
        with pytest.raises(RuntimeError, match="written by another process"):
            writer_at(tmp_path / "s").__enter__()
        with pytest.raises(ValueError, match="clip0.arrow, frame 0.*17, 3"):
            writer.add("S", "clip0", "", [{"images": [b""], "pose": np.full((17, 3), np.nan)}])
        with pytest.raises(ValueError, match="one a view"):
            writer.add("S", "clip0", "", [{"images": [b"", b""]}])
        with pytest.raises(ValueError, match="no frames"):
            writer.add("S", "clip0", "", [])
        with pytest.raises(ValueError, match="cannot name"):
            writer.add("..", "clip0", "", [])
        assert not list((tmp_path / "s").rglob("*.arrow"))
        with pytest.raises(ValueError, match="without any clip.*S1"):
            writer.finish({"train": {"subjects": ["S1"]}})
        with pytest.raises(ValueError, match="clip0.arrow, frame 0, view a: this is no picture"):
            writer.add("S", "clip0", "", [{"images": [b"\xff\xd8 no picture"]}])
        with pytest.raises(
            ValueError, match="frame 0, view a: this is a JPEG file of 16 x 16 pixels.*image_size"
        ):
            writer.add("S", "clip0", "", one_view(16))
    assert not (
        tmp_path / "s/dataset.json"
    ).exists()  # an attempt that wrote nothing is in nobody's way
    with writer_at(tmp_path / "s") as writer:
        writer.add("S", "clip0", "", one_view(32))
    with pytest.raises(ValueError, match="other settings .recipe: a 1 there, 2 here"):
        writer_at(tmp_path / "s", recipe={"a": 2}).__enter__()
    with pytest.raises(ValueError, match="other settings .recipe"):
        writer_at(tmp_path / "s", recipe="by hand").__enter__()
    with pytest.raises(ValueError, match="names"):
        writer_at(tmp_path / "t", views=["a", "a"])


def test_calibration_projects_into_the_crop(tmp_path):
    """A camera 5 m in front of the origin, looking along -Y; the crop starts at (100, 50) and is
    400 pixels wide.
    """
    camera = {
        "K": [[1000, 0, 320], [0, 1000, 240], [0, 0, 1]],
        "R": [[-1, 0, 0], [0, 0, -1], [0, -1, 0]],
        "t": [0, 0, 5000],
        "distortion": None,
        "size": [640, 480],
    }
    frames = [
        dict(frame, images=frame["images"][:1], crops=[[100, 50, 400]])
        for frame in toy_frames(0, 2, 32)
    ]
    with writer_at(tmp_path / "s") as writer:
        writer.add("S", "c", "", frames)
        writer.finish({}, {"S": {"a": camera}})
    store = open_store(tmp_path / "s")
    point = torch.tensor([[[0.0, 0, 0], [1000, 0, 500]]])
    # whole image: (320, 240) and (320 - 200, 240 - 100)
    expected = torch.tensor([[[220.0, 190], [20, 90]]], dtype=torch.float64) * 32 / 400
    torch.testing.assert_close(store.calibration.project(point, "S", [1], 0), expected)
    distorted = json.loads((tmp_path / "s" / "dataset.json").read_text())
    distorted["calibration"]["S"]["a"]["distortion"] = [0.1, 0, 0.01, 0, 0]
    (tmp_path / "s" / "dataset.json").write_text(json.dumps(distorted))
    # x = -0.2, y = -0.1, r2 = 0.05: x' = x * 1.005 + 2 p1 x y, y' = y * 1.005 + p1 (r2 + 2 y y)
    expected[0, 1] = (torch.tensor([-201.0 + 0.4 + 220, -100.5 + 0.7 + 190])) * 32 / 400
    torch.testing.assert_close(
        open_store(tmp_path / "s").calibration.project(point, "S", [1], 0)[0, 1], expected[0, 1]
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_decodes_beside_queued_work(store):
    """And leaves alone the memory that this work still reads, though nobody holds it any more."""
    files = store.encoded("A", np.arange(40), 0)
    expected = store.decode(files).float()
    for _ in range(20):
        held = [torch.ones(3, 32, 32, dtype=torch.uint8, device="cuda") for _ in files]
        torch.cuda.synchronize()
        torch.cuda._sleep(50_000_000)
        sums = [image.sum() for image in held]
        del held
        images = store.decode(files, "cuda")
        assert torch.stack(sums).tolist() == [3 * 32 * 32] * len(files)
    assert (images.cpu().float() - expected).abs().mean() < 5  # decoders round differently
