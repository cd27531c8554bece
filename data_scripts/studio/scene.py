"""The studio: room, furniture, light and cameras, the same for all subjects of a domain; and the
crop of a detector.
"""

import dataclasses

import numpy as np

from .paint import PLAIN

#: Pixels of the square image that each camera would take; only crops of it are ever rendered.
IMAGE = 1000


@dataclasses.dataclass(frozen=True)
class Camera:
    """x_camera = R (x - centre), pixels = K x_camera; centre in metres; gain: exposure of red,
    green, blue.
    """

    K: np.ndarray
    R: np.ndarray
    centre: np.ndarray
    gain: np.ndarray

    def project(self, points):
        """World points `(..., 3)` in metres -> pixels `(..., 2)`, top-left corner of the image at
        (0, 0).
        """
        seen = (points - self.centre) @ self.R.T @ self.K.T
        return seen[..., :2] / seen[..., 2:]

    def calibration(self):
        """What the store keeps of this camera; the translation in millimetres."""
        return {
            "K": self.K.tolist(),
            "R": self.R.tolist(),
            "t": (-1000.0 * self.R @ self.centre).tolist(),
            "distortion": None,
            "size": [IMAGE, IMAGE],
        }


@dataclasses.dataclass(frozen=True)
class Light:
    """A ball of light: centre and radius in metres, colour in linear light."""

    centre: tuple
    radius: float
    colour: tuple


class Scene:
    """A room (the inside of a box), boxes in it with materials, lights and cameras. `mesh()` gives
    the boxes' triangles.

    low, high: opposite corners in metres; room: materials of floor, ceiling, -x, +x, -y, +y, and
    the rug, whose half extents are `rug`; ambient: light from everywhere. A material is (first rgb,
    second rgb, pattern, period).
    """

    def __init__(self, cameras, lights, ambient, low, high, room, rug=(0.0, 0.0)):
        self.cameras, self.lights, self.ambient = cameras, lights, ambient
        self.low, self.high, self.room, self.rug = low, high, room, rug
        self._boxes = []

    def box(self, centre, size, colour, second=None, pattern=PLAIN, period=1.0, turn=0.0):
        """Add a box: centre and size in metres, colours linear rgb, turned about Z by radians."""
        self._boxes.append((centre, size, turn, (colour, second or colour, pattern, period)))

    def mesh(self):
        """Vertices `(8N, 3)`, triangles `(12N, 3)`, the material of each, list of materials."""
        corners = np.array(
            [[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)]
        )
        quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        tris = np.array([t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))])
        vertices, faces = [], []
        for k, (centre, size, turn, _) in enumerate(self._boxes):
            c, s = np.cos(turn), np.sin(turn)
            vertices.append(corners * size @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) + centre)
            faces.append(tris + 8 * k)
        return (
            np.concatenate(vertices),
            np.concatenate(faces),
            np.repeat(np.arange(len(faces)), 12),
            [material for *_, material in self._boxes],
        )


def ring_of_cameras(rng, count, radius, height, focal, offset=0.0):
    """`count` cameras on a circle around the origin, with slightly different lenses, aims and
    exposures. radius, height: metres; focal: pixels; offset: angle of the first, radians.
    """
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
        K = np.array(
            [
                [f, 0, IMAGE / 2 + rng.normal(0, 8)],
                [0, f * (1 + rng.normal(0, 0.001)), IMAGE / 2 + rng.normal(0, 8)],
                [0, 0, 1],
            ]
        )
        cameras.append(
            Camera(
                K,
                np.stack([right, np.cross(ahead, right), ahead]),
                centre,
                1.0 + rng.normal(0, 0.04) + rng.normal(0, 0.015, 3),
            )
        )
    return cameras


def detector_boxes(rng, cameras, points):
    """Crops `(T, V, 3)` x0, y0, size as a detector would give: around points `(T, P, 3)` in metres,
    with smooth jitter.
    """
    frames, count = len(points), len(cameras)
    boxes = np.zeros((frames, count, 3), np.float32)
    for v, camera in enumerate(cameras):
        pixels = camera.project(points)
        low, high = pixels.min(1), pixels.max(1)
        size = (high - low).max(-1)
        noise = rng.normal(0, 1, (frames, 3)) * [0.015, 0.015, 0.02]
        noise = noise + rng.normal(0, 1, 3) * [0.02, 0.02, 0.02]
        side = size * (1.2 + noise[:, 2])
        middle = (low + high) / 2 + noise[:, :2] * size[:, None]
        boxes[:, v] = np.concatenate([middle - side[:, None] / 2, side[:, None]], -1)
    return boxes
