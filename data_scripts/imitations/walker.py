"""CMU's motion capture, imitated: a made-up person who walks, subjects/90/90.asf, and its takes."""

import math

UNIT = 0.0254 / 0.45  # metres: what CMU's files count lengths in
#: bone: (parent, direction at rest (Y up, facing +Z, +X is left), metres, its angles in a take)
BONES = {
    "lowerback": ("root", (0, 1, 0), 0.12, ""),
    "upperback": ("lowerback", (0, 1, 0), 0.12, ""),
    "thorax": ("upperback", (0, 1, 0), 0.12, ""),
    "lowerneck": ("thorax", (0, 1, 0), 0.09, ""),
    "head": ("lowerneck", (0, 1, 0), 0.17, ""),
}
for side, sign in (("l", 1), ("r", -1)):
    BONES |= {
        f"{side}hipjoint": ("root", (sign * 0.8, -0.6, 0), 0.13, ""),
        f"{side}femur": (f"{side}hipjoint", (0, -1, 0), 0.40, "rx"),
        f"{side}tibia": (f"{side}femur", (0, -1, 0), 0.41, "rx"),
        f"{side}foot": (f"{side}tibia", (0, -0.3, 1), 0.14, ""),
        f"{side}toes": (f"{side}foot", (0, 0, 1), 0.06, ""),
        f"{side}clavicle": ("thorax", (sign, 0.2, 0), 0.18, ""),
        f"{side}humerus": (f"{side}clavicle", (sign, 0, 0), 0.29, "ry rz"),
        f"{side}radius": (f"{side}humerus", (sign, 0, 0), 0.25, ""),
        f"{side}hand": (f"{side}radius", (sign, 0, 0), 0.09, ""),
    }


def write_cmu(folder, takes=("01", "02"), seconds=2.0):
    """Writes the skeleton and takes of some seconds, each with a stride of its own, below `folder`;
    returns `folder`.
    """
    person = folder / "subjects/90"
    person.mkdir(parents=True)
    bones = []
    for k, (name, (_, direction, metres, angles)) in enumerate(BONES.items(), 1):
        bones += [
            "  begin",
            f"    id {k}",
            f"    name {name}",
            f"    direction {' '.join(map(str, direction))}",
            f"    length {metres / UNIT:.4f}",
            "    axis 0 0 0 XYZ",
            *([f"    dof {angles}"] if angles else []),
            "  end",
        ]
    children = {}
    for name, (parent, *_) in BONES.items():
        children.setdefault(parent, []).append(name)
    person.joinpath("90.asf").write_text(
        "\n".join(
            [
                ":version 1.10",
                ":units",
                "  length 0.45",
                "  angle deg",
                ":root",
                "  order TX TY TZ RX RY RZ",
                "  axis XYZ",
                "  position 0 0 0",
                "  orientation 0 0 0",
                ":bonedata",
                *bones,
                ":hierarchy",
                "  begin",
                *(f"    {parent} {' '.join(names)}" for parent, names in children.items()),
                "  end",
                "",
            ]
        )
    )
    for take in takes:
        lines, stride = [":FULLY-SPECIFIED", ":DEGREES"], 20 + 5 * int(take)
        for frame in range(round(120 * seconds)):
            t = frame / 120
            lines += [
                str(frame + 1),
                f"root 0 {0.95 / UNIT:.4f} {(t - seconds / 2) / UNIT:.4f} 0 0 0",
            ]
            for side, sign in (("l", 1), ("r", -1)):
                # the arm swings against the leg; the knee bends as the leg comes forward
                swing = sign * math.sin(2 * math.pi * t)
                knee = 15 + 15 * sign * math.cos(2 * math.pi * t)
                lines += [
                    f"{side}femur {-stride * swing:.3f}",
                    f"{side}tibia {knee:.3f}",
                    f"{side}humerus {sign * stride * swing:.3f} {-70 * sign}",
                ]
        person.joinpath(f"90_{take}.amc").write_text("\n".join(lines) + "\n")
    return folder
