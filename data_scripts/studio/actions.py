"""The fifteen kinds of action of Human3.6M, each a few lines that change a standing
`motion.Sketch`.

Hand targets are (outward, forward, up) from the shoulder in arm lengths; the left hand is row 0.
"""

import numpy as np

from .body import SEAT_HEIGHT

MOUTH, EAR, EYES = (-0.26, 0.42, 0.16), (0.03, 0.2, 0.24), (-0.22, 0.55, 0.3)
HIP, CROSSED, LAP = (0.2, -0.02, -0.66), (-0.28, 0.42, -0.42), (-0.08, 0.5, -0.62)
BACK, CHEST, POCKET = (-0.12, -0.3, -0.82), (-0.15, 0.5, -0.3), (0.1, 0.1, -0.84)


def _jitter(p, target, size=0.04):
    return np.asarray(target) + p.rng.normal(0, size, 3)


def _one_hand(p, k, draw, hold=(0.3, 1.6), move=(0.5, 1.0)):
    p.hands[:, k] = p.s.keys(draw, hold, move) + p.s.sway(0.015, width=3)


def _side(p):
    """The hand that does the work; most people are right-handed."""
    return int(p.rng.random() < p.style.likely("right hand", 0.75))


def _rest(p, k):
    """Somewhere for an idle hand to stay through the clip."""
    chances = p.style.chances("rest", [0.5, 0.15, 0.2, 0.05, 0.1])
    target = [None, HIP, POCKET, BACK, CROSSED][p.rng.choice(5, p=chances)]
    if target is not None:
        p.hands[:, k] = _jitter(p, target, 0.02) + p.s.sway(0.015, width=3)
        p.elbows[:, k] = 0.7 if target is HIP else 0.2


def _gesture(p):
    free = p.rng.uniform(-0.15, 0.4), p.rng.uniform(0.35, 0.75), p.rng.uniform(-0.5, 0.25)
    return np.add(free, p.style.gesture)


def directions(p):
    k = _side(p)
    _rest(p, 1 - k)
    point = lambda: np.add(
        (p.rng.uniform(-0.3, 0.75), p.rng.uniform(0.25, 0.8), p.rng.uniform(-0.15, 0.5)),
        p.style.gesture,
    )
    both = [point, point, lambda: _jitter(p, CHEST), lambda: p.hands[0, k]]
    _one_hand(p, k, lambda: both[p.style.pick(p.rng, "directions", 4)](), hold=(0.4, 1.2))
    p.spine[:, 2] += p.s.keys(lambda: p.rng.normal(0, 0.2))
    p.elbows[:, k] = p.s.keys(lambda: p.rng.uniform(0, 0.6))


def discussion(p):
    for k in (0, 1):
        _one_hand(
            p,
            k,
            lambda: _gesture(p) if p.rng.random() < 0.75 else _jitter(p, (0.13, 0.1, -0.93)),
            hold=(0.1, 0.9),
        )
        p.elbows[:, k] = p.s.keys(lambda: p.rng.uniform(0, 0.5))
    p.spine += p.s.keys(lambda: p.rng.normal(0, [0.1, 0.06, 0.15]))


def eating(p):
    k = _side(p)
    plate = _jitter(p, (-0.1, 0.45, -0.4))
    p.hands[:, 1 - k] = _jitter(p, (-0.15, 0.45, -0.42)) + p.s.sway(0.02, width=3)
    turn = iter(range(10**6))
    _one_hand(
        p,
        k,
        lambda: _jitter(p, MOUTH if next(turn) % 2 else plate, 0.03),
        hold=(0.3, 1.3),
        move=(0.6, 1.0),
    )
    p.head[:, 0] += 0.2
    p.spine[:, 0] += p.rng.uniform(0.0, 0.2)
    p.elbows[:, k] = p.rng.uniform(0.1, 0.6)
    if p.rng.random() < p.style.likely("eats seated", 0.4):
        _sit(p)


def greeting(p):
    k = _side(p)
    _rest(p, 1 - k)
    wave = p.rng.uniform(0.1, 0.2) * np.sin(2 * np.pi * p.rng.uniform(1.0, 1.6) * p.t)
    up = p.s.keys(lambda: float(p.rng.random() < 0.7), hold=(0.6, 2.0), move=(0.6, 1.0))[:, None]
    high = _jitter(p, (p.rng.uniform(0.15, 0.45), 0.35, p.rng.uniform(0.3, 0.7))) + wave[
        :, None
    ] * [1, 0, 0.15]
    shake = _jitter(p, (-0.1, 0.75, -0.25)) + wave[:, None] * [0, 0, 0.4]
    raised = high if p.rng.random() < p.style.likely("waves", 0.7) else shake
    p.hands[:, k] += up * (raised - p.hands[:, k])
    p.elbows[:, k] = 0.35 * up[:, 0]
    bow = p.s.keys(
        lambda: p.rng.choice([0, 0, p.rng.uniform(0.2, 0.7)]), hold=(0.5, 2.5), move=(0.7, 1.2)
    )
    bow = bow * p.style.some("bows")
    p.spine[:, 0] += bow
    p.tilt[:, 0] += 0.4 * bow


