"""Skirts and long hair: sheets that hang around the body and follow the bones above them."""

import numpy as np

from .body import GROUP, INFLUENCES


def sheet(rings, around, groups):
    """A sheet through elliptic rings: vertices `(V, 3)` in metres, triangles `(F, 3)`, bones and
    weights `(V, 4)`.

    rings: list of (centre xyz, half width, half depth, weights over `groups` of each column
    `(columns, len(groups))`);
    around: angle of each column, 0 at +X and a quarter turn at -Y, which is the front.
    """
    columns = len(around)
    closed = np.isclose(around[-1] - around[0] + around[1] - around[0], 2 * np.pi)
    vertices, weights = [], []
    for (x, y, z), wide, deep, w in rings:
        vertices.append(
            np.stack(
                [x + wide * np.cos(around), y - deep * np.sin(around), np.full(columns, z)], -1
            )
        )
        weights.append(w)
    faces = []
    for r in range(len(rings) - 1):
        for i in range(columns if closed else columns - 1):
            a, b = r * columns + i, r * columns + (i + 1) % columns
            faces += [(a, a + columns, b), (b, a + columns, b + columns)]
    shares = np.zeros((len(rings) * columns, INFLUENCES), np.float32)
    shares[:, : len(groups)] = np.concatenate(weights)
    bones = np.zeros((len(rings) * columns, INFLUENCES), np.int32)
    bones[:, : len(groups)] = groups
    return np.concatenate(vertices), np.array(faces), bones, shares / shares.sum(1, keepdims=True)


def skirt(body, length):
    """From the waist down to `length` (0 hip to 1 ankle), moved by the pelvis above and by the
    nearer thigh below.
    """
    around = 2 * np.pi * np.arange(32) / 32
    hip, ankle = body.heads[GROUP["thigh.L"]], body.heads[GROUP["foot.L"]]
    top, hem = body.heads[GROUP["belly"], 2] + 0.09, hip[2] - length * (hip[2] - ankle[2])
    trunk = np.isin(
        body.part, [GROUP[g] for g in ("pelvis", "belly", "waist", "thigh.L", "thigh.R")]
    )
    left = 0.5 + 0.5 * np.clip(np.cos(around) / 0.6, -1, 1)
    rings = []
    for z in np.linspace(top, hem, 9):
        ring = body.vertices[
            trunk
            & (np.abs(body.vertices[:, 2] - max(z, hip[2] - 0.5 * (hip[2] - ankle[2]))) < 0.03)
        ]
        low, high = ring.min(0), ring.max(0)
        down = (top - z) / (top - hem)
        follow = 0.88 * np.clip((hip[2] + 0.06 - z) / 0.22, 0, 1)
        w = np.stack([np.full(32, 1 - follow), follow * left, follow * (1 - left)], -1)
        half = np.maximum(
            (high - low) / 2, [0.14 + 0.08 * down * length, 0.1 + 0.08 * down * length, 0]
        )
        rings.append(
            (
                ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, z),
                half[0] + 0.024,
                half[1] + 0.026,
                w,
            )
        )
    return sheet(rings, around, [GROUP["pelvis"], GROUP["thigh.L"], GROUP["thigh.R"]])


def long_hair(body, length):
    """From the crown down the back of the head by `length` metres below the chin."""
    around = np.linspace(1.08 * np.pi, 1.92 * np.pi, 14) - 0.0
    skull = body.vertices[body.part == GROUP["head"]]
    eyes = (body.bone_heads["eye.L"] + body.bone_heads["eye.R"]) / 2
    neck = body.heads[GROUP["neck"]]
    wide = skull[:, 0].max() * 1.02
    back = skull[:, 1].max()
    middle = (eyes[1] + back) / 2 + 0.01
    rings = []
    for z in np.linspace(eyes[2] + 0.05, neck[2] - length, 8):
        follow = np.clip((z - neck[2]) / 0.1, 0, 1)
        w = np.tile([follow, 1 - follow], (14, 1))
        out = 0.022 * np.clip((eyes[2] - z) / 0.2, 0, 1)
        rings.append(((0, middle, z), wide + out, back - middle + 0.014 + out, w))
    return sheet(rings, around, [GROUP["head"], GROUP["chest"]])
