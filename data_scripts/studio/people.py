"""Draws each subject's body, skin, hair and outfits, so that no two of a domain look alike."""

import colorsys
import dataclasses

import numpy as np

from .body import Body
from .paint import BANDS, CHECKS, DOTS, MOTTLED, PLAIN, STRIPES, TARTAN
from .wardrobe import Outfit

SKINS = [
    (0.60, 0.37, 0.27),
    (0.20, 0.10, 0.055),
    (0.66, 0.44, 0.34),
    (0.40, 0.23, 0.14),
    (0.52, 0.31, 0.20),
    (0.11, 0.055, 0.035),
    (0.58, 0.36, 0.24),
    (0.31, 0.17, 0.10),
]
HAIRS = [
    (0.09, 0.045, 0.02),
    (0.015, 0.012, 0.01),
    (0.34, 0.21, 0.08),
    (0.02, 0.015, 0.012),
    (0.22, 0.07, 0.025),
    (0.012, 0.01, 0.01),
    (0.3, 0.29, 0.28),
    (0.045, 0.025, 0.015),
]
TROUSERS = [
    (0.05, 0.09, 0.2),
    (0.04, 0.04, 0.045),
    (0.33, 0.25, 0.15),
    (0.16, 0.17, 0.18),
    (0.13, 0.2, 0.34),
    (0.1, 0.11, 0.06),
]
SHOES = [(0.03, 0.03, 0.03), (0.6, 0.6, 0.6), (0.2, 0.1, 0.05), (0.4, 0.05, 0.04), (0.05, 0.1, 0.3)]
#: sleeve, leg, skirt
CUTS = [
    (0.42, 1.05, 0),
    (0.97, 1.05, 0),
    (0.3, 0.42, 0),
    (0.42, 0.15, 0.5),
    (0.97, 0.62, 0),
    (0.05, 1.05, 0),
    (0.97, 0.15, 0.72),
    (0.42, 0.45, 0),
]
PATTERNS = [PLAIN, BANDS, TARTAN, DOTS, PLAIN, STRIPES, MOTTLED, CHECKS]


def draw_subject(rng, number, sporty=False, style=0.0):
    """`(Body, Outfit)` of the subject with this number in its domain; sporty: brighter clothes, for
    `field`; style: how much more people differ than they otherwise do, 0 to about 1.5.
    """
    far = min(1.0, style)

    def uniform(low, high, least, most):
        """Between low and high; with style, towards between least and most."""
        return rng.uniform(low + far * (least - low), high + far * (most - high))

    woman = number % 2 == 1
    body = Body(
        dict(
            gender=rng.uniform(0.85, 1) if woman else rng.uniform(0, 0.15),
            age=uniform(0.58, 0.85, 0.55, 1.0),
            muscle=uniform(0.35, 0.75, 0.1, 0.95),
            weight=uniform(0.25, 0.8, 0.1, 0.95),
            height=uniform(0.35, 0.75, 0.15, 0.95),
            proportions=uniform(0.35, 0.75, 0.1, 0.95),
        )
    )
    hue = (0.58 + 0.382 * number + rng.uniform(-0.04, 0.04)) % 1
    value = (
        rng.uniform(0.3, 0.75)
        if sporty
        else (0.08, 0.35, 0.6, 0.2)[number % 4] * rng.uniform(0.8, 1.2)
    )
    top = colorsys.hsv_to_rgb(
        hue, rng.uniform(0.6, 0.95) if sporty else rng.uniform(0.3, 0.85), value
    )
    second = colorsys.hsv_to_rgb(
        (hue + rng.choice([0, 0.08, 0.5])) % 1,
        rng.uniform(0.05, 0.5),
        0.75 if value < 0.4 else 0.08,
    )
    pattern = PATTERNS[(number * 3 + sporty) % len(PATTERNS)]
    if pattern == MOTTLED:
        second = tuple(np.multiply(top, 1.5))
    cuts = [cut for cut in CUTS if woman or not cut[2]]
    sleeve, leg, skirt = cuts[(number // 2 * 3 + number + 2 * sporty) % len(cuts)]
    cloth = TROUSERS[(number * 5 + 3 * sporty) % len(TROUSERS)]
    if skirt or sporty:
        cloth = colorsys.hsv_to_rgb((hue + 0.45) % 1, 0.6, rng.uniform(0.1, 0.5))
    shoe = SHOES[(number * 2 + sporty) % len(SHOES)]
    cap = colorsys.hsv_to_rgb(rng.random(), 0.8, 0.4)
    k = (number * 3 + 5 * sporty) % 8
    outfit = Outfit(
        skin=SKINS[k],
        hair=HAIRS[k],
        hair_length=float(uniform(0.9, 1.6, 0.4, 1.8) if woman else uniform(0.1, 0.7, 0.0, 1.0)),
        top=(top, second, pattern, float(rng.uniform(0.05, 0.11))),
        bottom=(cloth, tuple(np.multiply(cloth, 1.5)), MOTTLED, 0.06),
        shoes=(shoe, shoe, PLAIN, 1.0),
        cap=(cap, cap, PLAIN, 1.0) if number % 5 == (2 if sporty else 4) else None,
        sleeve=sleeve,
        leg=leg,
        loose=float(uniform(0.006, 0.02, 0.004, 0.035)),
        skirt=skirt,
        locks=float(rng.uniform(0.0, 0.14)) if woman and number % 4 != 3 else 0.0,
    )
    return body, outfit


def changed(rng, number, outfit, sporty=False, style=0.0):
    """Other clothes for the subject with this number: the `Outfit` with the same skin and hair."""
    _, other = draw_subject(rng, number, sporty, style)
    own = {name: getattr(outfit, name) for name in ("skin", "hair", "hair_length", "locks")}
    return dataclasses.replace(other, **own)
