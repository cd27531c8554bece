"""From world joints to pixels of the stored crops. Training never uses this: MCSS needs no calibration."""

import numpy as np
import torch


class Calibration:
    """The cameras of a store and the square that each stored image shows.

    Pixel coordinates are continuous: (0, 0) is the corner of the image, the first pixel's centre is (0.5, 0.5).
    `cameras[subject][view name]` holds K, R, t (mm, x_camera = R x_world + t), distortion (k1, k2, p1, p2, k3,
    or None) and size (width, height) of the camera's whole image.
    """

    def __init__(self, cameras, view_names, image_size, crops):
        self.cameras = cameras
        self._view_names, self._image_size, self._crops = view_names, image_size, crops

    def project(self, world, subject, frames, view):
        """Where world points lie in the stored images of one view.

        world: `(n, J, 3)` millimetres; frames: `(n,)` frame numbers; view: counted from 0. Returns `(n, J, 2)` pixels
        of the stored image, float64.
        """
        camera = self.cameras[subject][self._view_names[view]]
        K, R, t = (np.asarray(camera[key], float) for key in ("K", "R", "t"))
        point = torch.as_tensor(world).double().numpy() @ R.T + t
        x, y = point[..., 0] / point[..., 2], point[..., 1] / point[..., 2]
        if camera.get("distortion"):
            k1, k2, p1, p2, k3 = camera["distortion"]
            r2 = x * x + y * y
            radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
            x, y = (
                x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
                y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
            )
        pixels = np.stack([x, y, np.ones_like(x)], -1) @ K.T
        crop = self._crops(subject)[np.asarray(frames), view].astype(float)[:, None]
        scaled = (pixels[..., :2] - crop[..., :2]) * self._image_size / crop[..., 2:]
        return torch.from_numpy(scaled)
