"""How the picture of one camera is turned against that of another."""

import numpy as np
import torch


def rotations(store, subject, frames, views):
    """R `(n, 3, 3)` float32: from the world to the camera of each picture, turned so
    that its optical axis goes through the centre of the crop.

    frames, views: `(n,)`, or one view for all. A pose in this frame is x = R x_world:
    x to the right, y down, z away from the camera, in mm. A network sees the crop
    alone, so a person at the border of the camera's image looks as one does who was
    turned; the correction takes that out (Rhodin et al., ECCV 2018, do the same). The
    lens's distortion is left out of it.
    Raises `ValueError` for pictures without a known camera.
    """
    frames = np.atleast_1d(np.asarray(frames))
    views = np.broadcast_to(np.asarray(views), frames.shape)
    R, K = np.full((2, len(frames), 3, 3), np.nan)
    if store.calibration:
        for clip in store.clips(subject):
            of_clip = (frames >= clip.start) & (frames < clip.stop)
            cameras = store.calibration.of_clip(subject, clip.source)
            for view in np.unique(views[of_clip]):
                camera = cameras.get(store.view_names[view])
                if camera:
                    R[of_clip & (views == view)] = camera["R"]
                    K[of_clip & (views == view)] = camera["K"]
    crops = store.crops(subject)[frames, views].astype(float)
    known = np.isfinite(R).all((1, 2)) & np.isfinite(crops).all(1)
    if not known.all():
        first = np.flatnonzero(~known)[0]
        raise ValueError(
            f"{store.path}: subject {subject}, frame {frames[first]}, view"
            f" {store.view_names[views[first]]} has no known camera and crop"
        )
    centre = crops[:, :2] + crops[:, 2:] / 2
    ray = np.linalg.solve(K, np.append(centre, np.ones((len(centre), 1)), 1)[..., None])
    return torch.from_numpy(_onto_axis(ray[..., 0]) @ R).float()


def _onto_axis(ray):
    """The smallest rotations `(n, 3, 3)` that turn the rays `(n, 3)` onto +Z
    (Rodrigues' formula).
    """
    x, y, z = (ray / np.linalg.norm(ray, axis=1, keepdims=True)).T
    zero = np.zeros_like(x)
    V = np.stack([zero, zero, -x, zero, zero, -y, x, y, zero], 1).reshape(-1, 3, 3)
    return np.eye(3) + V + V @ V / (1 + z)[:, None, None]


def relative(R_from, R_to):
    """From the frame of one camera to that of another: R_to R_from^T, `(n, 3, 3)`."""
    return R_to @ R_from.mT


def rotate(points, R):
    """X R^T: points `(n, k, 3)`, one a row, turned by R `(n, 3, 3)`. Undone by R^T."""
    # not `@`: inside autocast that would round to a few digits
    return (points[:, :, None] * R[:, None]).sum(-1)


def turned(R, angles):
    """The rotations `(k, 3, 3)`, in the frame of a camera R `(3, 3)`, that turn a
    person about +Z of the world by `angles` `(k,)` radians, counter-clockwise.
    """
    zero, one = torch.zeros_like(angles), torch.ones_like(angles)
    cos, sin = angles.cos(), angles.sin()
    about_z = torch.stack([cos, -sin, zero, sin, cos, zero, zero, zero, one], -1)
    return R @ about_z.unflatten(-1, (3, 3)) @ R.mT


def turn_between(R, others):
    """How far a person has to be `turned` before the camera R `(3, 3)`, to be seen as
    the others `(k, 3, 3)` see them, but for the height: `(k,)` radians.
    """
    M = R.mT @ others
    return torch.atan2(M[:, 1, 0] - M[:, 0, 1], M[:, 0, 0] + M[:, 1, 1])
