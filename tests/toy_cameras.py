"""The toy store with the cameras that it was drawn by: far away, so that perspective is none."""

import json

import numpy as np
import torch
from toy import toy_store

from mcss.data import open_store

FAR = 1e6  # mm
#: Right, down and forward of a camera on the +X axis.
FIRST = np.array([[0, 1, 0], [0, 0, -1], [-1, 0, 0]], float)


def toy_cameras(size, views=4):
    """Of each view K, R and t: `toy.draw` turns the person, which is the camera the other way."""
    cameras = {}
    for view in range(views):
        cos, sin = np.cos(view * np.pi / 2), np.sin(view * np.pi / 2)
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        cameras[f"cam{view}"] = {
            "K": [[FAR * size / 2200, 0, size / 2], [0, FAR * size / 2000, 0.95 * size], [0, 0, 1]],
            "R": (FIRST @ turn).tolist(),
            "t": [0, 0, FAR],
            "distortion": None,
            "size": [size, size],
        }
    return cameras


def with_cameras(path, **arguments):
    """A `toy_store` with a calibration."""
    store = toy_store(path, **arguments)
    index = path / "dataset.json"
    meta = json.loads(index.read_text())
    meta["calibration"] = {s: toy_cameras(store.image_size) for s in store.subjects}
    index.write_text(json.dumps(meta))
    return open_store(path)


def random_rotations(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    Q, R = torch.linalg.qr(torch.randn(n, 3, 3, generator=generator))
    Q = Q * R.diagonal(dim1=1, dim2=2).sign()[:, None]
    return Q * torch.linalg.det(Q)[:, None, None]
