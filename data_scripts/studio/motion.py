"""Smooth motion of one clip: latent drivers of time, put together to a `Plan` that `ik.solve` turns
into a body.

Nothing here draws a pose at random: a clip draws parameters once, and every joint then follows a
continuous function of time, sampled at 50 Hz and read out at the recipe's frame rate.
"""

import dataclasses

import numpy as np

from .actions import ACTIONS
from .ik import solve
from .steps import ease, plan_feet, standing_height
from .style import NEUTRAL

RATE = 50  # Hz, at which a clip is planned; footsteps need more than the frame rate of a store


@dataclasses.dataclass
class Plan:
    """What a body does, all arrays with time first: metres, radians, hands in arm lengths from the
    shoulder.

    hands `(T, 2, 3)` are (outward, forward, up) in the frame of the chest, left first; stool `(T,
    4)` is x, y, yaw and its height, 1 for the usual one, 0 for no stool.
    """

    pelvis: np.ndarray
    yaw: np.ndarray
    tilt: np.ndarray
    spine: np.ndarray
    head: np.ndarray
    hands: np.ndarray
    elbows: np.ndarray
    wrists: np.ndarray
    ankles: np.ndarray
    foot_yaw: np.ndarray
    foot_pitch: np.ndarray
    knees_out: np.ndarray
    stool: np.ndarray


class Signals:
    """Draws the smooth random functions of time one clip is made of; `t (T,)` in seconds."""

    def __init__(self, rng, t):
        self.rng, self.t = rng, t

    def sway(self, size, slowest=6.0, fastest=1.5, width=None):
        """A sum of three slow sines `(T,)` or `(T, width)`, mostly within +-size."""
        shape = (3,) + (() if width is None else (width,))
        period = self.rng.uniform(fastest, slowest, shape)
        phase = self.rng.uniform(0, 2 * np.pi, shape)
        t = self.t.reshape((-1,) + (1,) * len(shape))
        return size * 0.5 * np.sin(2 * np.pi * t / period + phase).sum(1)

    def keys(self, draw, hold=(0.3, 1.6), move=(0.5, 1.1)):
        """Moves between values of `draw()` with rests between: `(T,)`, or `(T, ...)` in the shape
        that draw gives.
        """
        start, values = self.t[0] - self.rng.uniform(0, 1), [np.asarray(draw(), float)]
        out = np.broadcast_to(values[0], self.t.shape + values[0].shape).copy()
        while start < self.t[-1]:
            start += self.rng.uniform(*hold)
            length = self.rng.uniform(*move)
            target = np.asarray(draw(), float)
            blend = ease((self.t - start) / length).reshape((-1,) + (1,) * target.ndim)
            out += blend * (target - values[-1])
            values.append(target)
            start += length
        return out


