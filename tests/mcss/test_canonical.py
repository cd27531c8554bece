import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mcss.canonical import canonical_pose, heading, rotate_z
from mcss.skeleton import LEFT_HIP

HIP = LEFT_HIP - 1


def random_pose(seed):
    return (
        torch.randn(16, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 300
    )


seeds, angles = st.integers(0, 10**6), st.floats(-10, 10)


def test_by_hand():
    """Left hip at (0, 100, 0), knee at (100, 0, -400): taking the knee (row 4) for the hip would
    turn nothing.
    """
    pose = torch.zeros(16, 3)
    pose[HIP] = torch.tensor([0.0, 100, 0])
    pose[HIP + 1] = torch.tensor([100.0, 0, -400])
    turned = canonical_pose(pose)
    torch.testing.assert_close(turned[HIP], torch.tensor([100.0, 0, 0]), atol=1e-4, rtol=0)
    torch.testing.assert_close(turned[HIP + 1], torch.tensor([0.0, -100, -400]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("degrees", [0, 30, 90, 179, -30, -90, -179])
def test_heading_keeps_the_sign_that_arccos_loses(degrees):
    pose = random_pose(0)
    pose[HIP] = torch.tensor(
        [math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.4]
    )
    assert math.degrees(heading(pose)) == pytest.approx(degrees)


@given(seeds)
@settings(deadline=None, max_examples=50)
def test_the_hip_lies_in_the_half_plane_and_again_changes_nothing(seed):
    once = canonical_pose(random_pose(seed))
    assert once[HIP, 1].abs() < 1e-9 and once[HIP, 0] > 0
    torch.testing.assert_close(canonical_pose(once), once)


@given(seeds, angles)
@settings(deadline=None, max_examples=50)
def test_no_rotation_about_z_changes_it(seed, angle):
    pose = random_pose(seed)
    turned = torch.from_numpy(pose.numpy() @ Rotation.from_euler("z", angle).as_matrix().T)
    torch.testing.assert_close(rotate_z(pose, torch.tensor(angle, dtype=torch.float64)), turned)
    torch.testing.assert_close(canonical_pose(turned), canonical_pose(pose))


def test_only_a_rotation_about_z_happens():
    pose = random_pose(1)
    torch.testing.assert_close(canonical_pose(pose)[:, 2], pose[:, 2])
    torch.testing.assert_close(
        torch.cdist(canonical_pose(pose), canonical_pose(pose)), torch.cdist(pose, pose)
    )


def test_batches_of_any_shape():
    poses = torch.stack([random_pose(i) for i in range(6)]).float()
    batched = canonical_pose(poses.reshape(2, 3, 16, 3))
    assert batched.shape == (2, 3, 16, 3) and heading(poses.reshape(2, 3, 16, 3)).shape == (2, 3)
    torch.testing.assert_close(
        batched.reshape(6, 16, 3), torch.stack([canonical_pose(p) for p in poses])
    )


def test_gradient():
    assert torch.autograd.gradcheck(canonical_pose, random_pose(2).requires_grad_())


def test_a_vertical_bone_names_its_frame():
    poses = torch.stack([random_pose(i) for i in range(4)])
    poses[2, HIP] = torch.tensor([0.0, 0, 120])
    with pytest.raises(ValueError, match="vertical.*frame 2"):
        canonical_pose(poses)


@pytest.mark.parametrize(
    "bad",
    [
        torch.zeros(17, 3),
        torch.zeros(16, 2),
        torch.full((16, 3), torch.nan),
        torch.full((16, 3), torch.inf),
    ],
)
def test_bad_poses(bad):
    with pytest.raises(ValueError, match="shape|NaN"):
        canonical_pose(bad)
