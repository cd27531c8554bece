"""A reference reader of Acclaim ASF/AMC motion capture, for tests only.

It is written from the Acclaim Skeleton File definition (version 1.10) and Vicon's
notes on it, without looking at the package's own reader or at any other, so that a
convention misread in one (a rotation order, a bone's axis, a unit) shows up as a
disagreement between the two. It favours plainness over speed. The conventions:

* vectors are columns; axis tokens "XYZ" mean: turn about the fixed X axis first,
  then Y, then Z, so the matrix is Rz @ Ry @ Rx;
* a bone's `axis` turns the global axes into the bone's own (matrix C), in the rest
  pose; its `direction` is given in global axes, in the rest pose, too;
* the bone's motion M is the product of its `dof` rotations, applied in the order
  listed, about its own axes: seen from the parent it is C @ M @ inverse(C);
* a bone begins where its parent ends, and the root has no length;
* the root's `order` gives both the order of its values and that of its rotations,
  about fixed axes; its translation is in global axes. Its preset `position` and
  `orientation` must be zero (programs differ on what others mean);
* a dof that a bone lacks, or a bone that a frame leaves out, stays at rest;
* a length is in inches once divided by the file's `length` unit (CMU's usage).
"""

import numpy as np

_ANGLES = {"deg": np.pi / 180, ":degrees": np.pi / 180, "rad": 1.0, ":radians": 1.0}


def _rotation(tokens, angles):
    """The matrix of rotations about fixed axes, the first token's first."""
    matrix = np.eye(3)
    for token, angle in zip(tokens, angles, strict=True):
        c, s = np.cos(angle), np.sin(angle)
        about = {
            "x": [[1, 0, 0], [0, c, -s], [0, s, c]],
            "y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        }
        matrix = np.array(about[token]) @ matrix
    return matrix


def _words(path):
    """The words of each line, without comments and blank lines."""
    with open(path, encoding="latin-1") as file:
        lines = [line.split("#")[0].split() for line in file]
    return [words for words in lines if words]


def _read_asf(path):
    """The units, the root's and each bone's properties, and each bone's children."""
    units, root, bones, children = {}, {}, {}, {}
    section, bone = None, None
    for key, *values in _words(path):
        if key.startswith(":"):
            section = key.lower()
        elif section == ":units":
            units[key] = values[0]
        elif section == ":root":
            root[key] = values
        elif section == ":bonedata" and key == "begin":
            bone = {"dof": []}
        elif section == ":bonedata" and key == "end":
            bones[bone["name"][0]] = bone
        elif section == ":bonedata":
            bone[key] = values
        elif section == ":hierarchy" and key not in ("begin", "end"):
            children[key] = values
    return units, root, bones, children


def _read_amc(path, angle):
    """The frames, {name: values}, and the angle unit (`angle` unless the file says)."""
    frames = []
    for key, *values in _words(path):
        if key.lower() in _ANGLES:
            angle = _ANGLES[key.lower()]
        elif key.isdigit() and not values:
            frames.append({})
        elif not key.startswith(":"):
            frames[-1][key] = [float(value) for value in values]
    return frames, angle


def joint_positions(asf_path, amc_path):
    """Where each bone ends (and 'root' is), {name: (frames, 3)}, mm, Y up."""
    units, root, bones, children = _read_asf(asf_path)
    asf_angle = _ANGLES[units["angle"]]
    frames, amc_angle = _read_amc(amc_path, asf_angle)
    millimetres = 25.4 / float(units["length"])
    if any(float(value) for value in root["position"] + root["orientation"]):
        raise ValueError("a preset root position or orientation is not supported")

    positions = {name: np.zeros((len(frames), 3)) for name in ["root", *bones]}

    def motion(tokens, values):
        """The matrix of the rotations 'rx', 'ry', 'rz' of a frame, in their order."""
        axes = [{"rx": "x", "ry": "y", "rz": "z"}[token] for token in tokens]
        return _rotation(axes, amc_angle * np.array(values))

    def set_end(name, number, start, parent_turn):
        """Sets the end of the bone and of all below it, in one frame."""
        bone = bones[name]
        *axis, axis_order = bone["axis"]
        c = _rotation(axis_order.lower(), asf_angle * np.array(axis, dtype=float))
        dof = [token.lower() for token in bone["dof"]]
        m = motion(dof, frames[number].get(name, [0.0] * len(dof)))
        turn = parent_turn @ c @ m @ np.linalg.inv(c)
        along = float(bone["length"][0]) * np.array(bone["direction"], dtype=float)
        positions[name][number] = end = start + turn @ along * millimetres
        for child in children.get(name, []):
            set_end(child, number, end, turn)

    order = [token.lower() for token in root["order"]]
    for number, frame in enumerate(frames):
        value = dict(zip(order, frame["root"], strict=True))
        turns = [token for token in order if token.startswith("r")]
        turn = motion(turns, [value[token] for token in turns])
        start = np.array([value["tx"], value["ty"], value["tz"]]) * millimetres
        positions["root"][number] = start
        for child in children["root"]:
            set_end(child, number, start, turn)
    return positions
