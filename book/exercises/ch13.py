"""Chapter 13: how fast it is."""

import math

from . import close, unanswered


def exercise_1(times):
    """How much larger a problem of exponent 2 may be on a machine four times as fast."""
    if close(times, 2):
        return None
    if close(times, 16):
        return "The other way round: twice the size is already four times the work."
    if close(times, 4):
        return "So it would be with p = 1. Here twice the size is four times the work."
    return "With size n the work grows as n squared: which n has four times the work?"


def exercise_2(my_exponent):
    """A function (sizes, times) -> the exponent between the last two."""
    for sizes, times, p in (
        ([10, 100, 1000], [1.0, 1.5, 150.0], 2.0),
        ([64, 128, 224], [3.0, 3.5, 3.5 * 1.75**1.5], 1.5),
    ):
        answer = my_exponent(sizes, times)
        if hint := unanswered(answer):
            return hint
        if close(answer, 1 / p):
            return "The other way round: how many times as long, for how many times as large?"
        whole = math.log(times[-1] / times[0]) / math.log(sizes[-1] / sizes[0])
        if close(answer, whole):
            return "That is from the first to the last. Take the last two points only."
        if not close(answer, p):
            return "The logarithm of the ratio of times, over that of the ratio of sizes."
    return None


def exercise_3(gigabytes):
    """GB of a (65,536, 65,536) matrix of float32."""
    right = 65536**2 * 4 / 1e9
    if abs(float(gigabytes) - right) < 0.5:
        return None
    if close(gigabytes, 65536**2 / 1e9):
        return "That is the number of distances, in thousands of millions. Each takes four bytes."
    return "How many distances are there, and how many bytes has one of float32?"
