"""Motion capture on the studio's bodies: each group of bones turns as the measured bone turned,
with the body's own lengths.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

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
FEET = ("foot", "toes")
LEVEL = 0.1  # metres that the lower foot may be above the ground for half of a clip
FALL = 16.0  # m/s2; free fall has 9.8, and the pelvis 12 where the legs are pulled up
STRIDES = 1.4  # a second; walkers make one, and run before they make more
ROOM = 2.1  # metres from the middle that the pelvis may go; a clip is cut where it goes further


class Mocap:
    """One clip of motion capture, read once, for any body. asf, amc: its files. rate: frames a
    second that it was recorded at.
    """

    def __init__(self, asf, amc, rate=RATE):
        self.rate = float(rate)
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
        return int((self.last - 1) / self.rate * fps) + 1

    def doubts(self):
        """What looks wrong of the clip: a list of strings."""
        found, feet = [], [self._ends(f"{side}foot") for side in "lr"]
        low = np.min([self._ends(f"{side}{part}")[:, 2] for side in "lr" for part in FEET], 0)
        above = np.median(low) - np.percentile(low, 2)
        if above > LEVEL:
            found.append(
                f"for half of it the lower foot is {above:.2g} m or more above where it is lowest"
                f" (at most {np.ptp(low):.2g} m): the person climbs or the ground is uneven, and"
                " the studio's floor is level, so people stand and hang in the air"
            )
        smooth = lambda path, seconds: gaussian_filter1d(path, seconds * self.rate, axis=0)
        speed = lambda path: np.gradient(path, 1 / self.rate, axis=0)
        if len(low) < max(self.rate / 2, 3):
            return found
        root = speed(smooth(self.ends[:, 0], 0.04))
        fall = -np.percentile(speed(root[:, 2]), 1)
        pace = np.linalg.norm(root[:, :2], axis=1)
        moving = pace > 0.6
        strides = 0.0
        if moving.sum() > 0.6 * self.rate:
            ahead = root[:, :2] / np.maximum(pace, 1e-6)[:, None]
            apart = smooth(((feet[0] - feet[1])[:, :2] * ahead).sum(1), 0.03)
            slower = np.min([np.linalg.norm(speed(smooth(f, 0.02)), axis=1) for f in feet], 0)
            # who walks always has one foot on the ground
            walks = np.percentile(slower[moving], 80) < 0.25 * np.median(pace[moving])
            passes = (np.diff(np.sign(apart)) != 0) & moving[1:]
            strides = walks * passes.sum() / 2 / (moving.sum() / self.rate)
        if fall > FALL or strides > STRIDES:
            seen = (
                f"the body falls with {fall:.0f} m/s2, more than free"
                if fall > FALL
                else f"it walks with {2 * strides:.1f} steps a second"
            )
            found.append(
                f"at {self.rate:g} frames a second {seen}, as if it were shown too fast: some of"
                " CMU's clips were recorded at 60; see its page at mocap.cs.cmu.edu and say --rate"
            )
        return found

    def _ends(self, bone):
        return self.ends[:, self.skeleton.names.index(bone)]

    def on(self, body, frames, fps, yaw):
        """Rotations `(T, G, 3, 3)` and positions `(T, G, 3)` in metres of a `Body` that does this,
        turned by `yaw` radians about the room's middle; T = frames, at `fps`.
        """
        pick = np.round(np.arange(frames) / fps * self.rate).astype(int)
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
