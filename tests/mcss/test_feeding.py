import dataclasses
import threading

import pytest
import torch

from mcss.canonical import mirrored
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


def test_mirroring_turns_both_views_and_their_labels(store):
    plain, mirror = (fed(store, mirror=m) for m in (False, True))
    a, b = plain.batch(3), mirror.batch(3)
    m = a.pairs
    flipped = torch.tensor([torch.equal(x.flip(-1), y) for x, y in zip(a.images, b.images)])
    same = torch.tensor([torch.equal(x, y) for x, y in zip(a.images, b.images)])
    assert (flipped ^ same).all() and flipped.any() and same.any()
    assert torch.equal(flipped[:m], flipped[m : 2 * m])
    labelled, std, mean = flipped[2 * m :], plain.labelled.std, plain.labelled.mean
    assert labelled.any()
    expected = mirrored(a.targets[labelled] * std + mean)
    torch.testing.assert_close(b.targets[labelled] * std + mean, expected, atol=1e-2, rtol=0)
    assert torch.equal(a.targets[~labelled], b.targets[~labelled])
    with pytest.raises(ValueError, match="mirror=True needs target='canonical'"):
        dataclasses.replace(SMALL, mirror=True, target="global")


def test_the_baseline_that_sees_all_has_the_pictures_of_both(store):
    both, seeing = fed(store), fed(store, metric_loss=False, see_all=True)
    assert torch.equal(both.batch(2).images, seeing.batch(2).images)
    history = train(
        store, dataclasses.replace(SMALL, metric_loss=False, see_all=True), progress=False
    ).history
    assert set(history["metric_loss"]) == {0.0} and history["images"] == 2 * 8 + 4


def test_a_mixed_batch_says_whose_its_pairs_are(store):
    batch = fed(store, same_subject=False).batch(0)
    assert len(batch.groups) == 2 and sum(batch.groups) == batch.pairs
    assert fed(store).batch(0).groups == [fed(store).batch(0).pairs]


@pytest.mark.parametrize("augment", ["same", "different"])
def test_augmented_views_and_a_run_that_was_cut(store, augment, tmp_path):
    feeder = fed(store, augment=augment)
    assert torch.equal(feeder.batch(4).images, fed(store, augment=augment).batch(4).images)
    assert not torch.equal(feeder.batch(4).images, fed(store).batch(4).images)
    labels_alone = fed(store, augment=augment, metric_loss=False)
    assert len(labels_alone.batch(0).images) == 4
