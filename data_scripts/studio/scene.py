"""The studio: room, furniture, light and cameras, the same for all subjects of a domain; and the crop of a detector."""

import dataclasses

import numpy as np

from .render import BANDS, CHECKS, MOTTLED, PLAIN, PLANKS

IMAGE = 1000  # pixels, the square image that each camera would take; only crops of it are ever rendered


@dataclasses.dataclass(frozen=True)
class Camera:
    """x_camera = R (x - centre), pixels = K x_camera; centre in metres; gain: exposure of red, green, blue."""

    K: np.ndarray
    R: np.ndarray
    centre: np.ndarray
    gain: np.ndarray

    def project(self, points):
        """World points `(..., 3)` in metres -> pixels `(..., 2)`, top-left corner of the image at (0, 0)."""
        seen = (points - self.centre) @ self.R.T @ self.K.T
        return seen[..., :2] / seen[..., 2:]

    def calibration(self):
        """What the store keeps of this camera; the translation in millimetres."""
        return {"K": self.K.tolist(), "R": self.R.tolist(), "t": (-1000.0 * self.R @ self.centre).tolist(),
                "distortion": None, "size": [IMAGE, IMAGE]}


@dataclasses.dataclass(frozen=True)
class Light:
    """A ball of light: place and radius in metres, colour in linear light."""

    place: tuple
    radius: float
    colour: tuple


class Scene:
    """Boxes with materials, lights and cameras. `mesh()` gives the triangles."""

    def __init__(self, cameras, lights, ambient, sky):
        self.cameras, self.lights, self.ambient, self.sky = cameras, lights, ambient, sky
        self._boxes = []

    def box(self, centre, size, colour, second=None, pattern=PLAIN, period=1.0, turn=0.0):
        """Add a box: centre and size in metres, colours linear rgb, turned about Z by radians."""
        self._boxes.append((centre, size, turn, (colour, second or colour, pattern, period)))

    def mesh(self):
        """vertices `(8N, 3)`, triangles `(12N, 3)`, material of each triangle, list of materials."""
        corners = np.array([[x, y, z] for x in (-.5, .5) for y in (-.5, .5) for z in (-.5, .5)])
        quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        tris = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
        vertices, faces = [], []
        for k, (centre, size, turn, _) in enumerate(self._boxes):
            c, s = np.cos(turn), np.sin(turn)
            vertices.append(corners * size @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + centre)
            faces.append(tris + 8 * k)
        return (np.concatenate(vertices), np.concatenate(faces), np.repeat(np.arange(len(faces)), 12),
                [material for *_, material in self._boxes])


