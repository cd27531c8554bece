"""`python -m tests.benchmarks`: measures, prints one table, and keeps it with hardware and commit
in one JSON file.
"""

import argparse
import importlib
import time
from pathlib import Path

import torch

from mcss.engine.machine import cores, default_device
from mcss.experiments.results import provenance, rounded
from mcss.store.files import write_json

MODULES = (
    "operations",
    "step",
    "several",
    "feeding",
    "mining",
    "procrustes",
    "retrieval",
    "neighbours",
    "inference",
    "rendering",
    "conversion",
    "scaling",
)
WHOLE = ("make", "opening")  # only if named: all tests; a fresh environment
FOLDER = Path(__file__).parents[2] / "book" / "speed"


def line(row):
    """One line of the table."""
    contenders = ", ".join(
        f"{name} {seconds * 1000:.3g} ms" for name, seconds in row.seconds.items()
    )
    ratio = (
        f"{row.ratio[0]:.3g} ({row.ratio[1]:.3g} to {row.ratio[2]:.3g})"
        f" {'times faster' if row.faster else 'times as long'}"
        if row.ratio
        else ""
    )
    value = f"{row.value:.3g} {row.unit}" if row.value is not None else ""
    target = (
        ""
        if row.reached is None
        else f"target {row.target:g} {'reached' if row.reached else 'NOT reached'}"
    )
    return f"{row.work}, {row.size:,} {row.of}: " + "; ".join(
        part for part in (ratio, value, target, contenders, row.note) if part
    )


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "modules",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(MODULES)}; all of them if none is given; or {', '.join(WHOLE)}",
    )
    parser.add_argument("--device", default=default_device())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--save",
        type=Path,
        default=FOLDER,
        help="folder of the JSON file; what was measured before and is not measured now stays",
    )
    options = parser.parse_args()
    if set(options.modules) - {*MODULES, *WHOLE}:
        parser.error(
            f"no benchmark {', '.join(sorted(set(options.modules) - {*MODULES, *WHOLE}))}; there"
            f" are {', '.join(MODULES + WHOLE)}"
        )
    device = torch.device(options.device).type
    for name in options.modules or MODULES:
        start, rows = time.perf_counter(), []
        for row in importlib.import_module(f"tests.benchmarks.{name}").rows(device, options.rounds):
            print(line(row), flush=True)
            rows.append(row._asdict() | {"reached": row.reached})
            save(options, name, device, start, rows)


def save(options, name, device, start, rows):
    """Keeps the rows so far: whatever ends the run, they are there."""
    found = {
        "command": f"python -m tests.benchmarks {name} --device {device} --rounds {options.rounds}",
        "seconds": round(time.perf_counter() - start),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        **provenance(device),
        "rows": rounded(rows, 6),
    }
    options.save.mkdir(parents=True, exist_ok=True)
    write_json(options.save / f"{name}.{device}.json", found)


if __name__ == "__main__":
    main()
