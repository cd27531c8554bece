"""Damage to official files, one kind each."""

import json

import av
import numpy as np
import scipy.io

from data_scripts.imitations.filmed import LABELS, aspset_points, write_c3d


def cut(path):
    """Leaves the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def hole(path):
    """Overwrites 3000 bytes in the middle of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff" * 3000 + data[len(data) // 2 + 3000 :])


def empty(path):
    """Leaves nothing in a file."""
    path.write_bytes(b"")


def spoil_frame(file, number):
    """Overwrites one frame in a video whose frames do not depend on each other (option g="1")."""
    with av.open(str(file)) as video:
        packet = [packet for packet in video.demux(video=0) if packet.size][number]
    with open(file, "r+b") as raw:
        raw.seek(packet.pos)
        raw.write(bytes(packet.size))


def without_key(path):
    """Drops a matrix of a camera's JSON file."""
    content = json.loads(path.read_text())
    del content["extrinsic_matrix"]
    path.write_text(json.dumps(content))


def nan_matrix(path):
    """Writes NaN into a matrix of a camera's JSON file."""
    path.write_text(path.read_text().replace("1.0]", "NaN]", 1))


def zero_box(path):
    """Makes the box of frame 5 in a CSV file a point."""
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:6], "50.0,60.0,50.0,60.0", *lines[7:]]) + "\n")


def rewritten(name):
    """A damage that writes a C3D file anew with its joints or labels changed."""

    def damage(path, recording):
        points, labels = aspset_points(recording), list(LABELS)
        if name == "nan joint":
            points[5, 3] = np.nan
        elif name == "odd label":
            labels[3] = "right_antenna"
        elif name == "ends early":
            points = points[:8]
        write_c3d(path, points, labels)

    damage.__name__ = name
    return damage


def change_annotations(file, change, cameras=range(14), drop=()):
    """Changes an annot.mat. change: function from the rows `(T, joints, 2 or 3)` of a variable to
    those of these cameras in their place. drop: variables to leave out.
    """
    content = scipy.io.loadmat(file)
    content = {k: v for k, v in content.items() if not k.startswith("_") and k not in drop}
    for key in {"annot2", "annot3", "univ_annot3"} & set(content):
        for c in cameras:
            rows = change(content[key][c][0].reshape(-1, 28, int(key[-1])).copy())
            content[key][c][0] = rows.reshape(len(rows), 28 * int(key[-1]))
    scipy.io.savemat(file, content)