def ring_of_cameras(rng, count, radius, height, focal, offset=0.0):
    """`count` cameras around the origin at chest height, with slightly different lenses, aims and exposures."""
    cameras = []
    for k in range(count):
        angle = offset + 2 * np.pi * k / count + rng.normal(0, 0.08)
        centre = np.array([np.cos(angle), np.sin(angle), 0]) * (radius + rng.normal(0, 0.15))
        centre[2] = height + rng.normal(0, 0.1)
        ahead = np.array([*rng.normal(0, 0.08, 2), 0.9 + rng.normal(0, 0.04)]) - centre
        ahead /= np.linalg.norm(ahead)
        right = np.cross(ahead, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        f = focal * (1 + rng.normal(0, 0.01))
        K = np.array([[f, 0, IMAGE / 2 + rng.normal(0, 8)], [0, f * (1 + rng.normal(0, 0.001)), IMAGE / 2 + rng.normal(0, 8)],
                      [0, 0, 1]])
        cameras.append(Camera(K, np.stack([right, np.cross(ahead, right), ahead]), centre,
                              1.0 + rng.normal(0, 0.04) + rng.normal(0, 0.015, 3)))
    return cameras


def lab(seed):
    """The room of `sample`, `bench` and `paper`."""
    rng = np.random.default_rng([seed, 1])
    lights = [Light((1.2, -0.8, 3.6), 0.5, (0.62, 0.6, 0.56)), Light((-1.4, 1.0, 3.6), 0.5, (0.5, 0.52, 0.56))]
    s = Scene(ring_of_cameras(rng, 4, 4.5, 1.5, 1145, np.pi / 4), lights, (0.42, 0.42, 0.44), (0.5, 0.5, 0.5))
    x, y = 4.1, 3.9
    s.box((0, 0, -0.05), (2 * x, 2 * y, 0.1), (0.42, 0.3, 0.2), (0.26, 0.17, 0.1), PLANKS, 0.16)
    s.box((0, 0, 0.001), (4.4, 3.4, 0.006), (0.2, 0.23, 0.28), (0.25, 0.28, 0.33), MOTTLED, 0.25)
    for sign, colour in ((1, (0.62, 0.6, 0.55)), (-1, (0.55, 0.58, 0.6))):
        s.box((sign * (x + 0.05), 0, 1.5), (0.1, 2 * y, 3), colour)
        s.box((0, sign * (y + 0.05), 1.5), (2 * x, 0.1, 3), tuple(np.multiply(colour, 0.93)))
        s.box((sign * (x - 0.01), 0, 0.06), (0.04, 2 * y, 0.12), (0.2, 0.2, 0.2))
        s.box((0, sign * (y - 0.01), 0.06), (2 * x, 0.04, 0.12), (0.2, 0.2, 0.2))
    wood, dark, steel = (0.4, 0.24, 0.12), (0.05, 0.05, 0.06), (0.4, 0.42, 0.45)
    s.box((3.55, 0.2, 0.73), (0.8, 1.6, 0.04), wood)                                     # a desk with a monitor
    for dx in (-0.35, 0.35):
        for dy in (-0.55, 0.95):
            s.box((3.55 + dx, dy, 0.36), (0.05, 0.05, 0.72), dark)
    s.box((3.7, 0.2, 1.05), (0.05, 0.6, 0.38), dark)
    s.box((3.7, 0.2, 0.8), (0.05, 0.08, 0.14), dark)
    s.box((-3.9, -0.8, 0.95), (0.35, 1.1, 1.9), (0.5, 0.48, 0.42))                       # a shelf with files
    for level in range(4):
        s.box((-3.75, -0.8, 0.35 + 0.42 * level), (0.12, 0.95, 0.26), *_books(rng), BANDS, 0.5)
        for book in range(7):
            s.box((-3.7, -1.2 + 0.13 * book, 0.34 + 0.42 * level), (0.1, 0.1, 0.2 + 0.06 * rng.random()), _colour(rng))
    s.box((-4.07, 1.2, 1.6), (0.03, 1.4, 1.1), (0.75, 0.85, 1.0))                        # a window
    s.box((-4.05, 1.2, 1.6), (0.04, 0.05, 1.1), (0.8, 0.8, 0.8))
    s.box((0.6, 3.85, 1.05), (0.95, 0.06, 2.1), (0.3, 0.16, 0.09))                       # a door
    s.box((-1.5, 3.87, 1.6), (1.3, 0.03, 0.9), (0.85, 0.86, 0.86))                       # a whiteboard
    s.box((-1.4, 3.55, 0.45), (1.7, 0.55, 0.9), (0.12, 0.2, 0.32))                       # a chest
    s.box((1.3, -3.6, 0.4), (1.9, 0.7, 0.35), (0.35, 0.08, 0.07))                        # a sofa
    s.box((1.3, -3.82, 0.65), (1.9, 0.2, 0.6), (0.35, 0.08, 0.07))
    s.box((-0.9, -3.87, 1.6), (0.8, 0.03, 1.1), (0.1, 0.3, 0.35), (0.7, 0.6, 0.3), CHECKS, 0.2)  # a poster
    s.box((-1.6, -3.6, 0.3), (0.4, 0.4, 0.6), steel)
    s.box((-1.6, -3.6, 0.85), (0.35, 0.35, 0.5), (0.06, 0.2, 0.05), (0.1, 0.3, 0.08), MOTTLED, 0.08)  # a plant
    return s


def _colour(rng):
    return tuple(rng.uniform(0.04, 0.5, 3))


def _books(rng):
    return (0.08, 0.07, 0.06), (0.06, 0.05, 0.05)


SCENES = {"lab": lab}


def detector_boxes(rng, cameras, points):
    """Crops `(T, V, 3)` x0, y0, size as a detector would give: around points `(T, P, 3)` in metres, with smooth jitter."""
    frames, count = len(points), len(cameras)
    boxes = np.zeros((frames, count, 3), np.float32)
    for v, camera in enumerate(cameras):
        pixels = camera.project(points)
        low, high = pixels.min(1), pixels.max(1)
        size = (high - low).max(-1)
        noise = rng.normal(0, 1, (frames, 3)) * [0.015, 0.015, 0.02] + rng.normal(0, 1, 3) * [0.02, 0.02, 0.02]
        side = size * (1.2 + noise[:, 2])
        middle = (low + high) / 2 + noise[:, :2] * size[:, None]
        boxes[:, v] = np.concatenate([middle - side[:, None] / 2, side[:, None]], -1)
    return boxes
