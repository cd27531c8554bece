"""Who wears what: each subject's skin, hair and clothes, painted on the rest mesh by body part.

Everything is decided per triangle from its body part and its place along the limb, so that a sleeve or a hem has a
length; loose clothes and hair also push the mesh outwards a little. The stool is part of the mesh, moved by a matrix
of its own.
"""

import dataclasses

import numpy as np

from .body import GROUP, GROUP_NAMES, INFLUENCES, Body, skin
from .render import BANDS, CHECKS, DOTS, MOTTLED, PLAIN, STRIPES, TARTAN

STOOL = len(GROUP_NAMES)  # the matrix of the stool follows those of the body's groups
SKIN, HAIR, TOP, BOTTOM, SHOES, SOLES, EYES, LIPS, CAP, SEAT, STEEL = range(11)


@dataclasses.dataclass(frozen=True)
class Outfit:
    """Colours in linear light; sleeve and leg: covered part of arm and leg, 0 to 1; loose: millimetres of slack."""

    skin: tuple
    hair: tuple
    hair_length: float
    top: tuple
    bottom: tuple
    shoes: tuple
    cap: tuple | None
    sleeve: float
    leg: float
    loose: float


@dataclasses.dataclass
class Figure:
    """What the raycaster draws: see `raycaster.Raycaster.dress`. The first `person_triangles` faces are the person."""

    vertices: np.ndarray
    normals: np.ndarray
    pattern_place: np.ndarray
    faces: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    of_triangle: np.ndarray
    materials: list
    person_triangles: int


def limb_coordinate(body, side, first, last):
    """For each vertex `(V,)`: 0 at the joint of group `first`, 1 at that of group `last`, measured along the limb."""
    a, b = body.heads[GROUP[f"{first}.{side}"]], body.heads[GROUP[f"{last}.{side}"]]
    axis = (b - a) / np.dot(b - a, b - a)
    return (body.vertices - a) @ axis


def materials_of(body, outfit):
    """Material of each body triangle `(F,)`, from the middle of the triangle."""
    faces, part = skin()["faces"], skin()["part"]
    centre = body.vertices[faces].mean(1)
    own = part[faces[:, 0]]
    names = np.array([n.split(".")[0] for n in GROUP_NAMES])[own]
    arm, leg = np.zeros(len(faces)), np.zeros(len(faces))
    for side, sign in (("L", 1), ("R", -1)):
        here = sign * centre[:, 0] > 0
        arm[here] = limb_coordinate(body, side, "upperarm", "hand")[faces].mean(1)[here]
        leg[here] = limb_coordinate(body, side, "thigh", "foot")[faces].mean(1)[here]
    material = np.full(len(faces), SKIN)
    is_arm = np.isin(names, ["upperarm", "forearm", "wristward", "clavicle"])
    trunk = np.isin(names, ["belly", "waist", "chest", "clavicle"])
    legs = np.isin(names, ["pelvis", "thigh", "shin"])
    waistline = body.heads[GROUP["belly"], 2] + 0.05
    material[trunk | (is_arm & (arm < outfit.sleeve))] = TOP
    neckline = body.bone_heads["neck01"][2] + 0.01
    material[(centre[:, 2] > neckline) & (material == TOP) & ~is_arm] = SKIN
    material[(legs | (trunk & (centre[:, 2] < waistline))) & (leg < outfit.leg)] = BOTTOM
    material[np.isin(names, ["foot", "toes"])] = SHOES
    material[centre[:, 2] < 0.022] = SOLES
    head = names == "head"
    eyes = (body.bone_heads["eye.L"] + body.bone_heads["eye.R"]) / 2
    skull = body.vertices[part == GROUP["head"]]
    top, back = skull[:, 2].max(), skull[:, 1].max()
    up, behind = (centre[:, 2] - eyes[2]) / (top - eyes[2]), (centre[:, 1] - eyes[1]) / (back - eyes[1])
    hairline = 0.62 - 0.9 * np.clip(behind - 0.12, 0, 1) - outfit.hair_length * np.clip(behind - 0.35, 0, 1)
    material[head & (up > hairline) & (behind > 0.03)] = HAIR
    if outfit.cap is not None:
        material[head & (up > 0.55 - 0.25 * behind)] = CAP
    eyeball = np.min([np.linalg.norm(centre - body.bone_heads[f"eye.{s}"], axis=1) for s in "LR"], 0)
    material[head & (eyeball < 0.017)] = EYES
    return material


