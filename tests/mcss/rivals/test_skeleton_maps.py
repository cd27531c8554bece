import numpy as np
import pytest
import torch
from toy_cameras import random_rotations

from mcss.rivals.cameras import relative, rotate, rotations
from mcss.rivals.limbs import joints_2d, maps
from mcss.rivals.skeleton_maps import SkeletonMaps, overlap
from mcss.skeleton import BONES


def test_a_limb_is_drawn_where_it_is():
    joints = torch.full((1, 17, 2), 0.9)
    a, b = BONES[4]
    joints[0, a], joints[0, b] = torch.tensor([0.25, 0.5]), torch.tensor([0.75, 0.5])
    drawn = maps(joints, size=16)[0, 4]
    rows, columns = drawn.nonzero().T
    assert set(rows.tolist()) == {7, 8} and set(columns.tolist()) == set(range(3, 13))


def test_projected_joints_lie_on_the_drawn_person(seen):
    """The toy's pictures are skeletons: where a limb's map is 1, the wall is covered."""
    frames = np.arange(8)
    for view in range(4):
        images = seen.images("A", frames, view).float()
        wall = torch.tensor([90.0, 100, 90])[:, None, None]
        covered = (images - wall).abs().amax(1) > 20
        limbs = maps(joints_2d(seen, "A", frames, view), size=32).amax(1) > 0
        assert covered[limbs].float().mean() > 0.7
        assert limbs[covered].float().mean() > 0.5
        beside = limbs.roll(3, -1)
        assert covered[limbs].float().mean() > covered[beside].float().mean() + 0.2


def test_noise_is_as_large_as_said_and_always_the_same(seen):
    frames = np.arange(20)
    true = joints_2d(seen, "A", frames, 1)
    once, again = (joints_2d(seen, "A", frames, 1, noise=0.02) for _ in range(2))
    assert torch.equal(once, again)
    assert (once - true).abs().mean() == pytest.approx(0.02, rel=0.1)
    assert not torch.equal((once - true)[0], (once - true)[1])


def test_the_partners_skeleton_is_what_is_to_be_drawn(seen):
    """A decoder that draws the true points' projection is right for the true rotation, and for no
    other one: the signal fits the cameras."""
    frames, views = np.array([2, 9, 2, 9]), np.array([0, 1, 1, 3])
    model = SkeletonMaps(32, points=16, width=16, noise=0.0)

    class Feeder:
        store = seen

    class Pairs:
        subject, frames = "A", np.array([2, 9])
        anchor_views, positive_views = views[:2], views[2:]

    _, _, given = model.draw(Feeder, Pairs, np.random.default_rng(0))
    R = rotations(seen, "A", frames, views)
    world = seen.poses("A")[frames]
    centre = torch.tensor([0, 0, 950.0])
    points = rotate(world - centre, R)  # (4, 17, 3) in the camera of each picture

    def drawn(turn):
        xy = rotate(points, turn)[..., :2] / torch.tensor([2200.0, 2000])
        return maps(xy + torch.tensor([0.5, 0.95 - 950 / 2000]))

    truth = given["maps"] > 0
    assert overlap(drawn(given["R"]) > 0, truth) > 0.9
    assert overlap(drawn(given["R"].mT) > 0, truth) < 0.5
    assert overlap(drawn(random_rotations(4)) > 0, truth) < 0.5
    assert torch.allclose(given["R"], relative(R, R[[2, 3, 0, 1]]), atol=1e-6)


def test_both_terms_of_the_loss(seen):
    """Points that are each other's, turned, are consistent."""
    torch.manual_seed(0)
    model = SkeletonMaps(32, points=16, width=16).eval()
    R = random_rotations(1)
    given = {"R": torch.cat([R, R.mT]), "maps": torch.zeros(2, 16, 64, 64)}
    X = torch.randn(1, 16, 3)
    model.embed = lambda inputs: torch.cat([X, rotate(X, R)]).flatten(1)
    assert model.pretext(None, given)[1][2] < 1e-10
    model.embed = lambda inputs: torch.cat([X, rotate(X, R.mT)]).flatten(1)
    loss, (_, _, apart) = model.pretext(None, given)
    model.settings["consistency"] = 0.0
    drawing_alone, _ = model.pretext(None, given)
    assert apart > 0.1 and (loss - drawing_alone).item() == pytest.approx(
        0.1 * apart.item(), rel=1e-3
    )


def test_what_it_sees_decides_what_it_needs():
    picture = SkeletonMaps(64, points=16, width=16, sees="picture")
    assert not picture.needs_at_test and picture.F[0].conv1.in_channels == 3
    skeleton = SkeletonMaps(64, points=16, width=16)
    assert skeleton.needs_at_test == ("2D joints",) and skeleton.F[0].conv1.in_channels == 16
    with pytest.raises(ValueError, match="sees must be"):
        SkeletonMaps(64, sees="sound")
