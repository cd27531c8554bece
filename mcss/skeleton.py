"""The 17-joint Human3.6M skeleton: names, bones, and what the word *pose* means here."""

import torch

JOINTS = (
    "pelvis",
    "right hip",
    "right knee",
    "right ankle",
    "left hip",
    "left knee",
    "left ankle",
    "spine",
    "thorax",
    "neck",
    "head",
    "left shoulder",
    "left elbow",
    "left wrist",
    "right shoulder",
    "right elbow",
    "right wrist",
)

#: Pairs (parent, child) of indices into `JOINTS`.
BONES = (
    (0, 1),
    (1, 2),
    (2, 3),
    (0, 4),
    (4, 5),
    (5, 6),
    (0, 7),
    (7, 8),
    (8, 9),
    (9, 10),
    (8, 11),
    (11, 12),
    (12, 13),
    (8, 14),
    (14, 15),
    (15, 16),
)

ROOT = 0

#: Counts the 17 joints. In a 16-row pose, which leaves the root out, the left hip is
#: row `LEFT_HIP - 1`.
LEFT_HIP = 4


def root_relative(world):
    """The 16 joints besides the root, relative to the root.

    world: `(..., 17, 3)` tensor, any unit and frame. Returns `(..., 16, 3)` in the same
    unit. Raises `ValueError` for any other shape.
    """
    world = torch.as_tensor(world)
    if world.ndim < 2 or world.shape[-2:] != (len(JOINTS), 3):
        raise ValueError(
            f"root_relative needs all {len(JOINTS)} joints, shape (..., 17, 3), not"
            f" {tuple(world.shape)}"
        )
    return world[..., 1:, :] - world[..., :1, :]


def check_pose(pose, name="pose", joints=len(JOINTS) - 1):
    """`pose` as a floating tensor `(..., joints, 3)` of finite numbers, or a
    `ValueError` that names what is wrong.

    joints: how many rows a pose must have; None for any number.
    """
    pose = torch.as_tensor(pose)
    if (
        pose.ndim < 2
        or pose.shape[-1] != 3
        or (joints is not None and pose.shape[-2] != joints)
    ):
        rows = "J" if joints is None else joints
        raise ValueError(
            f"{name} must have the shape (..., {rows}, 3), not {tuple(pose.shape)}"
        )
    if not pose.is_floating_point():
        pose = pose.to(torch.get_default_dtype())
    finite = torch.isfinite(pose).flatten(-2).all(-1)
    if not finite.all():
        where = tuple(torch.nonzero(~finite)[0].tolist())
        at = f" at index {where if len(where) > 1 else where[0]}" if where else ""
        raise ValueError(
            f"{name} holds NaN or infinite coordinates{at}: leave such frames out, or"
            " mark them as missing"
        )
    return pose
