"""Element 1: choose a person, an action and a time; see all views and the pose they
share (Section 3).
"""

import math

import numpy as np
import torch

from ...skeleton import root_relative
from .element import Element, joints, sheet


def multiview_browser(store, subjects, instants=8, step=1.0):
    """An `Element`: pictures and poses of a `Store` with a calibration.

    subjects: names of those to choose from. Of each action it has the first clip's
    first `instants` instants, `step` seconds apart.
    """
    actions = sorted({clip.action for clip in store.clips(subjects[0])})
    views = len(store.view_names)
    people = []
    for subject in subjects:
        clips = []
        for action in actions:
            clip = next(c for c in store.clips(subject) if c.action == action)
            frames = clip.start + (np.arange(instants) * step * store.fps).astype(int)
            frames = frames[frames < clip.stop]
            images = store.images(
                subject,
                np.repeat(frames, views),
                np.tile(np.arange(views), len(frames)),
            )
            world = store.poses(subject)[torch.as_tensor(frames)]
            cameras = [
                [_direction(store, subject, view, pose[0]) for view in range(views)]
                for pose in world
            ]
            clips.append(
                {
                    "frames": frames,
                    "sheet": sheet(images, columns=views),
                    "joints": joints(root_relative(world)),
                    "cameras": cameras,
                }
            )
        people.append({"name": subject, "clips": clips})
    lengths = [len(clip["frames"]) for person in people for clip in person["clips"]]
    seconds = [k * step for k in range(min(lengths))]
    return Element(
        "multiview_browser",
        "A browser of synchronised views: choose a person, an action and a time; it"
        " shows the pictures of all cameras and the skeleton, which can be turned.",
        {
            "subjects": people,
            "actions": actions,
            "seconds": seconds,
            "views": [f"camera {v + 1}" for v in range(views)],
        },
    )


def _direction(store, subject, view, pelvis):
    """The angle about Z, from +X, under which a person at `pelvis` (3,) sees a camera;
    radians.
    """
    camera = store.calibration.cameras[subject][store.view_names[view]]
    centre = -np.asarray(camera["R"]).T @ np.asarray(camera["t"])
    return math.atan2(centre[1] - pelvis[1], centre[0] - pelvis[0])
