"""Checkers for the chapters' exercises: `check("2.1", your_answer)` says whether an answer is
right, and if not, a hint.

Exercise 2.1 is `exercise_1` of `ch02.py`: a function from an answer to a hint, or to None for a
right one. Answers are numbers, texts, lists, or functions that the reader wrote.
"""

import math
from importlib import import_module


def check(number, answer):
    """Prints what there is to say about an answer; `...` means that there is none yet."""
    chapter, place = number.split(".")
    try:
        checker = getattr(import_module(f"{__name__}.ch{chapter:0>2}"), f"exercise_{place}")
    except (ModuleNotFoundError, AttributeError):
        raise ValueError(f"there is no exercise {number}") from None
    if answer is ...:
        print(f"Exercise {number}: put your answer in place of the dots, and run the cell again.")
        return
    try:
        hint = checker(answer)
    except Exception as error:  # of the reader's own function, or an answer of an unexpected kind
        hint = f"Your answer led to {type(error).__name__}: {error}"
    print(f"Exercise {number}: right." if hint is None else f"Exercise {number}: not yet. {hint}")


def unanswered(result):
    """The hint for a function that returns nothing yet, else None."""
    if result is None or result is ...:
        return "Your function returns nothing yet: put your code in place of the dots."
    return None


def close(answer, value):
    """Equal to a tenth of a thousandth."""
    return math.isclose(float(answer), float(value), rel_tol=1e-4)