def figure(body, outfit):
    """The `Figure` of a body in its clothes."""
    shared = skin()
    faces = shared["faces"]
    material = materials_of(body, outfit)
    rest = body.vertices.copy()
    slack = np.zeros(len(rest))
    push = {TOP: outfit.loose, BOTTOM: outfit.loose, HAIR: 0.012, SHOES: 0.006, CAP: 0.014}
    for kind, amount in push.items():
        np.maximum.at(slack, faces[material == kind].ravel(), amount)
    normals = vertex_normals(rest, faces)
    rest = rest + normals * slack[:, None]
    rest[:, 2] = np.maximum(rest[:, 2], 0)
    stool_vertices, stool_faces, stool_material = stool()
    n = len(rest)
    bones = np.concatenate([shared["bones"], np.full((len(stool_vertices), INFLUENCES), STOOL)])
    weights = np.concatenate([shared["weights"], np.tile(np.eye(1, INFLUENCES), (len(stool_vertices), 1))])
    seat, steel = (0.03, 0.03, 0.035), (0.35, 0.35, 0.37)
    materials = [(outfit.skin, tuple(np.multiply(outfit.skin, 0.8)), MOTTLED, 0.05),
                 (outfit.hair, tuple(np.multiply(outfit.hair, 1.8)), MOTTLED, 0.02),
                 outfit.top, outfit.bottom, outfit.shoes, ((0.5, 0.5, 0.5),) * 2 + (PLAIN, 1.0),
                 ((0.25, 0.22, 0.2),) * 2 + (PLAIN, 1.0), ((0.3, 0.1, 0.1),) * 2 + (PLAIN, 1.0),
                 outfit.cap or outfit.top, (seat, seat, PLAIN, 1.0), (steel, steel, PLAIN, 1.0)]
    everything = np.concatenate([rest, stool_vertices])
    return Figure(everything, vertex_normals(everything, np.concatenate([faces, stool_faces + n])), everything,
                  np.concatenate([faces, stool_faces + n]), bones, weights,
                  np.concatenate([material, stool_material]), materials, len(faces))


def stool(height=0.46, radius=0.19, sides=20):
    """A round stool on one leg: vertices, triangles, materials; it stands at the origin on z = 0."""
    rings = [(0.0, 0.0, STEEL), (0.24, 0.0, STEEL), (0.24, 0.02, STEEL), (0.03, 0.04, STEEL),
             (0.03, height - 0.07, STEEL), (radius, height - 0.07, SEAT), (radius, height - 0.01, SEAT), (0.0, height, SEAT)]
    angle = 2 * np.pi * np.arange(sides) / sides
    vertices = np.concatenate([np.stack([r * np.cos(angle), r * np.sin(angle), np.full(sides, z)], -1) for r, z, _ in rings])
    faces, materials = [], []
    for k in range(len(rings) - 1):
        for i in range(sides):
            a, b = k * sides + i, k * sides + (i + 1) % sides
            faces += [(a, b, b + sides), (a, b + sides, a + sides)]
            materials += [rings[k + 1][2]] * 2
    return vertices, np.array(faces), np.array(materials)


def stool_transforms(places):
    """`(T, 4)` x, y, yaw, present -> `(T, 3, 4)`; an absent stool shrinks to a point under the floor."""
    c, s, on = np.cos(places[:, 2]), np.sin(places[:, 2]), places[:, 3]
    zero = np.zeros_like(c)
    rows = [c * on, -s * on, zero, places[:, 0], s * on, c * on, zero, places[:, 1], zero, zero, on, on - 1.0]
    return np.stack(rows, -1).reshape(-1, 3, 4).astype(np.float32)


def vertex_normals(vertices, faces):
    """Unit normals `(V, 3)`, weighted by area."""
    a, b, c = vertices[faces].swapaxes(0, 1)
    flat = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(total, faces[:, k], flat)
    return total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-12)


SKINS = [(0.60, 0.38, 0.28), (0.50, 0.30, 0.20), (0.36, 0.20, 0.12), (0.66, 0.44, 0.34), (0.22, 0.11, 0.06),
         (0.13, 0.065, 0.04), (0.55, 0.34, 0.22), (0.42, 0.25, 0.15)]
HAIRS = [(0.02, 0.015, 0.012), (0.09, 0.045, 0.02), (0.30, 0.18, 0.07), (0.18, 0.06, 0.02), (0.28, 0.27, 0.26), (0.045, 0.025, 0.015)]


def draw_subject(rng):
    """A body and an outfit: `(Body, Outfit)`."""
    import colorsys
    gender = rng.choice([rng.uniform(0, 0.15), rng.uniform(0.85, 1)])
    body = Body(dict(gender=gender, age=rng.uniform(0.55, 0.9), muscle=rng.uniform(0.3, 0.8), weight=rng.uniform(0.25, 0.85),
                     height=rng.uniform(0.35, 0.75), proportions=rng.uniform(0.3, 0.8)))

    def cloth(patterns):
        hue, value = rng.random(), rng.choice([rng.uniform(0.03, 0.12), rng.uniform(0.2, 0.75)])
        first = colorsys.hsv_to_rgb(hue, rng.uniform(0.1, 0.9), value)
        second = colorsys.hsv_to_rgb((hue + rng.uniform(-0.2, 0.2)) % 1, rng.uniform(0.1, 0.8), min(1.0, value * rng.uniform(1.6, 4)))
        pattern = int(rng.choice(patterns))
        if pattern == MOTTLED:
            second = tuple(np.multiply(first, 1.35))
        return first, second, pattern, float(rng.uniform(0.05, 0.12))

    outfit = Outfit(SKINS[rng.integers(len(SKINS))], HAIRS[rng.integers(len(HAIRS))],
                    hair_length=float(rng.uniform(0.1, 0.9) if gender > 0.5 else rng.uniform(0.6, 2.2)),
                    top=cloth([PLAIN, PLAIN, BANDS, STRIPES, TARTAN, DOTS, CHECKS, MOTTLED]),
                    bottom=cloth([PLAIN, MOTTLED, MOTTLED, TARTAN]), shoes=cloth([PLAIN]),
                    cap=cloth([PLAIN]) if rng.random() < 0.2 else None,
                    sleeve=float(rng.choice([0.22, 0.4, 0.45, 0.97])), leg=float(rng.choice([0.4, 0.62, 1.05, 1.05])),
                    loose=float(rng.uniform(0.004, 0.016)))
    return body, outfit
