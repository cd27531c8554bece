"""Every exercise of the book: its solution is right, wrong answers get a hint, and the stored page
leaves it unanswered.
"""

import math
import re
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

BOOK = Path(__file__).resolve().parents[1] / "book"
sys.path.insert(0, str(BOOK))
from exercises import check  # noqa: E402

CHECK = re.compile(r'^check\("(\d+[bc]?\.\d+)", (\w+)\)$', re.M)


def exercises():
    """(number, name of the answer, cell, the text after it) of each exercise of each chapter."""
    for path in sorted(BOOK.glob("[0-9]*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        for k, cell in enumerate(cells):
            if cell.cell_type == "code" and (found := CHECK.findall(cell.source)):
                assert len(found) == 1, f"{path.name}: one exercise a cell"
                after = (
                    cells[k + 1].source
                    if k + 1 < len(cells) and cells[k + 1].cell_type == "markdown"
                    else ""
                )
                yield pytest.param(*found[0], cell, after, id=found[0][0])


ALL = list(exercises())


def test_chapters_have_exercises():
    chapters = {param.values[0].split(".")[0] for param in ALL}
    assert chapters == {*map(str, range(1, 12)), "10b", "10c", "13", "14"}
    numbers = [param.values[0] for param in ALL]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("number, name, cell, after", ALL)
def test_the_solution_is_right_and_the_page_leaves_it_open(number, name, cell, after, capsys):
    solution = re.search(
        r"<details><summary>Solution</summary>.*?```python\n(.*?)```.*?</details>", after, re.S
    )
    assert solution, "a folded solution with a python block follows the exercise"
    scope = {"torch": torch, "np": np, "math": math}
    exec(CHECK.sub("", cell.source), scope)
    check(number, scope[name])
    unanswered = capsys.readouterr().out
    assert "put your" in unanswered and "right" not in unanswered
    assert unanswered == "".join(out.text for out in cell.outputs)
    exec(solution.group(1), scope)
    check(number, scope[name])
    assert capsys.readouterr().out == f"Exercise {number}: right.\n"


@pytest.mark.parametrize("number, name, cell, after", ALL)
@pytest.mark.parametrize(
    "wrong",
    [
        -12345.0,
        float("nan"),
        [float("nan")] * 3,
        "nonsense",
        [],
        lambda *a, **k: torch.zeros(1),
        lambda *a, **k: float("nan"),
        lambda *a, **k: [float("nan")] * 4,
        lambda *a: 1 / 0,
    ],
    ids=[
        "number",
        "nan",
        "three nan",
        "text",
        "list",
        "zeros",
        "gives nan",
        "gives four nan",
        "raises",
    ],
)
def test_a_wrong_answer_gets_a_hint(number, name, cell, after, wrong, capsys):
    check(number, wrong)
    said = capsys.readouterr().out
    assert said.startswith(f"Exercise {number}: not yet. ") and len(said) > 40


def test_an_unknown_exercise():
    with pytest.raises(ValueError, match="no exercise 99.1"):
        check("99.1", 3)
