"""Where people are filmed, the scenes of the two domains: the laboratory of `sample`, `bench` and
`paper`; a hall and a yard for `field`.
"""

import numpy as np

from .paint import BRICKS, CHECKS, MOTTLED, PLAIN, PLANKS, SKY
from .scene import Light, Scene, ring_of_cameras


def plain(*colour):
    """A material of one colour."""
    return colour, colour, PLAIN, 1.0


def lab(seed):
    """The room of `sample`, `bench` and `paper`."""
    rng = np.random.default_rng([seed, 1])
    lights = [
        Light((1.3, -0.9, 3.6), 0.12, (0.72, 0.69, 0.63)),
        Light((-1.5, 1.1, 3.6), 0.12, (0.46, 0.49, 0.54)),
    ]
    x, y = 4.1, 3.9
    paint = [
        plain(0.62, 0.6, 0.55),
        plain(0.55, 0.58, 0.6),
        plain(0.56, 0.55, 0.52),
        plain(0.5, 0.52, 0.55),
    ]
    s = Scene(
        ring_of_cameras(rng, 4, 4.5, 1.5, 1145, np.pi / 4),
        lights,
        (0.34, 0.34, 0.36),
        (-x, -y, 0),
        (x, y, 3.7),
        [((0.42, 0.3, 0.2), (0.26, 0.17, 0.1), PLANKS, 0.16), plain(2.4, 2.4, 2.4)]
        + paint
        + [((0.16, 0.19, 0.24), (0.24, 0.27, 0.32), MOTTLED, 0.25)],
        rug=(2.2, 1.8),
    )
    for sign in (1, -1):
        s.box((sign * x, 0, 0.06), (0.04, 2 * y, 0.12), (0.2, 0.2, 0.2))
        s.box((0, sign * y, 0.06), (2 * x, 0.04, 0.12), (0.2, 0.2, 0.2))
    wood, dark, steel = (0.4, 0.24, 0.12), (0.05, 0.05, 0.06), (0.4, 0.42, 0.45)
    s.box((3.55, 0.2, 0.73), (0.8, 1.6, 0.04), wood)  # a desk with a monitor
    for dx in (-0.35, 0.35):
        for dy in (-0.55, 0.95):
            s.box((3.55 + dx, dy, 0.36), (0.05, 0.05, 0.72), dark)
    s.box((3.7, 0.2, 1.05), (0.05, 0.6, 0.38), dark)
    s.box((3.7, 0.2, 0.8), (0.05, 0.08, 0.14), dark)
    s.box((-3.9, -0.8, 0.95), (0.35, 1.1, 1.9), (0.5, 0.48, 0.42))  # a shelf with files
    for level in range(4):
        for book in range(7):
            s.box(
                (-3.7, -1.2 + 0.13 * book, 0.34 + 0.42 * level),
                (0.1, 0.1, 0.2 + 0.06 * rng.random()),
                tuple(rng.uniform(0.04, 0.5, 3)),
            )
    s.box((-4.07, 1.2, 1.6), (0.03, 1.4, 1.1), (0.75, 0.85, 1.0))  # a window
    s.box((-4.05, 1.2, 1.6), (0.04, 0.05, 1.1), (0.8, 0.8, 0.8))
    s.box((0.6, 3.85, 1.05), (0.95, 0.06, 2.1), (0.3, 0.16, 0.09))  # a door
    s.box((-1.5, 3.87, 1.6), (1.3, 0.03, 0.9), (0.85, 0.86, 0.86))  # a whiteboard
    s.box((-1.4, 3.55, 0.45), (1.7, 0.55, 0.9), (0.12, 0.2, 0.32))  # a chest
    s.box((1.3, -3.6, 0.4), (1.9, 0.7, 0.35), (0.35, 0.08, 0.07))  # a sofa
    s.box((1.3, -3.82, 0.65), (1.9, 0.2, 0.6), (0.35, 0.08, 0.07))
    s.box(
        (-0.9, -3.87, 1.6), (0.8, 0.03, 1.1), (0.1, 0.3, 0.35), (0.7, 0.6, 0.3), CHECKS, 0.2
    )  # a poster
    s.box((-1.6, -3.6, 0.3), (0.4, 0.4, 0.6), steel)
    s.box(
        (-1.6, -3.6, 0.85), (0.35, 0.35, 0.5), (0.06, 0.2, 0.05), (0.1, 0.3, 0.08), MOTTLED, 0.08
    )  # a plant
    return s


