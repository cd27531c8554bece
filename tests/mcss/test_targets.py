import pytest
import torch
from toy import toy_store

from mcss.targets import LabelledImages, truth_of


def test_labels_come_once_each_before_any_comes_again(store):
    labels = LabelledImages(store, size=10)
    rows = [row for step in range(32) for row in zip(*labels.batch(step))]
    assert len(set(rows)) == 320 == len(labels.rows)
    more = [row for step in range(32, 64) for row in zip(*labels.batch(step))]
    assert set(more) == set(rows) and more != rows


def test_a_batch_of_labels_depends_on_the_step_alone(store):
    labels = LabelledImages(store, size=30)
    late = labels.batch(11)
    labels.batch(2)
    assert all(list(a) == list(b) for a, b in zip(late, LabelledImages(store, size=30).batch(11)))


def test_which_images_are_labelled(store):
    rows = LabelledImages(store, subjects=["B"], views=[1, 3], share=0.25).rows
    assert set(rows[:, 2]) == {1, 3}
    assert sorted(set(rows[:, 1])) == [*range(0, 5), *range(20, 25)]


def test_bad_labels(store, tmp_path):
    with pytest.raises(ValueError, match=r"labels for \['S1'\].*A, B"):
        LabelledImages(store, subjects=["S1"])
    with pytest.raises(ValueError, match="labels from views"):
        LabelledImages(store, views=[4])
    with pytest.raises(ValueError, match="share"):
        LabelledImages(store, share=0)
    with pytest.raises(ValueError, match="subject A has no poses"):
        LabelledImages(toy_store(tmp_path / "s", poses=False, frames=4))


def test_a_vertical_hip_outside_the_labels_is_in_nobodys_way(tmp_path):
    """Only labelled frames have to have a heading; where one has none, the error names it."""
    store = toy_store(tmp_path / "s", subjects=("A",), test=(), clips=1, frames=20)
    poses = store.poses("A")
    poses[15, 4] = poses[15, 0] + torch.tensor([0, 0, 100.0])
    store.poses = lambda subject: poses
    assert len(LabelledImages(store, share=0.5).rows) == 40
    with pytest.raises(ValueError, match="subject A: the bone pelvis -> left hip.*frame 15"):
        LabelledImages(store)


def test_truth_is_nan_where_there_is_none(tmp_path):
    store = toy_store(tmp_path / "s", subjects=("A",), test=(), clips=1, frames=5, poses=False)
    assert truth_of(store, "A", [0, 4]).isnan().all()