def phoning(p):
    k = _side(p)
    _rest(p, 1 - k)
    p.hands[:, k] = _jitter(p, EAR, 0.03) + p.s.sway(0.02, width=3)
    p.elbows[:, k] = p.rng.uniform(0.1, 0.5)
    p.head[:, 1] += (1 if k == 0 else -1) * 0.12
    if p.rng.random() < p.style.likely("walks and phones", 0.4):
        p.walk(p.rng.uniform(0.35, 0.7), 0.9, 1.5)
    elif p.rng.random() < p.style.likely("phones seated", 0.4):
        _sit(p)


def photo(p):
    up = p.s.keys(lambda: float(p.rng.random() < 0.75), hold=(0.8, 2.5), move=(0.6, 1.0))[:, None]
    for k in (0, 1):
        p.hands[:, k] += up * (_jitter(p, EYES, 0.03) - p.hands[:, k])
        p.elbows[:, k] = 0.3 * up[:, 0]
    crouch = p.s.keys(
        lambda: p.rng.choice([0, 0, p.rng.uniform(0.1, 0.42)]), hold=(0.8, 2), move=(0.9, 1.4)
    )
    crouch = crouch * p.style.some("crouches")
    p.height -= crouch * p.leg
    p.spine[:, 0] += 0.12 + 0.5 * crouch
    p.tilt[:, 0] += 0.7 * crouch
    p.stance = (p.stance[0] + 0.04, 0.02, 0.3)


def posing(p):
    targets = [HIP, CROSSED, BACK, POCKET]
    targets += [(0.5, 0.15, 0.75), (0.0, 0.05, 0.55), (0.95, 0.1, 0.0), (0.13, 0.1, -0.95)]
    for k in (0, 1):
        _one_hand(
            p,
            k,
            lambda: _jitter(p, targets[p.style.pick(p.rng, "poses", len(targets))]),
            hold=(0.8, 2.0),
            move=(0.7, 1.2),
        )
        p.elbows[:, k] = p.s.keys(lambda: p.rng.uniform(0.2, 0.8))
    p.tilt += p.s.keys(lambda: p.rng.normal(0, [0.05, 0.09, 0.0]), hold=(0.8, 2.0))
    p.spine += p.s.keys(lambda: p.rng.normal(0, [0.12, 0.15, 0.2]), hold=(0.8, 2.0))
    p.stance = (p.rng.uniform(0.09, 0.26), 0.0, p.rng.uniform(0.1, 0.4))


def purchases(p):
    def reach():
        return np.array(
            [p.rng.uniform(-0.1, 0.4), p.rng.uniform(0.5, 0.85), p.rng.uniform(-0.75, 0.35)]
        )

    both = p.s.keys(reach, hold=(0.3, 0.9), move=(0.6, 1.0))
    apart = p.s.keys(lambda: float(p.rng.random() < 0.5))[:, None]
    other = p.s.keys(lambda: _jitter(p, (0.1, 0.25, -0.8)))
    k = _side(p)
    p.hands[:, k] = both
    p.hands[:, 1 - k] = both * (1 - apart) + other * apart
    stoop = p.s.keys(
        lambda: p.rng.choice([0, 0, p.rng.uniform(0.3, 0.9)]), hold=(0.3, 1.2), move=(0.8, 1.2)
    )
    knees = p.style.knees  # some bend their knees where others bend their backs
    p.height -= 0.4 * knees * stoop * p.leg
    stoop = stoop * (1 - 0.7 * knees)
    p.spine[:, 0] += stoop
    p.tilt[:, 0] += 0.6 * stoop
    p.height -= 0.12 * stoop * p.leg
    p.slide = p.slide * 3


def _sit(p, floor=False):
    """On the stool, or on the floor with the knees up."""
    p.sitting = "floor" if floor else "stool"
    clearance = p.body.seat_clearance()
    p.seat = p.style.seat
    thigh = p.body.length("thigh.L", "shin.L")
    p.height = np.full_like(p.t, clearance + (0.01 if floor else SEAT_HEIGHT * p.seat))
    low, high, inwards, outwards = p.style.on_floor if floor else (0.85, 1.1, 0.1, 0.5)
    front = p.rng.uniform(low, high) * thigh
    p.stance = (p.rng.uniform(0.1, 0.17), front, p.rng.uniform(0.05, 0.3))
    p.knees_out = np.clip(p.rng.uniform(inwards, outwards) + p.s.sway(0.08), 0, 1.2)
    p.slide = p.slide * 0
    p.turned = p.turned[0] + 0.5 * (p.turned - p.turned[0])
    p.tilt[:, 0] += p.rng.uniform(-0.3, -0.05) if floor else p.rng.uniform(-0.12, 0.1)
    p.spine[:, 0] += p.rng.uniform(0.1, 0.4) if floor else p.rng.uniform(-0.05, 0.3)


