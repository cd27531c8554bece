"""From nothing to the first picture of a chapter, as Colab's first cell does it: clone, install
without dependencies, open data and network, show.

The environment is fresh but for what Colab ships: the Python named in MCSS_FRESH_PYTHON, which has
those packages and not this one. The clone comes from this checkout's folder, so a network's time
is not in it; its size is told.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from .timing import Row, timer

ROOT = Path(__file__).parents[2]
SHOW = """
import sys
sys.path.insert(0, ".")
import nbformat
cells = [c for c in nbformat.read("00_start.ipynb", 4).cells if c.cell_type == "code"][:2]
space = {}
for cell in cells:
    lines = [line for line in cell.source.splitlines() if not line.lstrip().startswith(("!", "%"))]
    code = "\\n".join(lines).replace('if "google.colab" in sys.modules:', "if False: pass")
    exec(code, space)
import mcss
print(mcss.__file__)
"""


def rows(device, rounds):
    python = os.environ.get("MCSS_FRESH_PYTHON")
    if not python:
        raise SystemExit(
            "set MCSS_FRESH_PYTHON to a Python with Colab's packages and without this one"
        )
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "mcss"
        steps = {
            "clone": (["git", "clone", "-q", "--depth", "1", ROOT.as_uri(), clone], None),
            "install": ([python, "-m", "pip", "install", "-q", "--no-deps", clone], None),
            "first picture": ([python, "-c", SHOW], clone / "book"),
        }
        seconds = {}
        for name, (command, where) in steps.items():
            start = timer()
            done = subprocess.run(
                [str(word) for word in command], cwd=where, check=True, capture_output=True
            )
            seconds[name] = timer() - start
        assert str(clone).encode() not in done.stdout, "the clone was shown, not what is installed"
        subprocess.run([python, "-m", "pip", "uninstall", "-q", "-y", "mcss"], check=True)
        packed = sum(path.stat().st_size for path in (clone / ".git").rglob("*"))
    note = f"{packed / 1e6:.0f} MB to fetch"
    for name, value in seconds.items():
        yield Row("opening a chapter", 1, name, {"ours": value}, False, note=note)
    yield Row(
        "opening a chapter",
        1,
        "install and first picture",
        {"ours": seconds["install"] + seconds["first picture"]},
        False,
        target=20,
        value=seconds["install"] + seconds["first picture"],
        unit="seconds after the clone",
        note=note,
    )
