"""Where the feet are: planted steps that follow the pelvis over the floor, whether it walks, turns
or stands.
"""

import numpy as np

from .body import GROUP
from .ik import SIDES


def ease(u):
    """Minimum-jerk blend from 0 to 1 for u from 0 to 1."""
    u = np.clip(u, 0, 1)
    return u**3 * (10 - 15 * u + 6 * u * u)


def plan_feet(body, t, path, stance, period=1.1, swing=0.4, step_height=0.11):
    """Ankles `(T, 2, 3)` in metres, foot yaw `(T, 2)` and foot pitch `(T, 2)` (heel up is positive)
    at times `t (T,)`.

    path: callable `t -> (x, y, yaw)` of the pelvis; stance: `(lateral, forward, toe_out)`, a foot's
    home beside the pelvis, in metres and radians; period: seconds between two steps of the same
    foot; swing: the part of it spent in the air. A foot stays where it was planted until its next
    swing, and lifts only if it has to go somewhere.
    """
    ankles, yaws, pitches = (np.zeros((len(t), 2, 3)), np.zeros((len(t), 2)), np.zeros((len(t), 2)))
    for k, (s, sign) in enumerate(SIDES):
        phase = t / period + 0.5 * k
        count = np.floor(phase)
        u = phase - count

        def plant(n):
            x, y, yaw = path((n - 0.5 * k + swing + 0.5 * (1 - swing)) * period)
            side, front = sign * stance[0], stance[1]
            c, sn = np.cos(yaw), np.sin(yaw)
            return (
                np.stack([x + c * side + sn * front, y + sn * side - c * front], -1),
                yaw + sign * stance[2],
            )

        (before, yaw0), (here, yaw1), (after, _) = plant(count - 1), plant(count), plant(count + 1)
        air = ease(u / swing)
        flat = before + (here - before) * air[:, None]
        yaw = yaw0 + (yaw1 - yaw0) * air
        stride = np.linalg.norm(here - before, axis=-1)
        effort = np.clip((stride + 0.25 * np.abs(yaw1 - yaw0)) / 0.5, 0, 1)
        lift = (
            step_height
            * effort
            * np.where(u < swing, np.sin(np.pi * np.clip(u / swing, 0, 1)) ** 2, 0)
        )
        # The heel rises late in the stance, the toes come up before the foot lands, and the sole
        # flattens at once.
        push = np.radians(34) * np.clip(np.linalg.norm(after - here, axis=-1) / 0.8, 0, 1)
        pushed = np.radians(34) * np.clip(stride / 0.8, 0, 1)
        pitch = (
            np.where(u < swing, pushed * (1 - 1.55 * air), 0)
            + push * ease((u - 0.72) / 0.28)
            - np.where(u >= swing, 0.55 * pushed * (1 - ease((u - swing) / 0.1)), 0)
        )
        ankles[:, k] = _ankle(body, s, flat, yaw, pitch, lift)
        yaws[:, k], pitches[:, k] = yaw, pitch
    return ankles, yaws, pitches


def _ankle(body, side, flat, yaw, pitch, lift):
    """Ankle `(T, 3)` in metres of a foot that would stand flat at `flat (T, 2)`, rolled over its
    ball (pitch > 0) or its heel and lifted; yaw, pitch, lift: `(T,)`.
    """
    ankle = body.heads[GROUP[f"foot.{side}"]]
    ball = body.heads[GROUP[f"toes.{side}"]] * [1, 1, 0] + [0, 0, 0.015]
    heel = dict(body.markers)[GROUP[f"foot.{side}"]] * [1, 1, 0] + [0, 0, 0.01]
    pivot = np.where(pitch[:, None] > 0, ball, heel)
    arm = ankle - pivot
    c, s = np.cos(pitch), np.sin(pitch)
    rolled = (
        np.stack([arm[:, 0], c * arm[:, 1] - s * arm[:, 2], s * arm[:, 1] + c * arm[:, 2]], -1)
        + pivot
        - ankle
    )
    c, s = np.cos(yaw), np.sin(yaw)
    moved = np.stack([c * rolled[:, 0] - s * rolled[:, 1], s * rolled[:, 0] + c * rolled[:, 1]], -1)
    return np.concatenate([flat + moved, (ankle[2] + rolled[:, 2] + lift)[:, None]], -1)


def standing_height(body, t, path, ankles, wanted, slack=0.992):
    """Pelvis heights `(T,)` in metres: `wanted (T,)`, lowered smoothly where a leg would not reach
    its ankle.
    """
    x, y, yaw = path(t)
    limit = np.full(len(t), np.inf)
    for k, (s, _) in enumerate(SIDES):
        hip = body.heads[GROUP[f"thigh.{s}"]] - body.heads[0]
        reach = slack * (
            body.length(f"thigh.{s}", f"shin.{s}") + body.length(f"shin.{s}", f"foot.{s}")
        )
        c, sn = np.cos(yaw), np.sin(yaw)
        hx, hy = x + c * hip[0] - sn * hip[1], y + sn * hip[0] + c * hip[1]
        away = (ankles[:, k, 0] - hx) ** 2 + (ankles[:, k, 1] - hy) ** 2
        limit = np.minimum(
            limit, ankles[:, k, 2] + np.sqrt(np.maximum(reach**2 - away, 0.01)) - hip[2]
        )
    height = np.minimum(wanted, limit)
    width = max(3, int(round(0.12 / (t[1] - t[0]))) | 1)  # about a tenth of a second
    lowest = np.lib.stride_tricks.sliding_window_view(
        np.pad(height, width // 2, mode="edge"), width
    ).min(-1)
    kernel = np.hanning(width + 2)[1:-1]
    return np.convolve(np.pad(lowest, width // 2, mode="edge"), kernel / kernel.sum(), "valid")
