"""The demo of Pose2Sim, imitated: films of dots, one a joint, and a calibration of Qualisys.

The conventions are those of Qualisys' manual, not of the converter: positions in mm, the camera's
axes as rows, x right, y up, looking along -z; lengths in the picture in 64ths of a pixel.
"""

import numpy as np
from PIL import Image, ImageDraw

from .filmed import write_video

SIZE = 272, 480  # of a film, upright


def camera_at(place, target=(0.0, 0.0, 900.0), focal=380.0):
    """(K, R, t) of a camera at a place in mm that looks at another; x_camera = R x + t."""
    ahead = np.subtract(target, place) / np.linalg.norm(np.subtract(target, place))
    right = np.cross(ahead, (0, 0, 1))
    right /= np.linalg.norm(right)
    R = np.stack([right, np.cross(ahead, right), ahead])
    K = np.array([[focal, 0, SIZE[0] / 2 - 3.5], [0, focal, SIZE[1] / 2 + 2.25], [0, 0, 1]])
    return K, R, -R @ np.asarray(place, float)


def write_pose2sim(folder, joints, cameras):
    """Writes joints `(T, 17, 3)` in mm as the demo's films and calibration below `folder`, and
    returns it. cameras: `{name: (K, R, t)}`.
    """
    demo = folder / "Demo_SinglePerson"
    lines = ["<?xml version='1.0' encoding='ASCII'?>", "<calibration><cameras>"]
    for name, (K, R, t) in cameras.items():
        x, y, z = -R.T @ t
        right, down, ahead = R
        axes = [right, -down, -ahead]
        turn = " ".join(f'r{i + 1}{j + 1}="{axes[i][j]}"' for i in range(3) for j in range(3))
        fov = f'bottom="{SIZE[1] - 1}" left="0" right="{SIZE[0] - 1}" top="0"'
        lines += [
            f'<camera active="1" model="none" serial="{name}" viewrotation="0">',
            f"<fov_marker {fov}/><fov_video {fov}/>",
            f'<transform {turn} x="{x}" y="{y}" z="{z}"/>',
            f'<intrinsic centerPointU="{64 * K[0, 2]}" centerPointV="{64 * K[1, 2]}"'
            f' focalLengthU="{64 * K[0, 0]}" focalLengthV="{64 * K[1, 1]}"'
            ' radialDistortion1="0.0" radialDistortion2="0.0" radialDistortion3="0.0"'
            ' tangentalDistortion1="0.0" tangentalDistortion2="0.0" skew="0.0"/></camera>',
        ]
        seen = (joints @ R.T + t) @ K.T
        frames = [_dots(places) for places in seen[..., :2] / seen[..., 2:]]
        write_video(demo / f"videos/{name}.mp4", frames, 60)
    table = demo / "calibration/Calib.qca.txt"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text("\n".join([*lines, "</cameras></calibration>"]), encoding="ascii")
    return folder


def _dots(places):
    picture = Image.new("RGB", SIZE, (40, 40, 40))
    pen = ImageDraw.Draw(picture)
    for u, v in places:
        pen.ellipse([u - 3, v - 3, u + 3, v + 3], fill="white")
    return np.asarray(picture)
