"""The paper's rivals as trainings, and what is measured on them: Table 1 in both
frames, and retrieval on each one's own embedding.
"""

from ..rivals import RIVALS
from ..rivals.evaluation import in_canonical, in_world
from .measures import Evaluated, at_k, pose_errors, retrieval

#: The rows of the experiment: (the rival's name, its settings, label). The first is no
#: rival but what they are to be compared with: labels alone, in the camera's frame,
#: the unlabelled pictures passing through the network beside them.
ROWS = {
    "camera": (
        "view_consistency",
        {"agreement": 0.0, "drift": 0.0},
        "Labels alone, camera frame",
    ),
    **{name: (name, {}, rival.title) for name, rival in RIVALS.items()},
}
LABELS = tuple((name, label) for name, (_, _, label) in ROWS.items())
#: The rows whose rival learns in two stages.
STAGED = tuple(name for name, (rival, *_) in ROWS.items() if RIVALS[rival].staged)
#: Settings of the smaller schedules: the papers' decoder has as many weights as F.
SMALLER = {
    "novel_view": {"width": 32, "hidden": 512},
    "skeleton_maps": {"width": 32, "limb": 4.0},
}
SMALL_SCHEDULES = ("small", "long")


def settings_of(name, schedule):
    """(rival, its settings) of a row of ROWS under a schedule."""
    rival, settings, _ = ROWS[name]
    smaller = SMALLER.get(rival, {}) if schedule in SMALL_SCHEDULES else {}
    return rival, smaller | settings


class InCamera(Evaluated):
    """An `Evaluated` with poses and truth in the frame of each picture's camera."""

    points = False  #: whether the embedding is points in space


class PointsInCamera(InCamera):
    """The embedding is points in the frame of the camera, too."""

    points = True


def both_frames(evaluated):
    """`errors_and_retrieval` in the method's own frame; the errors in the canonical
    frame; and retrieval with points turned into the world, None for other embeddings.
    """
    p = canonical = evaluated.predictions
    found, world = retrieval(evaluated), None
    if isinstance(evaluated, InCamera):
        canonical = in_canonical(p, evaluated.store)
        if evaluated.points:
            turned = in_world(p, evaluated.store)
            world = at_k(retrieval(evaluated._replace(predictions=turned)), 10)
    values = pose_errors(evaluated) | at_k(found, 10)
    errors = pose_errors(evaluated._replace(predictions=canonical))
    for name in ("N-MPJPE", "MPJPE"):
        values[f"canonical {name}"] = errors[name]
    for case in ("same", "cross"):
        if f"{case} M@10" in values:
            values[f"{case} M@10, cameras known"] = world and world[f"{case} M@10"]
            values[f"{case} relative"] = found[f"{case} relative"]
    return values
