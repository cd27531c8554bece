import dataclasses
import threading

import pytest
import torch

from mcss.targets import truth_of
from mcss.training import TrainingConfig, feeder_of, index_batches, train

SMALL = TrainingConfig(pairs=8, labelled=4, epochs=2, gap=0.2, lr_drop_epoch=1, checkpoint_every=3)


def fed(store, **change):
    config = dataclasses.replace(SMALL, **change)
    return feeder_of(store, config, *index_batches(store, config))


def test_the_baseline_sees_the_same_labels_and_steps(store):
    both, baseline = (fed(store, metric_loss=m) for m in (True, False))
    for step in (0, 5, SMALL.epochs * len(both.pairs) - 1):
        a, b = both.batch(step), baseline.batch(step)
        assert torch.equal(a.images[2 * a.pairs :], b.images) and torch.equal(a.targets, b.targets)
        assert b.pairs == 0 and len(b.images) == 4
    steps = {
        len(
            train(store, dataclasses.replace(SMALL, metric_loss=m), progress=False).history[
                "pose_loss"
            ]
        )
        for m in (True, False)
    }
    assert steps == {SMALL.epochs * len(both.pairs)}


def test_targets_are_normalised_over_the_labelled_poses(store):
    feeder = fed(store, label_subjects=("B",))
    poses = truth_of(store, "B", range(40))
    torch.testing.assert_close(feeder.labelled.mean, poses.mean(0))
    batch, labels = feeder.batch(0), feeder.labelled.batch(0)
    restored = batch.targets * feeder.labelled.std + feeder.labelled.mean
    torch.testing.assert_close(restored, poses[labels.frames], atol=1e-2, rtol=0)
    assert torch.equal(batch.images[-1], store.images("B", labels.frames[-1], labels.views[-1])[0])


def test_global_targets(store):
    canonical, world = (fed(store, target=t).labelled for t in ("canonical", "global"))
    assert canonical.std[3, 1] == 1.0  # the left hip's y never varies
    assert world.std[3, 1] > 20
    with pytest.raises(ValueError, match="'canonical' or 'global'"):
        fed(store, target="camera")


def test_batches_come_in_order_whatever_is_decoded_ahead(store):
    feeder = fed(store)
    with feeder.prefetch(2, 7) as batches:
        for step, batch in enumerate(batches, 2):
            assert torch.equal(batch.images, feeder.batch(step).images)
    assert step == 6


def test_an_error_in_a_step_leaves_no_thread_running(store):
    feeder, before = fed(store), threading.active_count()
    with pytest.raises(ZeroDivisionError), feeder.prefetch(0, 50) as batches:
        next(batches)
        _ = 1 / 0
    assert threading.active_count() <= before