class Sketch:
    """A person who stands and breathes; an action changes what it needs, and `plan()` puts the feet
    on the floor. t: `(T,)` in seconds; yaw: heading at the start, radians; turn_rate: radians a
    second; style: the person's.
    """

    def __init__(self, rng, body, t, yaw, turn_rate, style=NEUTRAL):
        self.rng, self.body, self.t, self.style = rng, body, t, style
        self.s = s = Signals(rng, t)
        n = len(t)
        self.tilt, self.spine = s.sway(0.03, width=3), s.sway(0.04, width=3)
        self.head = s.keys(lambda: rng.normal(0, [0.12, 0.06, 0.35]))
        self.hands = hanging(self)
        self.elbows, self.wrists = np.zeros((n, 2)), s.sway(0.15, width=2)
        self.knees_out = np.full(n, 0.08)
        leg = body.length("thigh.L", "shin.L") + body.length("shin.L", "foot.L")
        self.leg = leg
        self.upright = body.heads[0][2] * 0.985
        self.height = np.full(n, self.upright)
        self.stance = (rng.uniform(0.09, 0.15), 0.0, rng.uniform(0.05, 0.25))
        self.steps = dict(period=1.1, swing=0.42, step_height=0.09)
        self.centre = rng.uniform(-1.0, 1.0, 2)
        self.sitting, self.seat = False, 1.0
        self.slide = s.keys(lambda: rng.normal(0, 0.07, 2), hold=(1.5, 4), move=(0.8, 1.4))
        self.turned = yaw + turning(s, turn_rate)
        self.path = None

    def walk(self, speed, radius, period, squeeze=0.75):
        """Replace standing by a walk at `speed` m/s along an ellipse of radii `radius` and
        `squeeze * radius`, in metres; period: seconds of two steps. The direction is drawn.
        """
        sign = self.rng.choice([-1.0, 1.0])
        middle = self.rng.uniform(-0.25, 0.25, 2)
        phi = (
            self.turned[0]
            + np.pi * (sign > 0)
            + sign * speed * (np.arange(-3 * RATE, len(self.t) + 3 * RATE) / RATE) / radius
        )
        axis = self.rng.uniform(0, np.pi)
        ring = np.stack([radius * np.cos(phi - axis), squeeze * radius * np.sin(phi - axis)], -1)
        c, sn = np.cos(axis), np.sin(axis)
        position = middle + ring @ np.array([[c, sn], [-sn, c]])
        pace = np.gradient(position, 1 / RATE, axis=0)
        yaw = np.unwrap(np.arctan2(pace[:, 0], -pace[:, 1]))
        times = np.arange(-3 * RATE, len(self.t) + 3 * RATE) / RATE + self.t[0]
        self.path = lambda t: tuple(np.interp(t, times, v) for v in (*position.T, yaw))
        self.steps = dict(period=period, swing=0.38, step_height=0.1)
        self.stance = (self.rng.uniform(0.07, 0.1), 0.02, self.rng.uniform(0.02, 0.15))

    def plan(self):
        """The `Plan` of this sketch: its feet planted, its pelvis as high as its legs reach."""
        t, body = self.t, self.body
        if self.path is None:
            position = self.centre + self.slide
            self.path = lambda at: tuple(np.interp(at, t, v) for v in (*position.T, self.turned))
        ankles, foot_yaw, foot_pitch = plan_feet(body, t, self.path, self.stance, **self.steps)
        height = (
            self.height
            if self.sitting
            else standing_height(body, t, self.path, ankles, self.height)
        )
        x, y, yaw = self.path(t)
        stool = np.full_like(t, self.seat * (self.sitting == "stool"))
        return Plan(
            np.stack([x, y, height], -1),
            yaw,
            self.tilt,
            self.spine,
            self.head,
            self.hands,
            self.elbows,
            self.wrists,
            ankles,
            foot_yaw,
            foot_pitch,
            self.knees_out,
            np.stack([x, y, yaw, stool], -1),
        )


def turning(s, rate):
    """Heading `(T,)` that turns one way at `rate` rad/s on average, in bouts with rests between."""
    speed = np.maximum(
        s.keys(lambda: s.rng.choice([0.0, 1.6, 2.2]), hold=(0.4, 1.2), move=(0.4, 0.8)), 0
    )
    return np.cumsum(speed) / RATE * rate


def hanging(sketch):
    """Hands `(T, 2, 3)` that hang at the sides."""
    base = np.array([0.13, 0.1, -0.95]) + sketch.rng.normal(0, 0.03, 3)
    return base + sketch.s.sway(0.025, width=6).reshape(-1, 2, 3)


def clip(body, action, rng, frames, fps, yaw=None, style=NEUTRAL):
    """One clip: rotations `(T, G, 3, 3)`, positions `(T, G, 3)` in metres and stool `(T, 4)` at
    `fps`.

    action: a name in `actions.ACTIONS`; yaw: heading at the start, radians, drawn if not given;
    style: the person's `style.Style`.
    """
    if action not in ACTIONS:
        raise ValueError(f"no action {action!r}; there are {sorted(ACTIONS)}")
    t = np.arange(int(np.ceil(frames / fps * RATE * style.tempo)) + 1) / RATE
    yaw = rng.uniform(0, 2 * np.pi) if yaw is None else yaw
    sketch = Sketch(
        rng, body, t, yaw, turn_rate=rng.choice([-1.0, 1.0]) * rng.uniform(0.5, 0.8), style=style
    )
    ACTIONS[action](sketch)
    style.apply(sketch)
    plan = sketch.plan()
    pick = np.round(np.arange(frames) / fps * RATE * style.tempo).astype(int)
    plan = Plan(**{f.name: getattr(plan, f.name)[pick] for f in dataclasses.fields(Plan)})
    rotations, positions = solve(body, plan)
    return rotations, positions, plan.stool
