"""Chapter 14: how far it goes."""

from . import close, unanswered


def exercise_1(steps):
    """Full steps of an epoch: 30 hours at 5 instants a second, 66 pairs a step."""
    instants = 30 * 3600 * 5
    if close(steps, instants // 66):
        return None
    if close(steps, instants / 66):
        return "The last pairs do not fill a step: full steps are asked for."
    if close(steps, 4 * instants // 66) or close(steps, 2 * instants // 66):
        return "An instant is one pair, however many cameras see it."
    if close(steps, 5 * instants // 66):
        return "Only every fifth frame is taken."
    return "How many instants are there? Each is one of the 66 pairs of a step."


def exercise_2(my_days):
    """A function (instants, pairs, epochs, seconds of a step) -> days."""
    for instants, pairs, epochs, seconds in (
        (390_000, 66, 40, 5.3),
        (1000, 24, 3, 0.5),
    ):
        answer = my_days(instants, pairs, epochs, seconds)
        if hint := unanswered(answer):
            return hint
        right = instants // pairs * epochs * seconds / 86400
        if close(answer, right):
            continue
        if close(answer, instants / pairs * epochs * seconds / 86400):
            return "Nearly: an epoch has full steps only, so divide with //."
        return "Steps of an epoch, times epochs, times seconds, over the seconds of a day."
    return None


def exercise_3(times):
    """How many times as long a step takes on two machines."""
    if close(times, 375 / 30):
        return None
    if close(times, 390 / 30):
        return "Each machine computes only half of the batch."
    return "Half of the 30 ms, then 360 ms for the gradients; compared with 30 ms."
