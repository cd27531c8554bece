"""Chapter 2: canonical pose."""

import math

import torch

from mcss.skeleton import JOINTS

from . import unanswered


def exercise_1(degrees):
    """The angle by which `canonical_pose` turns a person whose left hip lies at (0, 100, 0)."""
    if abs(degrees - 90) < 1e-6:
        return "The size is right, the sense is not: the hip points along +Y and has to come to +X."
    if abs(degrees % 360 - 270) < 1e-6:
        return None
    return "Draw it from above: where does the hip point, and where should it?"


def exercise_2(my_heading):
    """A function from a pose (16, 3) to the heading of its shoulders in radians."""
    left, right = (JOINTS.index(f"{side} shoulder") - 1 for side in ("left", "right"))
    for degrees in (30, 150, -30, -150):
        pose = torch.randn(16, 3, generator=torch.Generator().manual_seed(0)) * 100
        angle = math.radians(degrees)
        line = torch.tensor([math.cos(angle), math.sin(angle), 0.3]) * 300
        pose[left] = pose[right] + line
        answer = my_heading(pose)
        if hint := unanswered(answer):
            return hint
        answer = float(answer)
        if not abs(math.remainder(answer - angle, 2 * math.pi)) < 1e-4:  # `not <`: also for NaN
            hint = f"For shoulders at {degrees} degrees it says {math.degrees(answer):.0f}."
            if degrees < 0 and abs(answer + angle) < 1e-4:
                hint += " That is what the arc cosine loses: the sign."
            return hint
    return None


def exercise_3(target):
    """Which target has one answer for one point of the embedding: 'camera', 'global' or
    'canonical'.
    """
    if str(target).strip().lower() == "canonical":
        return None
    return (
        "Take one instant and four cameras, then one pose and two headings: which target never"
        " changes?"
    )
