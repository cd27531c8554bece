"""What tests film, and what they change in it before it is written in an official format."""

import numpy as np

from data_scripts.imitations.scenes import film
from mcss.skeleton import JOINTS


def lab():
    """Six recordings, two actions of each of three subjects, rendered once for all tests."""
    return film("lab")


def shorter(recording, count):
    """The first frames of a recording."""
    return recording._replace(
        **{name: getattr(recording, name)[:count] for name in ("joints", "frames", "masks")}
    )


def prolonged(recording, frames, every=1):
    """A recording of `frames` frames, which repeats itself. every: which pixels are kept, as every
    second, third ...; their number in width is made even.
    """
    t = np.arange(frames) % len(recording.frames)
    width = recording.frames.shape[3] // every // 2 * 2
    both = (recording.frames, recording.masks)
    small, masks = (part[:, :, ::every, ::every][t, :, :, :width] for part in both)
    scale = np.diag([1 / every, 1 / every, 1])
    cameras = [c._replace(K=scale @ c.K, size=(width, small.shape[2])) for c in recording.cameras]
    return recording._replace(
        joints=recording.joints[t], frames=small, masks=masks, cameras=cameras
    )


def swap_sides(joints):
    """Joints `(T, 17, 3)` of the same bodies, with left called right and right left."""
    exchanged = {"left": "right", "right": "left"}
    names = [" ".join(exchanged.get(word, word) for word in name.split()) for name in JOINTS]
    return joints[:, [JOINTS.index(name) for name in names]]
