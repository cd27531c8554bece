"""The stores that come with the book, rendered again: a few clips of each, compared."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("anny")
pytest.importorskip("warp")

from PIL import Image

from data_scripts.common.crops import jpeg
from data_scripts.studio.recipe import PRESETS, preset
from data_scripts.studio.studio import Studio, clip_name
from mcss.data import open_store

DATA = Path(__file__).resolve().parents[2] / "book" / "data"
SHIPPED = sorted(path.parent.name for path in DATA.glob("*/dataset.json"))
#: Grey levels by which pictures may differ on the mean: other processors and GPUs round rays at
#: edges differently. Another frame of the same clip differs by several levels.
TOLERANCE = 0.5


def test_what_ships():
    assert set(SHIPPED) >= {"sample", "show"} and set(SHIPPED) <= set(PRESETS)
    size = {name: sum(f.stat().st_size for f in (DATA / name).rglob("*")) for name in SHIPPED}
    assert size.pop("show") < 20 * 2**20 and size.pop("sample") < 20 * 2**20
    assert max(size.values()) < 8 * 2**20


def test_the_older_presets_are_what_they_were():
    """Fields that came later are left out of their hash, so stores and caches stay valid."""
    assert {name: preset(name).digest() for name in ("sample", "bench", "paper", "field")} == {
        "sample": "672b97c2b776",
        "bench": "c4192cf9755b",
        "paper": "6cc12f9aad58",
        "field": "ca96e208e0b0",
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_store_is_whole_and_says_what_made_it(name):
    store, recipe = open_store(DATA / name), preset(name)
    store.verify()
    assert store.recipe == recipe.as_dict() and store.licence.startswith("CC0")
    assert store.fps == recipe.fps / recipe.every and store.image_size == recipe.image_size
    assert store.subjects == list(recipe.subjects)
    assert store.splits["test"].subjects == [s for s in recipe.test if s in recipe.subjects]
    assert store.calibration


@pytest.mark.parametrize("name", SHIPPED)
def test_rendered_again_it_is_the_same(name):
    store, studio = open_store(DATA / name), Studio(preset(name))
    jobs = [*studio.jobs()]
    for job in (jobs[0], jobs[-1]):
        subject, action, take, _ = job
        stored = next(c for c in store.clips(subject) if c.source == clip_name(action, take))
        n = min(8, stored.stop - stored.start)  # frames of the clip that are compared
        part = slice(stored.start, stored.start + n)
        clip = studio.clip(*job)
        assert len(clip["joints"]) == stored.stop - stored.start
        np.testing.assert_allclose(store.poses(subject)[part], clip["joints"][:n], atol=0.01)
        np.testing.assert_allclose(store.crops(subject)[part], clip["crops"][:n], atol=0.01)
        again = studio.images(clip, 0, n).flatten(0, 1).float().numpy()
        views = len(store.view_names)
        frames = np.repeat(np.arange(part.start, part.stop), views)
        kept = store.images(subject, frames, np.tile(np.arange(views), n)).float().numpy()
        # JPEG's own loss is alike in both, so it is compared with the picture as compressed
        squeezed = np.stack([jpeg_of(image) for image in again])
        difference = np.abs(squeezed - kept).mean((1, 2, 3))
        assert difference.max() < TOLERANCE, difference
        if n == 1:
            continue  # there is no other instant to compare with
        other = np.abs(np.roll(squeezed, views, axis=0) - kept).mean((1, 2, 3))
        assert np.median(other) > 2 * TOLERANCE, "another instant would have passed too"


def jpeg_of(image):
    """A picture `(3, h, w)` after the compression that stores use."""
    file = jpeg(Image.fromarray(image.transpose(1, 2, 0).astype(np.uint8)))
    return np.asarray(Image.open(io.BytesIO(file))).transpose(2, 0, 1).astype(float)


def test_show_is_part_of_bench():
    """Subject, place, motion, crops and seeds of each frame are those of `bench`."""
    show, bench = Studio(preset("show")), Studio(preset("bench"))
    for job in [*show.jobs()][::11]:
        a, b = show.clip(*job), bench.clip(*job)
        assert job in [*bench.jobs()]
        for key in ("joints", "moves", "crops", "seeds"):
            np.testing.assert_array_equal(a[key], b[key][::2])


def test_only_and_every_are_checked():
    with pytest.raises(ValueError, match="only .'S2'.: no subjects"):
        preset("bench", only=("S2",))
    with pytest.raises(ValueError, match="every = 3 must divide"):
        preset("bench", every=3)


def test_the_index_names_every_file():
    for name in SHIPPED:
        parts = json.loads((DATA / name / "dataset.json").read_text(encoding="utf-8"))["parts"]
        assert {p["file"] for p in parts} == {
            str(path.relative_to(DATA / name)) for path in (DATA / name).glob("*/*.arrow")
        }
