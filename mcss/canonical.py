"""Canonical pose (Section 3.2.1, Eq. 3): the same pose whichever way one faces."""

import torch

from .skeleton import LEFT_HIP, MIRROR, check_pose, where

#: A pelvis-to-left-hip bone whose horizontal part is under this share of its length has
#: no heading.
VERTICAL = 1e-6


def heading(pose):
    """The angle of the bone pelvis -> left hip about +Z, in radians, in (-pi, pi].

    pose: `(..., 16, 3)`, relative to the root, Z up. Returns `(...)`.

    Eq. 3 writes theta = arccos(u_xy . i), which is the same for a bone turned left and
    a bone turned right; this is the signed angle, atan2(u_y, u_x).
    Raises `ValueError` for a wrong shape, for NaN or infinity, and for a vertical bone,
    naming the frame.
    """
    return _heading(check_pose(pose))


def _heading(pose):
    u = pose[..., LEFT_HIP - 1, :]  # the root is the origin, so its row is left out
    horizontal = u[..., :2].norm(dim=-1)
    vertical = horizontal <= VERTICAL * u.norm(dim=-1)
    if vertical.any():
        raise ValueError(
            "the bone pelvis -> left hip is vertical (or has no"
            f" length){where(vertical, 'in frame')}: this pose has no heading; leave it"
            " out"
        )
    return torch.atan2(u[..., 1], u[..., 0])


def rotate_z(pose, angle):
    """Turns `pose` `(..., J, 3)` about +Z by `angle` `(...)` radians, counter-clockwise
    seen from above.
    """
    cos, sin = angle.cos()[..., None], angle.sin()[..., None]
    x, y, z = pose.unbind(-1)
    return torch.stack((cos * x - sin * y, sin * x + cos * y, z), dim=-1)


def canonical_pose(pose):
    """Turns a pose about +Z so that pelvis -> left hip lies in the half plane y = 0,
    x > 0 (Eq. 3).

    pose: `(..., 16, 3)`, relative to the root, Z up, any unit. Returns the same shape
    and unit. No camera is needed: the pose comes from the world frame alone. Raises as
    `heading` does.
    """
    pose = check_pose(pose)
    return rotate_z(pose, -_heading(pose))


def mirrored(pose):
    """The canonical pose that a mirrored picture shows: left and right change places.

    pose: `(..., 16, 3)`, canonical, any unit. Returns the same shape and unit.
    """
    names_swapped = pose[..., MIRROR, :] * pose.new_tensor([-1.0, 1.0, 1.0])
    return canonical_pose(names_swapped)
