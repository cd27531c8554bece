"""The committed checkpoints: each still gives the numbers of its card."""

import json
from pathlib import Path

import pytest

from data_scripts.studio.recipe import preset
from mcss.data import Split, open_store
from mcss.engine.checkpoint import load_model
from mcss.experiments.cards import CARD
from mcss.experiments.measures import Evaluated, pose_errors
from mcss.inference import predict
from mcss.store.files import checksum, recipe_hash

BOOK = Path(__file__).resolve().parents[1] / "book"
CHECKPOINTS = sorted(path.parent for path in (BOOK / "checkpoints").glob(f"*/{CARD}"))


def test_there_are_two():
    assert [path.name for path in CHECKPOINTS] == ["baseline-one", "mcss-one"]


@pytest.mark.slow
@pytest.mark.parametrize("folder", CHECKPOINTS, ids=lambda path: path.name)
def test_a_checkpoint_gives_its_card_s_numbers(folder):
    """The pose errors of every third instant are those of all of `show` (0.3 mm when this was
    written); `show` is the part of the test people that comes with the book, and on all of them,
    where it was measured when it was published, the network gave nearly the same. What it finds
    is compared in chapter 9.
    """
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (weights,) = folder.glob("*.safetensors")
    assert checksum(weights) == card["sha256"] and weights.stat().st_size == card["bytes"] <= 25e6
    assert card["data"]["recipe_hash"] == recipe_hash(preset(card["data"]["name"]).as_dict()), (
        "the studio draws other data now: train and publish again"
    )
    store, on_show = open_store(BOOK / "data/show"), card["also"]["show"]
    assert store.recipe_hash == on_show["data"]["recipe_hash"]
    test = store.splits["test"]
    third = {subject: frames[::3] for subject, frames in test.frames.items()}
    model = load_model(folder)
    predictions = predict(model, store, Split(test.subjects, test.views, third))
    results = pose_errors(Evaluated(predictions, model.pose_mean, {}, store, 0))
    for name, value in results.items():
        assert value == pytest.approx(on_show["results"][name], abs=card["tolerance"])
    for name in ("N-MPJPE", "MPJPE", "PA-MPJPE"):
        assert results[name] == pytest.approx(card["results"][name], abs=2)
