import dataclasses

import pytest
from toy import toy_store

from mcss.experiments import batch_norm, cards
from mcss.experiments.queue import Queue
from mcss.experiments.results import write_result
from mcss.experiments.trainings import SCHEDULES

pytestmark = pytest.mark.slow  # trains


@pytest.fixture(scope="module")
def queue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cards")
    toy_store(folder / "store", frames=12, fps=2.0)
    SCHEDULES["toy"] = dataclasses.replace(SCHEDULES["small"], epochs=1)
    queue = Queue({"main": folder / "store"}, "toy")
    queue.do(queue.run("mcss-one", 0), progress=False)
    yield queue
    del SCHEDULES["toy"]


def test_a_published_network_gives_its_card_s_numbers(queue, tmp_path):
    folder = cards.publish(queue, "mcss-one", 0, tmp_path)
    model, card = cards.published("mcss-one", tmp_path)
    again = cards.results_of(model, queue.stores["main"])
    assert card["results"] == {
        name: pytest.approx(value, abs=1e-3) for name, value in again.items()
    }
    assert card["bytes"] < 25e6 and card["data"]["recipe_hash"] == queue.stores["main"].recipe_hash
    assert card["trained"]["commit"] and card["config"]["label_subjects"] == ["A"]
    assert {path.name for path in folder.iterdir()} == {
        "card.json",
        "checkpoint.json",
        f"step-{card['trained']['steps']:08d}.safetensors",
    }


def test_it_is_fetched_where_it_is_missing(queue, tmp_path, monkeypatch):
    cards.publish(queue, "mcss-one", 0, tmp_path / "there")
    monkeypatch.setattr(cards, "REPOSITORY", (tmp_path / "there").as_uri())
    model, card = cards.published("mcss-one", tmp_path / "here")
    assert card["training"] == "mcss-one"
    assert (tmp_path / "here" / "mcss-one" / "card.json").exists()


def test_a_changed_file_is_noticed(queue, tmp_path):
    folder = cards.publish(queue, "mcss-one", 0, tmp_path)
    (weights,) = folder.glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ValueError, match="not a sound MCSS checkpoint"):
        cards.published("mcss-one", tmp_path)


def test_what_is_not_trained_cannot_be_published(queue, tmp_path, capsys):
    with pytest.raises(ValueError, match="baseline-one, seed 0, schedule toy is not trained yet"):
        cards.publish(queue, "baseline-one", 0, tmp_path)
    with pytest.raises(SystemExit, match="error: unknown training 'nothing'; there are mcss-all"):
        cards.main(["nothing", "--store", str(queue.stores["main"].path), "--to", str(tmp_path)])
    assert not list(tmp_path.iterdir())


def test_the_card_of_other_weights(queue, tmp_path):
    folder = cards.publish(queue, "mcss-one", 0, tmp_path)
    (folder / cards.CARD).write_text(
        (folder / cards.CARD).read_text().replace('"sha256": "', '"sha256": "0')
    )
    with pytest.raises(ValueError, match="the card of other weights"):
        cards.published("mcss-one", tmp_path)


def test_neither_there_nor_to_be_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "REPOSITORY", (tmp_path / "nowhere").as_uri())
    with pytest.raises(RuntimeError, match="run this in a clone of the repository"):
        cards.published("mcss-one", tmp_path / "here")
    assert [] == list((tmp_path / "here").glob("*/*"))


def test_a_card_takes_what_is_reached_on_another_store(queue, tmp_path):
    folder = cards.publish(queue, "mcss-one", 0, tmp_path)
    store = queue.stores["main"]
    cards.main(["mcss-one", "--also", "--store", str(store.path), "--to", str(tmp_path)])
    _, card = cards.published("mcss-one", tmp_path)
    entry = card["also"][store.name]
    assert entry["results"] == pytest.approx(card["results"], abs=2e-3)
    assert entry["data"]["recipe_hash"] == store.recipe_hash and entry["measured"]["hardware"]
    assert cards.measure_on(folder, store).name == "card.json"


def test_batch_norm_is_compared_three_ways(queue, tmp_path):
    """With the statistics of training: the card's numbers. All three differ, the weights do not."""
    for name in batch_norm.NAMES:
        queue.do(queue.run(name, 0), progress=False)
        cards.publish(queue, name, 0, tmp_path)
    store = queue.stores["main"]
    result = batch_norm.compare(tmp_path, store, store, progress=lambda line: None)
    assert [row["label"].split(",")[0] for row in result["rows"]] == ["Baseline"] * 3 + ["MCSS"] * 3
    for k, name in enumerate(batch_norm.NAMES):
        _, card = cards.published(name, tmp_path)
        errors = [
            row["values"]["N-MPJPE"]["per_seed"][0] for row in result["rows"][3 * k : 3 * k + 3]
        ]
        assert errors[0] == pytest.approx(card["results"]["N-MPJPE"], abs=1e-2)
        assert len({round(error, 2) for error in errors}) == 3
    assert write_result(tmp_path, result).name == f"batch_norm.{store.name}.toy.json"
