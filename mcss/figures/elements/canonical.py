"""Element 2: turn a person; the global and the camera pose move, the canonical pose
does not (Eq. 3).
"""

from ...skeleton import root_relative
from .element import Element, joints


def canonical_turntable(store, subject, frames):
    """An `Element`: poses of a subject of a `Store` with a calibration, to be turned.

    frames: `{name: frame}` of the poses to choose from.
    """
    poses = root_relative(store.poses(subject)[list(frames.values())])
    cameras = store.calibration.cameras[subject]
    return Element(
        "canonical",
        "Three skeletons of one pose: in global, camera and canonical coordinates. A"
        " slider turns the person; only the canonical one stays as it is.",
        {
            "poses": [
                {"name": name, "joints": pose}
                for name, pose in zip(frames, joints(poses))
            ],
            "cameras": [
                {"name": f"camera {v + 1}", "R": cameras[name]["R"]}
                for v, name in enumerate(store.view_names)
            ],
        },
    )
