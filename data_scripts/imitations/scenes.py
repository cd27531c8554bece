"""Rendered scenes of which all is known, to be written in the official formats of real data sets.

The people of the studio are filmed by whole cameras instead of crops. A `Recording` has the frames,
as a video would, and what is true of them: where every joint is, which pixels show the person, and
each camera's calibration.
"""

import functools
import pickle
from typing import NamedTuple

import numpy as np
from filelock import FileLock

from data_scripts.studio.body import anny_model
from data_scripts.studio.recipe import preset
from data_scripts.studio.scene import IMAGE
from data_scripts.studio.studio import Studio
from mcss.store.files import atomic_write


class Camera(NamedTuple):
    """x_camera = R x_world + t in mm; pixels = K x_camera, with (0, 0) the corner of the frame;
    size: (width, height) of a frame in pixels.
    """

    K: np.ndarray
    R: np.ndarray
    t: np.ndarray
    size: tuple

    def project(self, world):
        """Where world points `(..., 3)` in mm, Z up, lie in the frame: pixels `(..., 2)`."""
        seen = (np.asarray(world, float) @ self.R.T + self.t) @ self.K.T
        return seen[..., :2] / seen[..., 2:]


class Recording(NamedTuple):
    """One action of one subject, T frames of V cameras. joints `(T, 17, 3)`: mm, world, Z up, in
    the order of `mcss.skeleton.JOINTS`. frames `(T, V, H, W, 3)`: uint8, RGB. masks `(T, V, H, W)`:
    bool, where the person is. cameras: V `Camera`s.
    """

    subject: str
    action: str
    joints: np.ndarray
    frames: np.ndarray
    masks: np.ndarray
    cameras: list


#: A folder in which processes share what they film, as the workers of a test run do, or None.
SHARED = None


@functools.lru_cache(maxsize=2)
def film(
    domain="lab", subjects=("S1", "S5", "S9"), actions=("Walking", "Sitting"), frames=24, size=256
):
    """A tuple of `Recording`s, one a subject and action, rendered once for a process, or for all
    that have the same folder SHARED.

    domain: 'lab' has four cameras, 'field' five. frames: of each recording. size: of the square
    frames, in pixels. The people move in steps of a tenth of a second, whatever frame rate a format
    claims.
    """
    if SHARED is None:
        return _render(domain, subjects, actions, frames, size)
    path = SHARED / f"film-{'-'.join(map(str, (domain, *subjects, *actions, frames, size)))}"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            with atomic_write(path) as temporary:
                rendered = _render(domain, subjects, actions, frames, size)
                temporary.write_bytes(pickle.dumps(rendered))
        return pickle.loads(path.read_bytes())  # which one of these processes wrote


def _render(domain, subjects, actions, frames, size):
    anny_model()  # comes first: it makes Warp quiet
    recipe = preset(
        "sample",
        train=subjects,
        test=(),
        actions=actions,
        frames=frames,
        image_size=size,
        domain=domain,
        fps=10.0,
        samples=1,
    )
    studio = Studio(recipe)
    scale = np.diag([size / IMAGE, size / IMAGE, 1.0])
    recordings = []
    for subject in subjects:
        cameras = [
            Camera(scale @ c.K, c.R, -1000.0 * c.R @ c.centre, (size, size))
            for c in studio.scene(subject).cameras
        ]
        for action in actions:
            clip = studio.clip(subject, action, 0, frames)
            clip["crops"] = np.broadcast_to(np.float32([0, 0, IMAGE]), clip["crops"].shape)
            parts = []
            for first in range(0, frames, studio.slots):
                stop = min(first + studio.slots, frames)
                both = studio.images(clip, first, stop, mask=True)
                parts.append([tensor.numpy().copy() for tensor in both])
            images, masks = (np.concatenate(part) for part in zip(*parts))
            images = images.transpose(0, 1, 3, 4, 2).copy()
            recordings.append(
                Recording(subject, action, clip["joints"], images, masks > 127, cameras)
            )
    return tuple(recordings)
