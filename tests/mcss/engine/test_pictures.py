"""Pictures that stay, and processes that read ahead: the same as from disk, one by one."""

import dataclasses
import multiprocessing

import pytest
import torch
from toy import views_missing

from mcss.data import open_store
from mcss.engine import pictures
from mcss.engine.workers import ahead, workers_for
from mcss.training import FIGURES, TrainingConfig, feeder_of, index_batches, train

SMALL = TrainingConfig(pairs=8, labelled=4, epochs=2, gap=0.2, checkpoint_every=3)
CHANGES = {
    "plain": {},
    "baseline": {"metric_loss": False, "label_subjects": ("B",)},
    "mirrored and augmented": {"mirror": True, "augment": "different", "same_subject": False},
}


def fed(store, **change):
    config = dataclasses.replace(SMALL, **change)
    return feeder_of(store, config, *index_batches(store, config))


def assert_same(one, two):
    assert torch.equal(one.images, two.images) and torch.equal(one.targets, two.targets)
    assert one[1] == two[1] and one.groups == two.groups


@pytest.mark.parametrize("change", CHANGES)
def test_resident_pictures_are_those_from_disk(store, change):
    disk, here = (fed(store, data=d, **CHANGES[change]) for d in ("streamed", "resident"))
    assert isinstance(here.pictures, pictures.Resident)
    for step in (0, 5, 11):
        assert_same(disk.batch(step), here.batch(step))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("data", ["streamed", "resident"])
def test_processes_read_ahead_in_order(store, change, data):
    feeder = fed(store, data=data, **CHANGES[change])
    expected = [feeder.batch(step) for step in range(2, 9)]
    feeder.workers = 2
    with feeder.prefetch(2, 9) as batches:
        for one, two in zip(expected, batches, strict=True):
            assert_same(one, two)
    assert not multiprocessing.active_children()


def test_an_error_ends_the_processes(store):
    feeder = fed(store)
    feeder.workers = 2
    with pytest.raises(ZeroDivisionError), feeder.prefetch(0, 50) as batches:
        next(batches)
        _ = 1 / 0
    assert not multiprocessing.active_children()
    with pytest.raises(ValueError, match="the third"), ahead(_fails, range(9), 1) as results:
        list(results)


def _fails(number):
    if number == 2:
        raise ValueError("the third")
    return number


def test_a_split_with_gaps(tmp_path):
    store = views_missing(tmp_path / "s", [(2, 1), (5, 0), (5, 3)])
    here = pictures.resident(store, "train", "cpu", progress=False)
    assert len(here.images) == 37
    rows = [("S", 2, 0), ("S", 9, 3), ("S", 5, 1)]
    for row, image in zip(rows, here.take(here.read(rows)), strict=True):
        assert torch.equal(image, store.images(row[0], [row[1]], [row[2]])[0])


def test_it_is_decoded_once_while_the_store_is_open(store):
    again = open_store(store.path)
    first = pictures.resident(again, "train", "cpu", progress=False)
    assert pictures.resident(again, "train", "cpu", progress=False) is first
    assert pictures.resident(store, "train", "cpu", progress=False) is not first


def test_a_gpu_with_room_keeps_a_split(store, monkeypatch):
    """Half of what is free has to hold it: 320 pictures of 3 x 32 x 32 bytes."""
    size = 320 * 3 * 32**2
    for free, stays in ((2 * size, True), (2 * size - 2, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**12))
        assert pictures.stays_on("cuda:0", open_store(store.path), SMALL) is stays
    assert not pictures.stays_on("cpu", store, SMALL)
    assert pictures.stays_on("cpu", store, dataclasses.replace(SMALL, data="resident"))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert workers_for("cuda:0") == 3 and workers_for("cpu") == 0


@pytest.mark.slow
def test_a_training_with_resident_pictures_is_the_training(store, tmp_path):
    streamed, resident = (
        train(store, dataclasses.replace(SMALL, data=data), device="cpu", progress=False)
        for data in ("auto", "resident")
    )
    for a, b in zip(streamed.model.state_dict().values(), resident.model.state_dict().values()):
        assert torch.equal(a, b)
    assert all(streamed.history[name] == resident.history[name] for name in FIGURES)
