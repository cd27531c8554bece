"""The committed checkpoints: each still gives the numbers of its card."""

import json
from pathlib import Path

import pytest

from data_scripts.studio.recipe import preset
from mcss.data import open_store
from mcss.engine.checkpoint import load_model
from mcss.experiments.cards import CARD, results_of
from mcss.store.files import checksum, recipe_hash

BOOK = Path(__file__).resolve().parents[1] / "book"
CHECKPOINTS = sorted(path.parent for path in (BOOK / "checkpoints").glob(f"*/{CARD}"))


def test_there_are_two():
    assert [path.name for path in CHECKPOINTS] == ["baseline-one", "mcss-one"]


@pytest.mark.slow
@pytest.mark.parametrize("folder", CHECKPOINTS, ids=lambda path: path.name)
def test_a_checkpoint_gives_its_card_s_numbers(folder):
    """On `show`, the part of its test people that comes with the book; and on all of them, where
    it was measured when it was published, it gave nearly the same.
    """
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (weights,) = folder.glob("*.safetensors")
    assert checksum(weights) == card["sha256"] and weights.stat().st_size == card["bytes"] <= 25e6
    assert card["data"]["recipe_hash"] == recipe_hash(preset(card["data"]["name"]).as_dict()), (
        "the studio draws other data now: train and publish again"
    )
    store, on_show = open_store(BOOK / "data/show"), card["also"]["show"]
    assert store.recipe_hash == on_show["data"]["recipe_hash"]
    results = results_of(load_model(folder), store, card["config"]["target"])
    assert results == {
        name: pytest.approx(value, abs=card["tolerance"])
        for name, value in on_show["results"].items()
    }
    for name in ("N-MPJPE", "MPJPE", "PA-MPJPE"):
        assert results[name] == pytest.approx(card["results"][name], abs=2)
