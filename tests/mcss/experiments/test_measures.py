from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mcss.data import Clip
from mcss.experiments.inference_time import inference_time
from mcss.experiments.measures import (
    BINS,
    KS,
    Evaluated,
    distance_by_pose,
    distances_between_images,
    errors_and_retrieval,
    examples,
    map_of_embedding,
    nearest_label,
    pose_errors,
    retrieval,
    view_4_errors,
    with_truth,
)
from mcss.inference import Predictions


@pytest.fixture
def perfect():
    """Two subjects, 15 instants each in four views; the embedding is the pose itself, and so is the
    prediction.
    """
    generator = torch.Generator().manual_seed(0)
    poses = (
        80
        * torch.randn(30, 16, 3, generator=generator)
        * torch.linspace(0.2, 2, 30)[torch.randperm(30, generator=generator), None, None]
    )
    truth = poses.repeat_interleave(4, 0)
    subjects = np.repeat(np.array(["A", "B"], dtype=object), 60)
    frames, views = np.tile(np.repeat(np.arange(15), 4), 2), np.tile(np.arange(4), 30)
    store = SimpleNamespace(
        clips=lambda s: [Clip(0, 10, "Waving", ""), Clip(10, 15, "Sitting", "")]
    )
    return Evaluated(
        Predictions(truth.flatten(1) / 1000, truth.clone(), truth, subjects, frames, views),
        poses.mean(0),
        {},
        store,
        0,
    )


def test_a_perfect_network(perfect):
    errors = pose_errors(perfect)
    assert errors["MPJPE"] == errors["N-MPJPE"] == 0
    assert errors["PA-MPJPE"] == pytest.approx(0, abs=0.1)
    assert errors["mean pose's MPJPE"] > 100
    values = retrieval(perfect)
    assert values["same model"][0] == pytest.approx(0, abs=0.1)
    assert len(values["cross relative"]) == len(KS)
    assert values["cross oracle"][0] > 50 and values["cross blind"] > values["cross oracle"][-1]


def test_the_nearest_label(perfect):
    """Half of the poses are labels, at another size, which N-MPJPE forgives: they cost nothing."""
    truth = perfect.predictions.truth
    at = {
        name: nearest_label(perfect._replace(labels=labels))["nearest label"]
        for name, labels in (("all", 1.1 * truth), ("half", 1.1 * truth[:60]), ("one", truth[:1]))
    }
    assert at["all"] == pytest.approx(0, abs=0.01) and 30 < at["half"] < at["one"]
    others = perfect._replace(
        labels=1.1 * truth[:60],
        predictions=Predictions(*(column[60:] for column in perfect.predictions)),
    )
    assert nearest_label(others)["nearest label"] == pytest.approx(2 * at["half"], rel=1e-3)


def test_only_the_fourth_view_counts(perfect):
    poses = perfect.predictions.poses
    poses[torch.from_numpy(perfect.predictions.views == 0)] += 1e4
    assert view_4_errors(perfect)["MPJPE"] == 0 and errors_and_retrieval(perfect)["MPJPE"] > 1000


def test_with_one_subject_there_is_no_cross_subject_retrieval(perfect):
    one = perfect._replace(
        predictions=Predictions(*(column[:60] for column in perfect.predictions))
    )
    names = list(errors_and_retrieval(one))
    assert "same M@10" in names and not [name for name in names if "cross" in name]


def test_images_without_truth_are_left_out(perfect):
    perfect.predictions.truth[:4] = torch.nan
    left = with_truth(perfect.predictions)
    assert len(left.truth) == len(left.subjects) == len(left.views) == 116
    assert pose_errors(perfect._replace(predictions=left))["MPJPE"] == 0


def test_every_query_counts_the_same():
    """Query a has one image in a bin, at distance 1; b and c have each other and a: the mean of
    means, not of pairs.
    """
    truth = torch.zeros(4, 16, 3)
    truth[3] += 310 / 3**0.5
    embeddings = torch.tensor([[0.0], [1.0], [3.0], [9.0]])
    subjects = np.array(["A"] * 4, dtype=object)
    p = Predictions(embeddings, truth, truth, subjects, np.arange(4), np.zeros(4, int))
    values = distance_by_pose(Evaluated(p, truth[0], {}, None, 0))["same view"]
    assert values[0] == pytest.approx(((1 + 3) / 2 + (1 + 2) / 2 + (3 + 2) / 2) / 3)
    # the far one is a query too: 310 mm from all others
    assert values[12] == pytest.approx((9 + 8 + 6 + (9 + 8 + 6) / 3) / 4)


def test_distance_grows_with_the_difference_in_pose(perfect):
    values = distance_by_pose(perfect)
    assert len(values["same view"]) == len(BINS) - 1
    assert values["different view"][0] == pytest.approx(0, abs=1e-6)
    assert values["same view"][0] is None
    filled = [v for v in values["different view"] if v is not None]
    assert filled == sorted(filled) and len(filled) > 2


def test_examples_take_the_middle_of_each_clip(perfect):
    assert [(e["action"], e["frame"], e["view"], e["MPJPE"]) for e in examples(perfect)] == [
        ("Waving", 5, 0, 0.0),
        ("Sitting", 12, 0, 0.0),
    ]


def test_distances_between_images(perfect):
    shown = distances_between_images(perfect)
    D = np.array(shown["distances"])
    assert len(set(shown["frames"])) == 3 and D.shape == (9, 9)
    assert D[:3, :3].max() == pytest.approx(0, abs=1e-2) and D[:3, 3:].min() > 0.5


def test_a_map_names_every_point(perfect):
    shown = map_of_embedding(perfect)
    assert len({len(values) for values in shown.values()}) == 1
    assert set(shown["action"]) == {"Waving", "Sitting"}


def test_inference_times_every_network():
    times = inference_time("cpu", image_size=64, batches=(1, 2), repeats=1)
    assert set(times) == {"MCSS (ResNet-18)", "bare ResNet-18", "bare ResNet-50"}
    assert all(values["batch of 2"] > 0 for values in times.values())