def hall(seed):
    """A gymnasium, indoors."""
    rng = np.random.default_rng([seed, 2])
    lights = [
        Light((-2.2, -2.0, 4.6), 0.2, (0.85, 0.8, 0.66)),
        Light((2.4, 0.5, 4.6), 0.2, (0.5, 0.47, 0.4)),
    ]
    x, y = 5.5, 5.0
    brick, blue = ((0.42, 0.17, 0.11), (0.55, 0.5, 0.45), BRICKS, 0.1), plain(0.2, 0.34, 0.45)
    s = Scene(
        ring_of_cameras(rng, 5, 4.3, 1.4, 1060, 0.3),
        lights,
        (0.3, 0.29, 0.27),
        (-x, -y, 0),
        (x, y, 5.0),
        [
            ((0.55, 0.36, 0.16), (0.42, 0.26, 0.11), PLANKS, 0.09),
            plain(2.0, 2.0, 2.0),
            blue,
            brick,
            brick,
            blue,
            ((0.1, 0.25, 0.16), (0.12, 0.29, 0.18), MOTTLED, 0.3),
        ],
        rug=(1.6, 1.6),
    )
    for k in range(9):  # wall bars
        s.box((-x + 0.1, -1.5, 0.3 + 0.24 * k), (0.05, 3.0, 0.05), (0.5, 0.3, 0.13))
    for k in range(4):
        s.box((-x + 0.1, -3.0 + k, 1.25), (0.14, 0.07, 2.5), (0.42, 0.25, 0.1))
    s.box((1.5, y - 0.3, 0.25), (3.5, 0.4, 0.08), (0.45, 0.28, 0.12))  # a bench
    for dx in (0, 3.0):
        s.box((dx, y - 0.3, 0.11), (0.1, 0.35, 0.22), (0.1, 0.1, 0.1))
    s.box((x - 0.5, -2.0, 0.35), (0.8, 1.8, 0.7), (0.08, 0.15, 0.4))  # mats and a vaulting box
    s.box((x - 0.6, 1.6, 0.5), (0.6, 1.2, 1.0), (0.5, 0.35, 0.2), (0.35, 0.2, 0.1), PLANKS, 0.2)
    s.box((-2.5, -y + 0.05, 2.6), (1.8, 0.05, 1.1), (0.8, 0.8, 0.8), (0.7, 0.1, 0.1), CHECKS, 0.9)
    s.box((1.8, -y + 0.03, 1.1), (1.8, 0.05, 2.2), (0.12, 0.25, 0.14))
    return s


def yard(seed):
    """A lawn with a path between house, hedge and trees, under the sun."""
    rng = np.random.default_rng([seed, 3])
    sky = ((0.62, 0.74, 0.9), (0.16, 0.33, 0.7), SKY, 1.0)
    lawn = ((0.1, 0.2, 0.045), (0.17, 0.29, 0.07), MOTTLED, 0.16)
    s = Scene(
        ring_of_cameras(rng, 5, 4.4, 1.45, 1060, 0.9),
        [Light((24.0, -19.0, 34.0), 0.3, (1.15, 1.05, 0.86))],
        (0.38, 0.43, 0.52),
        (-60, -60, 0),
        (60, 60, 50),
        [lawn] + [sky] * 5 + [((0.36, 0.35, 0.33), (0.45, 0.44, 0.42), MOTTLED, 0.07)],
        rug=(1.9, 30.0),
    )
    s.box((-12, 3, 3), (6, 14, 6), (0.5, 0.22, 0.15), (0.6, 0.55, 0.5), BRICKS, 0.16)  # a house
    for k in range(4):
        s.box((-8.99, -2.5 + 3.4 * k, 2.2), (0.05, 1.2, 1.5), (0.06, 0.08, 0.1))
    s.box(
        (3, 13, 0.9), (26, 1.2, 1.8), (0.05, 0.13, 0.04), (0.1, 0.2, 0.05), MOTTLED, 0.3
    )  # a hedge and a fence
    for k in range(24):
        s.box((-9 + 0.9 * k, -12, 0.6), (0.7, 0.06, 1.2), (0.42, 0.3, 0.19))
    for px, py in ((9, 5), (11, -4), (6, 10), (-5, -10), (3, -9.5), (-4, 11)):  # trees
        s.box((px, py, 1.2), (0.3, 0.3, 2.4), (0.13, 0.08, 0.05))
        for _ in range(5):
            s.box(
                (px, py, 3.0) + rng.normal(0, 0.5, 3),
                (1.7, 1.7, 1.4),
                (0.06, 0.16, 0.04),
                (0.13, 0.25, 0.06),
                MOTTLED,
                0.25,
                turn=rng.uniform(0, 3),
            )
    s.box((5.2, -4.4, 0.42), (0.45, 1.6, 0.06), (0.4, 0.25, 0.12))  # a bench
    s.box((5.4, -4.4, 0.7), (0.06, 1.6, 0.4), (0.4, 0.25, 0.12))
    s.box((14, 1, 0.75), (1.8, 4.2, 1.0), (0.5, 0.06, 0.05))  # a car
    s.box((14, 1.2, 1.45), (1.6, 2.2, 0.6), (0.08, 0.1, 0.12))
    return s


#: Functions from a seed to a `Scene`, of each domain; its subjects take turns in them.
DOMAINS = {"lab": (lab,), "field": (hall, yard)}
