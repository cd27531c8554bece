"""Chapter 5: mini-batch selection."""

from . import unanswered


def exercise_1(frames):
    """The gap in frames: 0.5 s at 4 frames a second."""
    return None if frames == 2 else "Gap times frames a second."


def exercise_2(too_close):
    """A function (frames, gap_frames) -> whether any two frames are closer than the gap."""
    for frames, gap, expected in (
        ([10, 2, 6], 4, False),
        ([9, 2, 6], 4, True),
        ([5], 3, False),
        ([1, 8, 2, 20], 2, True),
    ):
        answer = too_close(frames, gap)
        if hint := unanswered(answer):
            return hint
        if bool(answer) is not expected:
            return (
                f"For the frames {frames} and a gap of {gap} it should say {expected}. Frames come"
                " in any order, and exactly the gap is far enough."
            )
    return None


def exercise_3(what):
    """What gives pairs away when clothes are alike and rooms differ."""
    if str(what).strip().lower() == "room":
        return None
    return "What is the same in anchor and positive, and different in the negatives?"
