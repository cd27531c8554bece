"""Chapter 11: your own data."""

import torch

from . import unanswered


def exercise_1(offset_in_frames):
    """A function from an offset in seconds and pictures a second to whole pictures."""
    for offset, fps in ((1.0, 4.0), (0.9, 2.0), (-0.9, 2.0), (-0.3, 10.0), (0.04, 25), (0.1, 4)):
        answer = offset_in_frames(offset, fps)
        if hint := unanswered(answer):
            return hint
        right = round(offset * fps)
        case = f"For {offset} s at {fps:g} pictures a second it says {answer}."
        if float(answer) == -right != 0:
            return f"{case} Late is positive, early is negative."
        if float(answer) == offset * fps != right:
            return f"{case} A picture cannot be read in parts: give the nearest whole number."
        if float(answer) == int(offset * fps) != right:
            return f"{case} int() cuts towards zero; the nearest whole number is asked for."
        if float(answer) != right:
            return f"{case} How many pictures are taken in that time?"
    return None


def exercise_2(same_instant_hit_rate):
    """A function (embeddings, times, views, k, tolerance) -> share of pictures with a hit among the
    k nearest of other cameras.
    """
    generator = torch.Generator().manual_seed(0)
    pose = torch.randn(40, 8, generator=generator).cumsum(0)
    times, views = torch.arange(40).repeat_interleave(3) * 0.5, torch.arange(3).repeat(40)
    # a person moves slowly and each camera adds something of its own: the nearest is often the own
    # camera's
    of_camera = 2 * torch.randn(3, 8, generator=generator)[views]
    noise = torch.randn(120, 8, generator=generator)
    embeddings = pose.repeat_interleave(3, 0) + of_camera + noise
    for k, tolerance in ((1, 0.0), (1, 0.5), (5, 0.5)):
        answer = same_instant_hit_rate(embeddings, times, views, k, tolerance)
        if hint := unanswered(answer):
            return hint
        if torch.as_tensor(answer).numel() != 1:
            return "One number is asked for: the share of all pictures."
        if _near(answer, _hit_rate(embeddings, times, views, k, tolerance)):
            continue
        return _mistake(answer, embeddings, times, views, k, tolerance)
    return None


def _mistake(answer, embeddings, times, views, k, tolerance):
    """A hint for a hit rate that is wrong in a common way."""
    if _near(answer, 1) and not _near(_hit_rate(embeddings, times, views, k, tolerance), 1):
        return "Everything is a hit: is a picture among its own nearest?"
    if _near(answer, _hit_rate(embeddings, times, views, k, tolerance, other=False)):
        return "You leave out the picture itself, but not the rest of its own camera's pictures."
    if _near(answer, _hit_rate(embeddings, times, views, k, tolerance, strict=True)):
        return "'Within' counts a difference that equals the tolerance: use <=."
    if _near(answer, _hit_rate(embeddings, times, views, 1, tolerance)):
        return f"That is right for one answer; here k is {k}, and any of them may hit."
    if _near(answer, _hit_rate(embeddings, times, views, k, tolerance, every=True)):
        return "You average over all answers. A picture counts once, if any of its k answers hits."
    case = f"For k = {k} and a tolerance of {tolerance} s it says {float(answer):.3f}."
    return (
        f"{case} Leave out the own camera, take the k nearest, and ask whether any was taken in"
        " time."
    )


def _hit_rate(embeddings, times, views, k, tolerance, other=True, strict=False, every=False):
    distance = torch.cdist(embeddings, embeddings)
    excluded = views[:, None] == views if other else torch.eye(len(views), dtype=torch.bool)
    nearest = distance.masked_fill(excluded, torch.inf).topk(k, largest=False).indices
    late = (times[nearest] - times[:, None]).abs()
    hit = late < tolerance if strict else late <= tolerance
    return (hit if every else hit.any(1)).float().mean().item()


def _near(one, two):
    return abs(float(one) - float(two)) < 1e-6


def exercise_3(pictures):
    """How many pictures two clocks are apart after 30 minutes at 20 ms a minute and 5 pictures a
    second.
    """
    if abs(pictures - 0.1) < 1e-6:
        return "That is after one minute."
    if abs(pictures - 0.6) < 1e-6 or abs(pictures - 600) < 1e-6:
        return "That is the time they are apart. How many pictures are taken in it?"
    if abs(pictures - 3) < 1e-6:
        return None
    return "How many seconds are lost in all? And how long is one picture?"


def exercise_4(second):
    """The second of the right video that shows what the left one shows at 10 s; the clap is at 3.2
    s and at 1.7 s.
    """
    if abs(second - 11.5) < 1e-6:
        return (
            "That is the wrong way round: which of the two cameras was started later, and so hears"
            " the clap earlier?"
        )
    if abs(second - 1.5) < 1e-6:
        return (
            "That is how far apart the two are. At which second of the right video does the same"
            " thing happen?"
        )
    if abs(second - 8.5) < 1e-6:
        return None
    return (
        "How long after the clap is the left video's second 10? That is as long after it in the"
        " right one."
    )


def exercise_5(stored):
    """Frames stored of a clip with 3,393 video frames and 1,612 poses, every 64th."""
    if stored in (54, 53):
        return (
            "So many frames has the video. Those after the last pose are left out, as the report"
            " says."
        )
    if stored == 25:
        return "Nearly: the first frame, number 0, is stored as well."
    if stored == 26:
        return None
    return "Which frames have both a picture and a pose? Of those, count numbers 0, 64, 128, ..."
