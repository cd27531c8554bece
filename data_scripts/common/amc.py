"""Motion capture in ASF (skeleton) and AMC (motion) files, as CMU's lab publishes it, and forward
kinematics.

The format is Acclaim's, of 1992. A bone's rest direction is given in the world's axes. Its angles
turn about axes of its own, C, which the ASF file gives by three angles: the bone's rotation is
parent's rotation * C * M * C^-1, with M the frame's angles in the order of the bone's degrees of
freedom, the first applied first. Y is up.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

MM = 25.4  # an ASF length, divided by the file's unit, is in inches
RATE = 120.0  # frames a second of CMU's cameras; the files do not say it
FAR = 1e6  # no true length or angle is this large: a file that holds one is damaged
#: Degrees of freedom of a bone: translations, rotations, length.
DOFS = ("tx", "ty", "tz", "rx", "ry", "rz", "l")


class Skeleton(NamedTuple):
    """The skeleton of an ASF file, B bones. Parents come before their children; bone 0 is the root.

    names: B strings. parents: B indices, -1 for the root. offsets `(B, 3)`: from a bone's begin to
    its end at rest, mm. axes `(B, 3, 3)`: C. dofs: for each bone, the names of the values that a
    frame holds for it. unit: an AMC length divided by it is in inches. degrees: whether angles are
    in degrees.
    """

    names: list
    parents: list
    offsets: np.ndarray
    axes: np.ndarray
    dofs: list
    unit: float
    degrees: bool


def read_asf(path):
    """The `Skeleton` of an ASF file. Raises `ValueError`, which names the file, if it is none."""
    path = Path(path)
    try:
        sections = _sections(path.read_text(encoding="latin-1"))
        unit, degrees = 1.0, True
        for line in sections["units"]:
            unit = float(line[1]) if line[0] == "length" else unit
            degrees = line[1].lower().startswith("deg") if line[0] == "angle" else degrees
        if not unit > 0:
            raise ValueError(f"its unit of length is {unit}")
        bones, bone = {}, None
        for key, *values in sections["bonedata"]:
            if key == "begin":
                bone = {"dof": []}
            elif key == "name":
                bones[values[0]] = bone
            elif key == "axis":
                angles = np.array([values[:3]], float)
                bone["axis"] = _rotations(values[3].lower(), angles, degrees)[0]
            elif key in ("direction", "dof"):
                bone[key] = values
            elif key == "length":
                bone["length"] = float(values[0])
        root = {line[0]: line[1:] for line in sections["root"]}
        if any(float(value) for value in root["orientation"] + root["position"]):
            raise ValueError("a root that does not rest at 0 is not supported")
        children = {parent: names for parent, *names in sections["hierarchy"]}
        names, parents = ["root"], [-1]
        for name in names:  # the list grows while it is read
            for child in children.get(name, ()):
                names.append(child)
                parents.append(names.index(name))
        others = [bones[name] for name in names[1:]]
        lengths = [np.array(b["direction"], float) * b["length"] / unit * MM for b in others]
        offsets = np.stack([np.zeros(3), *lengths])
        axes = np.stack([np.eye(3), *(b["axis"] for b in others)])
        dofs = [[dof.lower() for dof in of] for of in (root["order"], *(b["dof"] for b in others))]
        if not ((abs(offsets) < FAR).all() and np.isfinite(axes).all()):
            raise ValueError("it holds lengths or angles that are no numbers")
        if len(dofs[0]) != 6 or not set(sum(dofs, [])) <= set(DOFS):
            raise ValueError("it names degrees of freedom that are unknown")
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ValueError(f"{path} is no readable ASF file ({error}): get it again") from None
    return Skeleton(names, parents, offsets, axes, dofs, unit, degrees)


def _sections(text):
    """`{section: [fields of each line]}` of an ASF file's text; ':name' begins a section."""
    sections, lines = {}, []
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if line.startswith(":"):
            name, *rest = line[1:].split()
            lines = sections.setdefault(name.lower(), [rest] if rest else [])
        elif line:
            lines.append(line.split())
    return sections


def read_amc(path, skeleton):
    """The values of an AMC file of T frames, in its units: for each bone of the `Skeleton` an array
    `(T, number of its degrees of freedom)`. Raises `ValueError`, which names the line or frame that
    is damaged.
    """
    path = Path(path)
    index = {name: b for b, name in enumerate(skeleton.names)}
    frames, current, last = [], None, None  # the frame being read and its number
    for number, line in enumerate(path.read_text(encoding="latin-1").splitlines(), 1):
        fields = line.split()
        if not fields or fields[0][0] in "#:":
            continue
        if len(fields) == 1 and fields[0].isdecimal():
            if last is not None and int(fields[0]) != last + 1:
                raise ValueError(
                    f"{path}, line {number}: frame {fields[0]} follows frame {last}, so some are"
                    " missing: get it again"
                )
            current, last = {}, int(fields[0])
            frames.append(current)
            continue
        bone = index.get(fields[0])
        try:
            values = [float(value) for value in fields[1:]]
        except ValueError:
            values = [np.nan]
        if (
            current is None
            or bone is None
            or len(values) != len(skeleton.dofs[bone])
            or not all(abs(value) < FAR for value in values)
        ):
            raise ValueError(
                f"{path}, line {number} does not fit its skeleton: '{line.strip()[:60]}'. The file"
                " is damaged or belongs to another ASF file: get it again"
            )
        current[bone] = values
    moving = {b for b, dofs in enumerate(skeleton.dofs) if dofs}
    if not frames:
        raise ValueError(f"{path} has no frames: get it again")
    for k, frame in enumerate(frames):
        if set(frame) != moving:
            lacking = ", ".join(sorted(skeleton.names[b] for b in moving - set(frame)))
            raise ValueError(
                f"{path}, frame {k + 1} lacks {lacking}: the file is cut off, get it again"
            )
    return [np.array([frame.get(b, []) for frame in frames]) for b in range(len(skeleton.names))]


def forward(skeleton, motion):
    """Forward kinematics of the motion that `read_amc` returns: rotations `(T, B, 3, 3)` of the
    bones from rest to world, and their ends `(T, B, 3)` in mm, Y up.
    """
    steps, bones = len(motion[0]), len(skeleton.names)
    rotations, ends = np.zeros((steps, bones, 3, 3)), np.zeros((steps, bones, 3))
    for b, (parent, dofs, values, C) in enumerate(
        zip(skeleton.parents, skeleton.dofs, motion, skeleton.axes)
    ):
        about = [k for k, dof in enumerate(dofs) if dof.startswith("r")]
        order = "".join(dofs[k][1] for k in about)
        M = _rotations(order, values[:, about], skeleton.degrees) if about else np.eye(3)
        rotations[:, b] = C @ M @ C.T
        if parent < 0:
            ends[:, b] = values[:, [dofs.index(f"t{axis}") for axis in "xyz"]] / skeleton.unit * MM
        else:
            rotations[:, b] = rotations[:, parent] @ rotations[:, b]
            ends[:, b] = ends[:, parent] + rotations[:, b] @ skeleton.offsets[b]
    return rotations, ends


def _rotations(order, angles, degrees):
    """Rotations `(T, 3, 3)` by angles `(T, n)` about fixed axes, in the order of the n letters, the
    first applied first.
    """
    return Rotation.from_euler(order, angles, degrees).as_matrix()
