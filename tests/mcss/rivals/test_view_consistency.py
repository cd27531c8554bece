import copy

import pytest
import torch
from toy_cameras import random_rotations

from mcss.rivals.cameras import rotate, rotations
from mcss.rivals.feeding import RivalBatch
from mcss.rivals.view_consistency import ViewConsistency, view_disagreement
from mcss.skeleton import root_relative
from mcss.training import TrainingConfig

CONFIG = TrainingConfig(pairs=8, labelled=6)


@pytest.fixture
def of_cameras(seen):
    """True poses `(20, 16, 3)` of ten instants in the frames of two cameras, and the R."""
    frames, views = list(range(10)) * 2, [0] * 10 + [1] * 10
    R = rotations(seen, "A", frames, views)
    return rotate(root_relative(seen.poses("A")[frames]), R), R


def test_true_poses_agree_and_mirrored_ones_do_not(of_cameras):
    poses, R = of_cameras
    assert view_disagreement(poses, R) < 1e-8
    mirrored = poses.clone()
    mirrored[10:] *= torch.tensor([-1.0, 1, 1])  # what the second camera sees in a mirror
    assert view_disagreement(mirrored, R) > 0.02
    assert view_disagreement(poses, random_rotations(20)) > 0.05
    assert view_disagreement(rotate(poses, R.mT), R) > 0.05  # turned the wrong way


def test_of_another_instant_it_is_not_the_same(of_cameras):
    poses, R = of_cameras
    later = torch.cat([poses[:10], poses[10:].roll(5, 0)])
    assert view_disagreement(later, R) > 1e-3


def test_making_poses_small_does_not_lower_it(of_cameras):
    poses, _ = of_cameras
    wrong = random_rotations(20)
    at_size = view_disagreement(poses, wrong)
    assert view_disagreement(0.01 * poses, wrong) == pytest.approx(at_size.item(), rel=1e-3)


def test_a_constant_is_no_minimum(of_cameras):
    """One answer for all pictures, the same in the world: all views agree, and still the loss of
    the pairs is higher than that of the predictions they began with, and pulls back."""
    poses, R = of_cameras
    torch.manual_seed(0)
    model = ViewConsistency(32)
    spread = poses.std(0).clamp_min(1)
    model.pose_mean.copy_(poses.mean(0))
    model.pose_std.copy_(spread)
    first = (poses - poses.mean(0)) / spread
    model.at_first = lambda images: first
    world = rotate(poses, R.mT).mean(0).expand(20, 16, 3)
    constant = ((rotate(world, R) - poses.mean(0)) / spread).requires_grad_()

    def loss_of(normalised):
        """What `losses` makes of these predictions of the 20 pairs' pictures."""
        model.embed = lambda images: images
        model.regress = lambda embedding: torch.cat([normalised, torch.zeros(6, 16, 3)])
        batch = RivalBatch(torch.zeros(26, 3, 32, 32), {"R": R}, torch.zeros(6, 16, 3))
        return model.losses(batch, 0.9, CONFIG)[0]

    collapsed = loss_of(constant)
    assert view_disagreement(rotate(world, R), R) < 1e-8
    assert collapsed > loss_of(first) + 1e-3
    collapsed.backward()
    back = (first - constant).detach()
    assert (constant.grad * back).sum() < 0  # downhill lies towards the first predictions


def test_the_first_predictions_stay_once_the_warm_up_is_over(seen):
    torch.manual_seed(0)
    model = ViewConsistency(32, warm_up=0.5).train()
    images = torch.randint(0, 255, (14, 3, 32, 32), dtype=torch.uint8)
    batch = RivalBatch(images, {"R": random_rotations(8)}, torch.zeros(6, 16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(progress):
        loss, figures = model.losses(batch, progress, CONFIG)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return figures

    warm = step(0.1)
    assert warm[0] == warm[2] == 0 and warm[3] > 0
    kept = copy.deepcopy(model.f_0.state_dict())
    after = [step(0.6) for _ in range(3)]
    assert all(torch.equal(kept[k], v) for k, v in model.f_0.state_dict().items())
    assert after[2][2] > 0 and not model.f_0.training
