"""From where pelvis, hands and feet should be to the rotation of every group of bones.

All angles are radians, all arrays have time first. Forward is -Y at yaw 0, left is +X.
"""

import numpy as np

from .body import GROUP, GROUP_NAMES, PARENTS

MAX_FLEXION = {"elbow": np.radians(150), "knee": np.radians(150)}
SIDES = (("L", 1.0), ("R", -1.0))


def turn(axis, angle):
    """Rotation matrices `(..., 3, 3)` about the axis "x", "y" or "z" by `angle (...)`."""
    c, s = np.cos(angle), np.sin(angle)
    zero, one = np.zeros_like(c), np.ones_like(c)
    rows = {
        "x": [one, zero, zero, zero, c, -s, zero, s, c],
        "y": [c, zero, s, zero, one, zero, -s, zero, c],
        "z": [c, -s, zero, s, c, zero, zero, zero, one],
    }[axis]
    return np.stack(rows, -1).reshape(c.shape + (3, 3))


def lean(angles):
    """`(..., 3)` forward pitch, roll to the left, turn to the left -> rotations `(..., 3, 3)`."""
    return turn("z", angles[..., 2]) @ turn("y", angles[..., 1]) @ turn("x", angles[..., 0])


def unit(v):
    """Vectors `(..., 3)` scaled to length 1."""
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def _frame(direction, hinge):
    hinge = unit(hinge - (hinge * direction).sum(-1, keepdims=True) * direction)
    return np.stack([direction, hinge, np.cross(direction, hinge)], -1)


def two_bones(start, target, upper, lower, pole, max_flexion):
    """Directions of the two bones of a limb and the axis of its hinge, each `(T, 3)`.

    start, target: `(T, 3)`; upper, lower: lengths; pole: `(T, 3)`, the side to which the hinge
    points. A target beyond the limb's reach, or nearer than the hinge can flex, is approached as
    far as possible.
    """
    along = target - start
    distance = np.linalg.norm(along, axis=-1)
    nearest = np.sqrt(upper**2 + lower**2 + 2 * upper * lower * np.cos(max_flexion))
    distance = np.clip(distance, nearest, (upper + lower) * 0.9985)[:, None]
    along = unit(along)
    hinge = unit(np.cross(pole, along))
    side = np.cross(along, hinge)
    cosine = np.clip((upper**2 + distance**2 - lower**2) / (2 * upper * distance), -1, 1)
    first = along * cosine + side * np.sqrt(1 - cosine**2)
    second = unit(along * distance - first * upper)
    return first, second, hinge


