"""How pytest runs the chapters: `pytest --nbval book/ tests/`.

nbval compares every stored output with the new one, and two kinds of output need more than a
comparison of strings. Plotly figures are compared as figures: numbers within a tolerance, arrays
decoded, the theme left out, because plotly 5 and 7 write the same figure differently. Interactive
elements are compared likewise: their scripts as texts, their data within a tolerance, without their
pictures; of grids of pictures how many there are and what they say, but for numbers. Pictures,
standard error (progress bars) and widgets are not compared.
"""

import base64
import contextlib
import json
import os
import re
from numbers import Real
from pathlib import Path

import numpy as np
import pytest

NOT_COMPARED = (
    "image/png",
    "image/jpeg",
    "image/svg+xml",
    "stderr",
    "application/vnd.jupyter.widget-view+json",
)
LEFT_OUT = {
    "template",
    "config",
    "uid",
    "src",
}  # of a figure: theme, toolbar, random identifiers; of an element: pictures
RELATIVE, ABSOLUTE = 1e-3, 1e-3
LONGEST = (
    "06_joint_training.ipynb",
    "test_pages.py",
    "test_queue.py",
    "test_training.py",
    "test_checkpoints.py",
)  # begin with these, so that no worker waits for them at the end

# Workers share the cores: on two busy ones, trainings of two threads took many times as long as
# those of one, because every operation waits for a thread that has no core. Here, not in a hook:
# tests/conftest.py imports PyTorch before any.
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0)):
    os.environ.setdefault(
        "OMP_NUM_THREADS", str(max(1, os.cpu_count() // workers))
    )  # the kernels and scripts inherit it


def pytest_configure(config):
    """plotly 5 would write each figure a second time, as HTML; all versions write it as JSON."""
    os.environ.setdefault("PLOTLY_RENDERER", "plotly_mimetype")  # the kernels inherit it


# What a reader of the first chapters need not have installed.
BLOCKED = {"MCSS_BLOCKED": "anny,warp", "PYTHONPATH": str(Path(__file__).parent / "tests/blocked")}
FIRST_TO_RENDER = "11"  # the chapter on data of one's own


def pytest_itemcollected(item):
    if hasattr(item.parent, "skip_compare"):  # a cell of a notebook
        if item.path.name < FIRST_TO_RENDER and not hasattr(item.parent, "blocks"):
            item.parent.blocks, item.parent.setup = True, without_studio(item.parent.setup)
        compared = item.parent.skip_compare
        item.parent.skip_compare = compared + tuple(
            name for name in NOT_COMPARED if name not in compared
        )
        sanitize = item.sanitize
        item.sanitize = lambda value: comparable(value) or sanitize(value)


def without_studio(start):
    """`start()`, with an environment in which its kernel can import neither anny nor warp."""

    def started():
        before = {name: os.environ.get(name) for name in BLOCKED}
        os.environ.update(BLOCKED)
        try:
            start()
        finally:
            for name, value in before.items():
                with contextlib.suppress(KeyError):
                    os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value

    return started


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The longest, the other chapters, the other tests."""
    items.sort(key=lambda item: (item.path.name not in LONGEST, item.path.suffix != ".ipynb"))


def comparable(value):
    """A Plotly figure, an element or a grid as a `Figure`; None for anything else."""
    if isinstance(value, dict) and "data" in value and "layout" in value:
        return Figure(value)
    if isinstance(value, str) and value.startswith('<div class="mcss-element"'):
        before, data, after = re.split(
            r'(?<=<script type="application/json">)(.*?)(?=</script>)', value, maxsplit=1
        )
        return Figure(data=json.loads(data), layout=[before, after])
    if isinstance(value, str) and value.startswith('<div class="mcss-grid"'):
        return Figure(data=[], layout=re.sub(r' src="[^"]*"|\d+(\.\d+)?', "", value))
    return None


class Figure(dict):
    """A Plotly figure or an element, equal to another when both show the same."""

    def __eq__(self, other):
        return same(dict(self), dict(other))

    def __ne__(self, other):
        return not self == other


def same(one, two) -> bool:
    one, two = decoded(one), decoded(two)
    if isinstance(one, dict) and isinstance(two, dict):
        one, two = (
            {key: value for key, value in side.items() if key not in LEFT_OUT}
            for side in (one, two)
        )
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, Real) and isinstance(two, Real):
        return bool(np.isclose(one, two, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))
    return one == two


def decoded(value):
    """Plotly 6 and later write an array as base64 with dtype and shape; as nested lists here."""
    if isinstance(value, dict) and {"bdata", "dtype"} <= value.keys():
        array = np.frombuffer(base64.b64decode(value["bdata"]), dtype=np.dtype(value["dtype"]))
        shape = value.get("shape")
        if shape:
            array = array.reshape(
                [int(n) for n in str(shape).split(",")] if isinstance(shape, str) else shape
            )
        return array.tolist()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
