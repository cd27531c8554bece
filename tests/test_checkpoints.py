"""The committed checkpoints: each still gives the numbers of its card."""

import json
from pathlib import Path

import pytest

from data_scripts.studio import preset_store
from mcss.data import open_store
from mcss.engine.checkpoint import load_model
from mcss.experiments.cards import CARD, results_of
from mcss.store.files import checksum

FOLDER = Path(__file__).resolve().parents[1] / "book" / "checkpoints"
CHECKPOINTS = sorted(path.parent for path in FOLDER.glob(f"*/{CARD}"))


def test_there_are_two():
    assert [path.name for path in CHECKPOINTS] == ["baseline-one", "mcss-one"]


@pytest.mark.parametrize("folder", CHECKPOINTS, ids=lambda path: path.name)
def test_a_checkpoint_gives_its_card_s_numbers(folder):
    card = json.loads((folder / CARD).read_text())
    (weights,) = folder.glob("*.safetensors")
    assert checksum(weights) == card["sha256"] and weights.stat().st_size == card["bytes"] <= 25e6
    store = open_store(preset_store("sample"))
    assert store.recipe_hash == card["data"]["recipe_hash"], (
        "the studio draws other data now: train and publish again"
    )
    found = results_of(load_model(folder), store, card["config"]["target"])
    assert found == {
        name: pytest.approx(value, abs=card["tolerance"]) for name, value in card["results"].items()
    }
