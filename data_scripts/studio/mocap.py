"""Motion capture on the studio's bodies: each group of bones turns as the measured bone turned,
with the body's own lengths.
"""

import numpy as np

from ..common.amc import RATE, forward, read_amc, read_asf
from .body import GROUP, GROUP_NAMES, PARENTS

#: CMU's bone for each group: what it turns with. Limbs are first brought from Anny's rest pose into
#: that of the ASF file.
TRUNK = {
    "pelvis": "root",
    "belly": "lowerback",
    "waist": "upperback",
    "chest": "thorax",
    "neck": "lowerneck",
    "head": "head",
}
LIMBS = {
    "clavicle": "clavicle",
    "upperarm": "humerus",
    "forearm": "radius",
    "wristward": "radius",
    "hand": "hand",
    "thigh": "femur",
    "shin": "tibia",
    "foot": "foot",
    "toes": "toes",
}
#: Groups whose rest direction is brought in line: the group, and the one at its far end.
ALIGNED = {"upperarm": "forearm", "forearm": "hand", "thigh": "shin", "shin": "foot"}
FOLLOWS = {
    "wristward": "forearm",
    "hand": "forearm",
}  # these take over the alignment of another group
Z_UP = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
ROOM = 2.1  # metres from the middle that the pelvis may go; a clip is cut where it goes further


class Mocap:
    """One clip of motion capture, read once, for any body. asf, amc: its files."""

    def __init__(self, asf, amc):
        self.skeleton = read_asf(asf)
        needed = [*TRUNK.values(), *(side + bone for side in "lr" for bone in LIMBS.values())]
        lengths = dict(zip(self.skeleton.names, np.linalg.norm(self.skeleton.offsets, axis=1)))
        if missing := [bone for bone in needed if not lengths.get(bone, 0) and bone != "root"]:
            raise ValueError(
                f"{asf} has no {', '.join(dict.fromkeys(missing))}, or of length 0: it is damaged"
                " or no skeleton of CMU, get it again"
            )
        turns, ends = forward(self.skeleton, read_amc(amc, self.skeleton))
        self.turns, self.ends = Z_UP @ turns @ Z_UP.T, ends @ Z_UP.T / 1000.0
        path = self.ends[:, 0, :2]
        for middle in (
            (path.min(0) + path.max(0)) / 2,
            path[0],
        ):  # if it begins too far out, the part round its begin
            far = np.linalg.norm(path - middle, axis=1) > ROOM
            self.middle, self.last = middle, int(np.argmax(far)) if far.any() else len(path)
            if self.last:
                break

    def frames(self, fps):
        """How many frames at `fps` the clip gives."""
        return int((self.last - 1) / RATE * fps) + 1

    def on(self, body, frames, fps, yaw):
        """Rotations `(T, G, 3, 3)` and positions `(T, G, 3)` in metres of a `Body` that does this,
        turned by `yaw` radians about the room's middle; T = frames, at `fps`.
        """
        pick = np.round(np.arange(frames) / fps * RATE).astype(int)
        names, rest = self.skeleton.names, self.skeleton.offsets @ Z_UP.T
        turns, root = self.turns[pick], self.ends[pick, 0]
        c, s = np.cos(yaw), np.sin(yaw)
        heading = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        R, P, align = (
            np.zeros((frames, len(GROUP_NAMES), 3, 3)),
            np.zeros((frames, len(GROUP_NAMES), 3)),
            {},
        )
        for g, group in enumerate(GROUP_NAMES):
            part, _, side = group.partition(".")
            bone = names.index(TRUNK[part] if part in TRUNK else side.lower() + LIMBS[part])
            if part in ALIGNED:
                own = body.heads[GROUP[f"{ALIGNED[part]}.{side}"]] - body.heads[g]
                align[group] = between(own, rest[bone])
            R[:, g] = (
                heading @ turns[:, bone] @ align.get(f"{FOLLOWS.get(part, part)}.{side}", np.eye(3))
            )
        legs = [np.linalg.norm(rest[names.index(bone)]) / 1000.0 for bone in ("lfemur", "ltibia")]
        scale = (body.length("thigh.L", "shin.L") + body.length("shin.L", "foot.L")) / sum(legs)
        P[:, 0] = (root - [*self.middle, 0]) * scale @ heading.T
        for g in range(1, len(GROUP_NAMES)):
            up = PARENTS[g]
            P[:, g] = P[:, up] + np.einsum("tab,b->ta", R[:, up], body.heads[g] - body.heads[up])
        P[..., 2] -= _floor(body, R, P, round(fps / 2))[:, None]
        return R, P


def _floor(body, R, P, reach):
    """How high the floor lies at each instant: where the lowest foot stands within `reach` frames,
    but for what a jump lifts.

    The floor of a clip is not level: subject 02 rises by a decimetre along four metres, and others
    walk on ramps.
    """
    ends = body.joints_world(R, P, markers=True)
    feet = [k for k, (g, _) in enumerate(body.markers) if GROUP_NAMES[g][:4] in ("foot", "toes")]
    over = np.min([ends[:, k, 2] - body.markers[k][1][2] for k in feet], 0)
    near = lambda heights: np.lib.stride_tricks.sliding_window_view(
        np.pad(heights, reach, mode="edge"), 2 * reach + 1
    )
    return near(near(over).min(-1)).mean(-1)


def between(a, b):
    """The rotation `(3, 3)` of the smallest angle that turns the direction a into b."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    v, c = np.cross(a, b), a @ b
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1 + c)