def solve(body, plan):
    """Rotations `(T, G, 3, 3)` of the groups of a `Body`, and positions `(T, G, 3)` in metres of
    the joints they turn about, for a `motion.Plan`.
    """
    steps = len(plan.pelvis)
    R = np.zeros((steps, len(GROUP_NAMES), 3, 3))
    P = np.zeros((steps, len(GROUP_NAMES), 3))
    heads = body.heads

    def place(name):
        g = GROUP[name]
        up = PARENTS[g]
        P[:, g] = P[:, up] + np.einsum("tab,b->ta", R[:, up], heads[g] - heads[up])
        return g

    R[:, 0] = turn("z", plan.yaw) @ lean(plan.tilt)
    P[:, 0] = plan.pelvis
    for parent, name, angles in (
        ("pelvis", "belly", plan.spine / 3),
        ("belly", "waist", plan.spine / 3),
        ("waist", "chest", plan.spine / 3),
        ("chest", "neck", plan.head / 2),
        ("neck", "head", plan.head / 2),
    ):
        R[:, place(name)] = R[:, GROUP[parent]] @ lean(angles)
    chest = R[:, GROUP["chest"]]
    for k, (s, sign) in enumerate(SIDES):
        _leg(body, plan, R, place, k, s, sign)
        hand = plan.hands[:, k]
        raised = np.clip(hand[:, 2] + 0.2, 0, 1) * np.radians(22)
        R[:, place(f"clavicle.{s}")] = chest @ turn("y", -sign * raised)
        shoulder = P[:, place(f"upperarm.{s}")]
        upper = body.length(f"upperarm.{s}", f"forearm.{s}")
        lower = body.length(f"forearm.{s}", f"hand.{s}")
        local = np.stack([sign * hand[:, 0], -hand[:, 1], hand[:, 2]], -1) * (upper + lower)
        elbow = plan.elbows[:, k]  # 0 hangs down and back, 1 points out to the side
        pole = np.stack([sign * (0.35 + elbow), 0.75 - 0.55 * elbow, -0.75 + 0.45 * elbow], -1)
        to_world = lambda v: np.einsum("tab,tb->ta", chest, v)
        first, second, hinge = two_bones(
            shoulder, shoulder + to_world(local), upper, lower, to_world(pole), MAX_FLEXION["elbow"]
        )
        rest1 = unit(heads[GROUP[f"forearm.{s}"]] - heads[GROUP[f"upperarm.{s}"]])
        rest2 = unit(heads[GROUP[f"hand.{s}"]] - heads[GROUP[f"forearm.{s}"]])
        rest_hinge = np.cross(rest1, rest2)
        R[:, GROUP[f"upperarm.{s}"]] = _frame(first, hinge) @ _frame(rest1, rest_hinge).T
        R[:, place(f"forearm.{s}")] = fore = _frame(second, hinge) @ _frame(rest2, rest_hinge).T
        # shared between forearm and wrist, as by the two bones of a real forearm
        twist = sign * plan.wrists[:, k]
        R[:, place(f"wristward.{s}")] = fore @ _about(rest2, twist * 0.5)
        R[:, place(f"hand.{s}")] = fore @ _about(rest2, twist)
    return R, P


def _leg(body, plan, R, place, k, s, sign):
    heads = body.heads
    thigh, shin, foot, toes = (GROUP[f"{n}.{s}"] for n in ("thigh", "shin", "foot", "toes"))
    hip = plan.pelvis + np.einsum("tab,b->ta", R[:, 0], heads[thigh] - heads[0])
    forward, left = np.array([0.0, -1.0, 0.0]), np.array([1.0, 0.0, 0.0])
    foot_turn = turn("z", plan.foot_yaw[:, k])
    # A knee points ahead under a standing body and up under a sitting one: always across the leg,
    # as the hip and foot turn it.
    across = unit(np.einsum("tab,b->ta", foot_turn, left) + np.einsum("tab,b->ta", R[:, 0], left))
    pole = unit(np.cross(plan.ankles[:, k] - hip, across)) + plan.knees_out[:, None] * np.einsum(
        "tab,b->ta", R[:, 0], sign * left
    )
    first, second, hinge = two_bones(
        hip,
        plan.ankles[:, k],
        body.length(f"thigh.{s}", f"shin.{s}"),
        body.length(f"shin.{s}", f"foot.{s}"),
        pole,
        MAX_FLEXION["knee"],
    )
    rest1, rest2 = unit(heads[shin] - heads[thigh]), unit(heads[foot] - heads[shin])
    rest_hinge = np.cross(forward, unit(heads[foot] - heads[thigh]))
    place(f"thigh.{s}")
    R[:, thigh] = _frame(first, hinge) @ _frame(rest1, rest_hinge).T
    place(f"shin.{s}")
    R[:, shin] = _frame(second, hinge) @ _frame(rest2, rest_hinge).T
    place(f"foot.{s}")
    R[:, foot] = foot_turn @ turn("x", plan.foot_pitch[:, k])
    place(f"toes.{s}")
    # toes stay flat under a lifted heel
    R[:, toes] = foot_turn @ turn("x", np.minimum(plan.foot_pitch[:, k], 0))


def _about(axis, angle):
    """Rotations `(T, 3, 3)` about one fixed axis by `angle (T,)` (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    s, c = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    return np.eye(3) + s * cross + (1 - c) * (cross @ cross)