def sitting(p):
    for k in (0, 1):
        targets = [LAP, LAP, (-0.05, 0.4, -0.7), CHEST, CROSSED, MOUTH]
        _one_hand(
            p,
            k,
            lambda: _jitter(p, targets[p.style.pick(p.rng, "seated hands", 6)], 0.05),
            hold=(0.8, 2.5),
        )
    p.spine[:, 0] += p.s.keys(lambda: p.rng.uniform(0, 0.35))
    _sit(p)


def sitting_down(p):
    for k in (0, 1):
        targets = [(0.02, 0.62, -0.25), (0.05, 0.6, -0.35), (0.1, 0.55, 0.0)]
        _one_hand(p, k, lambda: _jitter(p, targets[p.rng.integers(3)]), hold=(0.8, 2.5))
        p.elbows[:, k] = 0.3
    _sit(p, floor=True)


def smoking(p):
    k = _side(p)
    _rest(p, 1 - k)
    turn = iter(range(10**6))
    low = _jitter(p, (0.15, 0.35, -0.65), 0.08)
    _one_hand(
        p,
        k,
        lambda: _jitter(p, MOUTH, 0.02) if next(turn) % 2 else low,
        hold=(0.5, 1.8),
        move=(0.7, 1.2),
    )
    p.elbows[:, k] = p.rng.uniform(0.1, 0.5)
    if p.rng.random() < p.style.likely("smokes seated", 0.35):
        _sit(p)


def waiting(p):
    _rest(p, 0)
    _rest(p, 1)
    if p.rng.random() < p.style.likely("folds arms", 0.35):
        p.hands[:, 0] = _jitter(p, CROSSED, 0.02)
        p.hands[:, 1] = _jitter(p, (-0.2, 0.42, -0.5), 0.02)
    shift = p.s.keys(lambda: p.rng.normal(0, 0.08), hold=(0.8, 3.0))
    p.tilt[:, 1] += shift
    p.spine[:, 1] -= shift
    p.head += p.s.keys(lambda: p.rng.normal(0, [0.15, 0.05, 0.45]))
    p.slide = p.slide * 2


def walking(p, speed=(0.8, 1.35), swing=1.0):
    v = p.rng.uniform(*speed)
    stride = np.clip(0.62 + 0.5 * v, 0.7, 1.35) * p.leg / 0.8
    period = stride / v
    p.walk(v, p.rng.uniform(0.85, 1.15), period)
    phase = 2 * np.pi * p.t / period  # the left foot swings first, so the left arm is back
    size = swing * p.style.swing * np.clip(v, 0.4, 1.4) * p.rng.uniform(0.3, 0.45)
    for k, sign in ((0, 1), (1, -1)):
        fore = sign * size * np.cos(phase - np.pi * 0.4)
        p.hands[:, k, 1] += fore
        p.hands[:, k, 2] += 0.55 * fore**2 + 0.12 * np.maximum(fore, 0)
    p.tilt += np.stack(
        [0 * phase + 0.03, 0.035 * np.sin(phase - 0.3), 0.09 * np.cos(phase - np.pi * 0.4)], -1
    )
    p.spine += np.stack(
        [0 * phase + 0.04, -0.03 * np.sin(phase - 0.3), -0.2 * np.cos(phase - np.pi * 0.4)], -1
    )


def walk_dog(p):
    walking(p, speed=(0.6, 1.1))
    k = _side(p)
    pull = p.s.keys(
        lambda: (p.rng.uniform(0.05, 0.3), p.rng.uniform(0.35, 0.75), p.rng.uniform(-0.65, -0.4)),
        hold=(0.2, 1),
    )
    p.hands[:, k] = pull
    stoop = p.s.keys(
        lambda: p.rng.choice([0, 0, p.rng.uniform(0.2, 0.6)]), hold=(0.3, 1.2), move=(0.8, 1.2)
    )
    p.spine[:, 0] += stoop
    p.head[:, 0] += 0.15


def walk_together(p):
    walking(p, speed=(0.6, 1.0), swing=0.7)
    side = p.rng.choice([-1, 1])
    p.head[:, 2] = side * np.abs(p.s.keys(lambda: p.rng.uniform(0.1, 0.9)))
    if p.rng.random() < p.style.likely("talks walking", 0.6):
        k = _side(p)
        talk = p.s.keys(lambda: float(p.rng.random() < 0.5))[:, None]
        p.hands[:, k] += talk * (p.s.keys(lambda: _gesture(p)) - p.hands[:, k])


ACTIONS = {
    "Directions": directions,
    "Discussion": discussion,
    "Eating": eating,
    "Greeting": greeting,
    "Phoning": phoning,
    "Photo": photo,
    "Posing": posing,
    "Purchases": purchases,
    "Sitting": sitting,
    "SittingDown": sitting_down,
    "Smoking": smoking,
    "Waiting": waiting,
    "WalkDog": walk_dog,
    "Walking": walking,
    "WalkTogether": walk_together,
}
