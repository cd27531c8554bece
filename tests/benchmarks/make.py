"""`make test` and `make book`, whole, in this checkout: what they install and render is there
already, or is not counted.
"""

import subprocess
from pathlib import Path

from mcss.engine.machine import cores

from .timing import Row, timer

ROOT = Path(__file__).parents[2]


def rows(device, rounds):
    subprocess.run(["make", "sample"], cwd=ROOT, check=True)
    for goal in ("test", "book"):
        start = timer()
        subprocess.run(["make", goal], cwd=ROOT, check=True)
        seconds = timer() - start
        yield Row(
            f"make {goal}",
            cores(),
            "cores",
            {"ours": seconds},
            False,
            target=10,
            value=seconds / 60,
            unit="minutes",
        )
