import json

import pyarrow as pa
import pytest
from toy import toy_store

from mcss.data import open_store


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


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "",
        "version https://git-lfs.github.com/spec/v1\n",
        '{"format": "other"}',
        '{"format": "mcss-store", "version": 1, "complete": true}',
    ],
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
