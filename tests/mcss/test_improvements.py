"""What is added to the recipe, each against what it promises."""

from functools import partial

import pytest
import torch
from torch.nn.functional import normalize

from mcss.ablations import info_nce_loss
from mcss.canonical import canonical_pose, mirrored
from mcss.improvements import disagreement, loss_within, misalignment
from mcss.mining import contrastive_loss
from mcss.model import MCSS
from mcss.skeleton import JOINTS
from mcss.targets import truth_of


def embeddings(m, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (
        normalize(torch.randn(m, 8, generator=generator), dim=1),
        normalize(torch.randn(m, 8, generator=generator), dim=1),
    )


@pytest.mark.parametrize("loss_of", [contrastive_loss, info_nce_loss])
def test_negatives_within_a_person_are_that_person_s_alone(loss_of):
    anchor, positive = embeddings(9)
    groups = [4, 1, 4]
    found = loss_within(groups, loss_of, anchor, positive)
    parts = loss_of(anchor[:4], positive[:4]), loss_of(anchor[5:], positive[5:])
    for value, *of_part in zip(found, *parts):
        torch.testing.assert_close(value, sum(of_part) / 2)
    # another person's embedding changes nothing for the first
    anchor.requires_grad_()
    loss_within([4, 5], loss_of, anchor, positive).loss.backward()
    whole = anchor.grad.clone()
    anchor.grad = None
    moved = positive.clone()
    moved[5:] = positive[5:].flip(0)
    loss_within([4, 5], loss_of, anchor, moved).loss.backward()
    torch.testing.assert_close(anchor.grad[:4], whole[:4])
    assert not torch.allclose(anchor.grad[5:], whole[5:])


def test_without_any_negative_there_is_one_clear_error():
    with pytest.raises(ValueError, match="no subject has two pairs"):
        loss_within([1, 1], partial(contrastive_loss, margin=0.6), *embeddings(2))


def test_mirroring_twice_changes_nothing(store):
    pose = truth_of(store, "A", range(20))
    once = mirrored(pose)
    assert (once - pose).norm(dim=-1).mean() > 20
    torch.testing.assert_close(mirrored(once), pose, atol=1e-3, rtol=0)
    wrists = JOINTS.index("left wrist") - 1, JOINTS.index("right wrist") - 1
    # what the left wrist did, the right one does: as high, as far from the root
    torch.testing.assert_close(once[:, wrists[0], 2], pose[:, wrists[1], 2])
    torch.testing.assert_close(once[:, wrists[0]].norm(dim=1), pose[:, wrists[1]].norm(dim=1))


def test_a_mirrored_pose_is_canonical(store):
    pose = mirrored(truth_of(store, "A", range(20)))
    torch.testing.assert_close(canonical_pose(pose), pose, atol=1e-3, rtol=0)


def test_views_that_say_the_same_do_not_disagree():
    anchor, positive = embeddings(5)
    model = MCSS(image_size=32, embedding_dim=8)
    assert disagreement(model, anchor, anchor) == 0 < disagreement(model, anchor, positive)


def test_people_in_one_place_are_aligned():
    anchor, _ = embeddings(6)
    assert misalignment(torch.cat([anchor, anchor.flip(0)]), [6, 6]) < 1e-12
    assert misalignment(torch.cat([anchor, -anchor]), [6, 6]) > 0.01
