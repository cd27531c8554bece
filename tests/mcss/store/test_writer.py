import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import toy
from PIL import ExifTags, Image
from toy import toy_frames, toy_store, writer_at

from mcss.data import open_store


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


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_is_stored_as_its_exif_data_ask(tmp_path, orientation):
    """A wedge that is no mirror image of itself, however it is turned."""
    seen = np.zeros((32, 32, 3), np.uint8)
    seen[:8], seen[:20, :8] = 200, 200
    exif, file = Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Orientation] = orientation
    back = {  # how the camera wrote what is to be seen so
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    written = Image.fromarray(np.ascontiguousarray(back(seen)))
    written.save(file, "JPEG", quality=95, exif=exif)
    with writer_at(tmp_path / "s", views=["a"]) as writer:
        writer.add("S", "clip", "", [{"images": [file.getvalue()]}])
        writer.finish({"train": {"subjects": ["S"], "views": None, "frames": None}})
    store = open_store(tmp_path / "s")
    image = store.images("S", [0], [0])[0].permute(1, 2, 0).numpy()
    assert np.abs(image.astype(int) - seen).mean() < 4
    kept = bytes(store.encoded("S", 0, 0)[0].numpy()) == file.getvalue()
    assert kept == (orientation == 1)  # what is upright stays as it is


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_is_cut_off_is_refused(tmp_path, progressive):
    """At the writer, not when somebody reads it; what follows its end does no harm."""
    noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", progressive=progressive)
    whole = file.getvalue()
    with writer_at(tmp_path / "s", views=["a"]) as writer:
        with pytest.raises(ValueError, match="clip.arrow, frame 0, view a: .*cut off"):
            writer.add("S", "clip", "", [{"images": [whole[: len(whole) * 3 // 4]]}])
        writer.add("S", "clip", "", [{"images": [whole + b"\0" * 9]}])
