import numpy as np
import pytest
import torch
from toy_cameras import random_rotations

from mcss.rivals.cameras import relative, rotate, rotations, turn_between, turned
from mcss.skeleton import root_relative


def test_turning_points_is_a_group_action():
    X = torch.randn(5, 20, 3, generator=torch.Generator().manual_seed(1))
    A, B = random_rotations(5), random_rotations(5, 1)
    assert torch.allclose(rotate(rotate(X, A), B), rotate(X, B @ A), atol=1e-5)
    assert torch.allclose(rotate(rotate(X, A), A.mT), X, atol=1e-5)
    assert torch.equal(rotate(X, torch.eye(3).expand(5, 3, 3)), X)
    assert not torch.allclose(rotate(rotate(X, A), B), rotate(X, A @ B), atol=0.1)
    assert torch.allclose(rotate(X, A)[2, 7], A[2] @ X[2, 7], atol=1e-5)  # R x, row by row


def test_from_one_camera_to_another_and_back(seen):
    R = rotations(seen, "A", [3, 3], [0, 1])  # a quarter turn: a half would be its own way back
    pose = root_relative(seen.poses("A")[[3, 3]])
    first, second = rotate(pose, R)
    there = relative(R[:1], R[1:])
    assert torch.allclose(rotate(first[None], there)[0], second, atol=1e-3)
    assert torch.allclose(rotate(second[None], relative(R[1:], R[:1]))[0], first, atol=1e-3)
    assert not torch.allclose(first, second, atol=100)


def test_a_pose_in_the_cameras_frame_lies_as_the_picture_shows_it(seen):
    """x to the right, y down: as the projected joints are."""
    frames = np.arange(10)
    for view in range(4):
        pose = rotate(root_relative(seen.poses("A")[frames]), rotations(seen, "A", frames, view))
        pixels = seen.calibration.project(seen.poses("A")[frames], "A", frames, view).float()
        from_root = pixels[:, 1:] - pixels[:, :1]
        shown = pose[..., :2] * torch.tensor([32 / 2200, 32 / 2000])
        assert torch.allclose(from_root, shown, atol=0.05)


def test_the_axis_goes_through_the_centre_of_the_crop(seen, monkeypatch):
    """A crop beside the principal point: its centre, straight ahead, is turned onto +Z."""
    cameras = {"K": [[1000, 0, 500], [0, 1000, 500], [0, 0, 1]], "R": np.eye(3).tolist()}
    monkeypatch.setattr(seen.calibration, "of_clip", lambda *clip: {"cam0": cameras})
    crops = np.zeros((40, 4, 3))
    crops[:, 0] = 900, 300, 200  # its centre: (1000, 400)
    monkeypatch.setattr(seen, "crops", lambda subject: crops)
    R = rotations(seen, "A", [0], [0])
    ray = torch.tensor([[[0.5, -0.1, 1.0]]])
    turned = rotate(ray, R)[0, 0]
    assert torch.allclose(turned, torch.tensor([0, 0, ray.norm()]), atol=1e-5)
    assert torch.allclose(R[0] @ R[0].T, torch.eye(3), atol=1e-6)
    assert torch.linalg.det(R[0]) == pytest.approx(1, abs=1e-5)


def test_a_picture_without_a_camera_is_named(store):
    with pytest.raises(ValueError, match="subject A, frame 3, view cam1 has no known camera"):
        rotations(store, "A", [3], [1])


def test_a_person_who_turns_is_seen_as_another_camera_sees_them(seen):
    """The toy's cameras stand a quarter turn apart: turned by that, one sees what the next does."""
    R = rotations(seen, "A", [4] * 4, range(4))
    pose = rotate(root_relative(seen.poses("A")[[4] * 4]), R)
    angles = turn_between(R[0], R)
    quarters = torch.tensor([0, 1, 2, -1]) * torch.pi / 2
    away = (angles - quarters + torch.pi) % (2 * torch.pi) - torch.pi
    assert away.abs().max() < 0.01
    from_first = rotate(pose[:1].expand(4, -1, -1), turned(R[0], angles))
    assert torch.allclose(from_first, pose, atol=2)
