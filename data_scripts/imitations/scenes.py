"""Rendered scenes whose truth is known, for fixtures in the official formats of real data sets.

The people of the studio, filmed by whole cameras instead of crops: frames as a video would hold
them, where every joint is, which pixels show the person, and each camera's calibration.
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
    """x_camera = R x_world + t in mm; pixels = K x_camera, (0, 0) the corner of the frame; size
    (width, height).
    """

    K: np.ndarray
    R: np.ndarray
    t: np.ndarray
    size: tuple

    def project(self, world):
        """World points `(..., 3)` in mm, Z up -> pixels `(..., 2)` of the frame."""
        seen = (np.asarray(world, float) @ self.R.T + self.t) @ self.K.T
        return seen[..., :2] / seen[..., 2:]


class Recording(NamedTuple):
    """One action of one subject. joints `(T, 17, 3)` mm, world, Z up, in `mcss.skeleton.JOINTS`'
    order; frames uint8 `(T, V, H, W, 3)` RGB; masks bool `(T, V, H, W)`, the person; cameras: V
    `Camera`s.
    """

    subject: str
    action: str
    joints: np.ndarray
    frames: np.ndarray
    masks: np.ndarray
    cameras: list


#: Where the workers of a test run share what is filmed; None to keep it to oneself.
SHARED = None


@functools.lru_cache(maxsize=2)
def film(
    domain="lab", subjects=("S1", "S5", "S9"), actions=("Walking", "Sitting"), frames=24, size=256
):
    """`filmed`, once in a test run: the workers find it in SHARED."""
    if SHARED is None:
        return filmed(domain, subjects, actions, frames, size)
    path = SHARED / f"film-{'-'.join(map(str, (domain, *subjects, *actions, frames, size)))}"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            with atomic_write(path) as temporary:
                temporary.write_bytes(pickle.dumps(filmed(domain, subjects, actions, frames, size)))
        return pickle.loads(path.read_bytes())  # our own


def filmed(domain, subjects, actions, frames, size):
    """A tuple of `Recording`s, one a subject and action. domain: 'lab' has four cameras, 'field'
    five; size: pixels.

    The people move in steps of a tenth of a second, whatever frame rate a fixture claims.
    """
    anny_model()  # first of all, it makes Warp quiet
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
    found = []
    for subject in subjects:
        cameras = [
            Camera(scale @ c.K, c.R, -1000.0 * c.R @ c.centre, (size, size))
            for c in studio.scene(subject).cameras
        ]
        for action in actions:
            clip = studio.clip(subject, action, 0, frames)
            clip["crops"] = np.broadcast_to(np.float32([0, 0, IMAGE]), clip["crops"].shape)
            parts = [
                [
                    tensor.numpy().copy()
                    for tensor in studio.images(
                        clip, first, min(first + studio.slots, frames), mask=True
                    )
                ]
                for first in range(0, frames, studio.slots)
            ]
            images, masks = (np.concatenate(part) for part in zip(*parts))
            found.append(
                Recording(
                    subject,
                    action,
                    clip["joints"],
                    images.transpose(0, 1, 3, 4, 2).copy(),
                    masks > 127,
                    cameras,
                )
            )
    return tuple(found)
