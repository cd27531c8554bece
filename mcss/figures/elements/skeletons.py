"""Poses side by side in 3D, each turning on its own place."""

import numpy as np
import torch

from ...skeleton import JOINTS
from .element import Element, joints


def skeletons(poses, names=None, alt="Skeletons in 3D", turn=20, tilt=10):
    """An `Element`: the left side of each person is blue, the right side orange, the
    spine grey.

    poses: `(n, 16, 3)` or `(n, 17, 3)` mm, Z up. names: n texts over them. turn:
    degrees about Z from which they are seen at first, 0 along +Y. tilt: degrees from
    above.
    """
    poses = torch.as_tensor(np.asarray(poses), dtype=torch.float32)
    if poses.shape[-2] == len(JOINTS):
        poses = (poses - poses[:, :1])[:, 1:]
    return Element(
        "skeletons",
        alt,
        {
            "poses": joints(poses),
            "names": list(names) if names else [""] * len(poses),
            "turn": turn,
            "tilt": tilt,
        },
    )
