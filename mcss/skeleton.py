"""The 17-joint Human3.6M skeleton, and what the word *pose* means in this package."""

import torch

JOINTS = (
    "pelvis",
    *("right hip", "right knee", "right ankle"),
    *("left hip", "left knee", "left ankle"),
    *("spine", "thorax", "neck", "head"),
    *("left shoulder", "left elbow", "left wrist"),
    *("right shoulder", "right elbow", "right wrist"),
)

#: Pairs (parent, child) of indices into `JOINTS`.
BONES = (
    *((0, 1), (1, 2), (2, 3)),
    *((0, 4), (4, 5), (5, 6)),
    *((0, 7), (7, 8), (8, 9), (9, 10)),
    *((8, 11), (11, 12), (12, 13)),
    *((8, 14), (14, 15), (15, 16)),
)

ROOT = 0

#: Counts the 17 joints. In a 16-row pose, which leaves the root out, the left hip is
#: row `LEFT_HIP - 1`.
LEFT_HIP = 4

#: Rows of a pose: every joint but the root.
POSE_JOINTS = len(JOINTS) - 1

#: For each row of a pose the row of the same joint on the other side.
MIRROR = [
    JOINTS.index(
        name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
    )
    - 1
    for name in JOINTS[1:]
]


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


def check_pose(pose, name="pose", joints=POSE_JOINTS):
    """`pose` as a floating tensor `(..., joints, 3)` of finite numbers, or a
    `ValueError` that names what is wrong.

    joints: how many rows a pose must have; None for any number.
    """
    pose = torch.as_tensor(pose)
    rows = joints is None or (pose.ndim > 1 and pose.shape[-2] == joints)
    if pose.ndim < 2 or pose.shape[-1] != 3 or not rows:
        raise ValueError(
            f"{name} must have the shape (..., {joints or 'J'}, 3), not"
            f" {tuple(pose.shape)}"
        )
    if not pose.is_floating_point():
        pose = pose.to(torch.get_default_dtype())
    finite = torch.isfinite(pose).flatten(-2).all(-1)
    if not finite.all():
        raise ValueError(
            f"{name} holds NaN or infinite coordinates{where(~finite, 'at index')}:"
            " leave such frames out, or mark them as missing"
        )
    return pose


def where(wrong, words):
    """' in frame 3' for the first True of `wrong` `(...)`, ' in frame (0, 3)' with more
    dimensions, '' for a single pose.
    """
    first = tuple(torch.nonzero(wrong)[0].tolist())
    if not first:
        return ""
    return f" {words} {first if len(first) > 1 else first[0]}"
