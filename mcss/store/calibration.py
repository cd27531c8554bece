"""From world joints to pixels of the stored crops. Training never uses this: MCSS needs
no calibration.
"""

import numpy as np
import torch


class Calibration:
    """The cameras of a store and the square that each stored image shows.

    Pixel coordinates are continuous: (0, 0) is the corner of the image, the first
    pixel's centre is (0.5, 0.5). `cameras[subject][view name]` holds K, R, t (mm,
    x_camera = R x_world + t), distortion (k1, k2, p1, p2, k3, or None) and size (width,
    height) of the camera's whole image. Where the cameras stood otherwise in one clip,
    `cameras["subject/source"]` holds those.
    """

    def __init__(self, cameras, view_names, image_size, crops, clips):
        self.cameras = cameras
        self._view_names, self._image_size, self._crops, self._clips = (
            view_names,
            image_size,
            crops,
            clips,
        )

    def of_clip(self, subject, source):
        """The cameras of one clip, by view name; empty if none is known."""
        return self.cameras.get(f"{subject}/{source}") or self.cameras.get(subject, {})

    def project(self, world, subject, frames, view):
        """Where world points lie in the stored images of one view.

        world: `(n, J, 3)` millimetres; frames: `(n,)` frame numbers; view: counted from
        0. Returns `(n, J, 2)` pixels of the stored image, float64.
        """
        world, frames = torch.as_tensor(world).double().numpy(), np.asarray(frames)
        pixels = np.empty((*world.shape[:-1], 2))
        for clip in self._clips(subject):
            of_clip = (frames >= clip.start) & (frames < clip.stop)
            if of_clip.any():
                pixels[of_clip] = project(
                    world[of_clip],
                    self.of_clip(subject, clip.source)[self._view_names[view]],
                )
        crop = self._crops(subject)[frames, view].astype(float)[:, None]
        return torch.from_numpy(
            (pixels - crop[..., :2]) * self._image_size / crop[..., 2:]
        )


def project(world, camera):
    """Where points `(..., 3)` in world millimetres lie in a camera's whole image:
    `(..., 2)` pixels. camera: as in `Calibration`.
    """
    K, R, t = (np.asarray(camera[key], float) for key in ("K", "R", "t"))
    point = world @ R.T + t
    x, y = point[..., 0] / point[..., 2], point[..., 1] / point[..., 2]
    if camera.get("distortion"):
        k1, k2, p1, p2, k3 = camera["distortion"]
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        x, y = (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        )
    return (np.stack([x, y, np.ones_like(x)], -1) @ K.T)[..., :2]
