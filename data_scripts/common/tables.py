"""The small tables that people write beside their videos, as CSV from any program."""

import csv

import numpy as np


def rows(path):
    """Yields (line number, fields) of the lines of a CSV file that are not empty; fields end at a
    comma, a semicolon or a tab. Raises `ValueError`, which names the file.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            first = next((line for line in file if line.strip()), "")
            mark = next((mark for mark in ";\t" if mark in first), ",")
            file.seek(0)
            for number, row in enumerate(csv.reader(file, delimiter=mark), 1):
                fields = [value.strip() for value in row]
                if mark == ";":  # as spreadsheets write them where 1,5 is a number
                    fields = [value.replace(",", ".") for value in fields]
                if any(fields):
                    yield number, fields
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read ({error}): write it again as CSV") from None


def is_number(text):
    try:
        return np.isfinite(float(text))
    except ValueError:
        return False


def number(path, line, text):
    """The finite number that `text` is; raises `ValueError`, which names the file and line."""
    if not is_number(text):
        raise ValueError(f"{path}, line {line}: '{text}' is no number")
    return float(text)
