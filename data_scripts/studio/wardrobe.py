"""Each subject's skin, hair and clothes, painted on the rest mesh by body part.

Everything is decided per triangle from its body part and its position along the limb, so that a
sleeve or a hem has a length; loose clothes and hair also push the mesh outwards a little. The stool
is part of the mesh, moved by a matrix of its own.
"""

import dataclasses

import numpy as np

from .body import GROUP, GROUP_NAMES, INFLUENCES, SEAT_HEIGHT, skin
from .drapes import long_hair, skirt
from .paint import MOTTLED, PLAIN

STOOL = len(GROUP_NAMES)  # the matrix of the stool follows those of the body's groups
SKIN, HAIR, TOP, BOTTOM, SHOES, SOLES, EYES, LIPS, CAP, SEAT, STEEL = range(11)


@dataclasses.dataclass(frozen=True)
class Outfit:
    """Colours in linear light; sleeve and leg: covered part of arm and leg, 0 to 1; loose: metres
    of slack; skirt: covered part of the leg, 0 for no skirt; locks: metres of hair below the neck,
    0 for none. top, bottom, shoes and cap are materials, see `scene.Scene`.
    """

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
    skirt: float = 0.0
    locks: float = 0.0


@dataclasses.dataclass
class Figure:
    """The mesh that `raycaster.Raycaster.dress` takes: vertices, normals and pattern_points `(V,
    3)`, rest positions in metres, the last where patterns are read; faces `(F, 3)`; bones and
    weights `(V, 4)`; of_triangle `(F,)`, indices into materials. The first `person_triangles` faces
    are the person, the others the stool.
    """

    vertices: np.ndarray
    normals: np.ndarray
    pattern_points: np.ndarray
    faces: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    of_triangle: np.ndarray
    materials: list
    person_triangles: int


def limb_coordinate(body, side, first, last):
    """For each vertex `(V,)`: 0 at the joint of group `first`, 1 at that of group `last`, measured
    along the limb.
    """
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
    up = (centre[:, 2] - eyes[2]) / (top - eyes[2])
    behind = (centre[:, 1] - eyes[1]) / (back - eyes[1])
    hairline = (
        0.62
        - 0.9 * np.clip(behind - 0.12, 0, 1)
        - outfit.hair_length * np.clip(behind - 0.35, 0, 1)
    )
    material[head & (up > hairline) & (behind > 0.03)] = HAIR
    if outfit.cap is not None:
        material[head & (up > 0.55 - 0.25 * behind)] = CAP
    eyeball = np.min(
        [np.linalg.norm(centre - body.bone_heads[f"eye.{s}"], axis=1) for s in "LR"], 0
    )
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
    parts = [(rest, faces, shared["bones"], shared["weights"], material)]
    if outfit.skirt:
        parts.append((*skirt(body, outfit.skirt), BOTTOM))
    if outfit.locks:
        parts.append((*long_hair(body, outfit.locks), HAIR))
    person = sum(len(part[1]) for part in parts)
    parts.append(
        (
            stool_vertices,
            stool_faces,
            np.full((len(stool_vertices), INFLUENCES), STOOL),
            np.tile(np.eye(1, INFLUENCES), (len(stool_vertices), 1)),
            stool_material,
        )
    )
    start = np.cumsum([0] + [len(part[0]) for part in parts])
    everything, bones, weights = (np.concatenate([part[k] for part in parts]) for k in (0, 2, 3))
    faces = np.concatenate([part[1] + n for part, n in zip(parts, start)])
    material = np.concatenate([np.broadcast_to(part[4], len(part[1])) for part in parts])
    seat, steel = (0.03, 0.03, 0.035), (0.35, 0.35, 0.37)
    materials = [
        (outfit.skin, tuple(np.multiply(outfit.skin, 0.8)), MOTTLED, 0.05),
        (outfit.hair, tuple(np.multiply(outfit.hair, 1.8)), MOTTLED, 0.02),
        outfit.top,
        outfit.bottom,
        outfit.shoes,
        ((0.5, 0.5, 0.5),) * 2 + (PLAIN, 1.0),
        ((0.25, 0.22, 0.2),) * 2 + (PLAIN, 1.0),
        ((0.3, 0.1, 0.1),) * 2 + (PLAIN, 1.0),
        outfit.cap or outfit.top,
        (seat, seat, PLAIN, 1.0),
        (steel, steel, PLAIN, 1.0),
    ]
    return Figure(
        everything,
        vertex_normals(everything, faces),
        everything,
        faces,
        bones,
        weights,
        material,
        materials,
        person,
    )


def stool(height=SEAT_HEIGHT, radius=0.19, sides=20):
    """A round stool on one leg, at the origin on z = 0: vertices `(V, 3)` in metres, triangles `(F,
    3)`, materials `(F,)`.
    """
    rings = [
        (0.0, 0.0, STEEL),
        (0.24, 0.0, STEEL),
        (0.24, 0.02, STEEL),
        (0.03, 0.04, STEEL),
        (0.03, height - 0.07, STEEL),
        (radius, height - 0.07, SEAT),
        (radius, height - 0.01, SEAT),
        (0.0, height, SEAT),
    ]
    angle = 2 * np.pi * np.arange(sides) / sides
    vertices = np.concatenate(
        [
            np.stack([r * np.cos(angle), r * np.sin(angle), np.full(sides, z)], -1)
            for r, z, _ in rings
        ]
    )
    faces, materials = [], []
    for k in range(len(rings) - 1):
        for i in range(sides):
            a, b = k * sides + i, k * sides + (i + 1) % sides
            faces += [(a, b, b + sides), (a, b + sides, a + sides)]
            materials += [rings[k + 1][2]] * 2
    return vertices, np.array(faces), np.array(materials)


def stool_transforms(stool):
    """Matrices `(T, 3, 4)` float32 of a stool `(T, 4)`: x, y in metres, yaw, height (1: as usual).
    One of height 0 shrinks to a point under the floor.
    """
    x, y, yaw, height = stool.T
    on = (height > 0).astype(float)
    c, s, zero = np.cos(yaw), np.sin(yaw), np.zeros_like(yaw)
    rows = [c * on, -s * on, zero, x, s * on, c * on, zero, y, zero, zero, height, on - 1.0]
    return np.stack(rows, -1).reshape(-1, 3, 4).astype(np.float32)


def vertex_normals(vertices, faces):
    """Unit normals `(V, 3)` of vertices `(V, 3)`, weighted by the area of their faces `(F, 3)`."""
    a, b, c = vertices[faces].swapaxes(0, 1)
    flat = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(total, faces[:, k], flat)
    return total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-12)
