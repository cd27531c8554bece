"""What `make bench` measured, as tables and pictures: one JSON file a benchmark and
device in `book/speed`.
"""

import json
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from IPython.display import Markdown

from .plots import COLOURS
from .results import LAYOUT


def read_speed(folder, device="cpu"):
    """All measurements of one device, `{benchmark: dict}` with `rows`, `command`,
    `commit`, `hardware`; empty if it was never measured.
    """
    paths = sorted(Path(folder).glob(f"*.{device}.json"))
    return {
        path.name.split(".")[0]: json.loads(path.read_text(encoding="utf-8"))
        for path in paths
    }


def rows_of(speed):
    """All rows of `read_speed`, in one list."""
    return [row for benchmark in speed.values() for row in benchmark["rows"]]


def target_table(speed):
    """A Markdown table of the rows that have a target: what we take, what the others
    take, the ratio to the first of them and whether it is enough.
    """
    lines = [
        (
            "| work | ours; peer, and others | ratio to the peer, round by round |"
            " target |"
        ),
        "| --- | --- | --- | --- |",
    ]
    for row in rows_of(speed):
        if row["target"] is None:
            continue
        names = ["ours", *list(row["seconds"])[1:]]
        if row["value"] is None:
            ratio = (
                f"{row['ratio'][0]:.3g} ({row['ratio'][1]:.3g} to"
                f" {row['ratio'][2]:.3g}) times"
                f" {'as fast' if row['faster'] else 'as long'}"
            )
        else:
            ratio = f"{row['value']:.3g} {row['unit']}"
        lines.append(
            "| "
            + " | ".join(
                [
                    f"{row['work']}, {row['size']:,} {row['of']}",
                    "; ".join(
                        f"{name} {duration(time)}"
                        for name, time in zip(names, row["seconds"].values())
                    ),
                    ratio,
                    (
                        f"at {'least' if row['faster'] else 'most'} {row['target']:g}:"
                        f" {'reached' if row['reached'] else '**not reached**'}"
                    ),
                ]
            )
            + " |"
        )
    return Markdown("\n".join(lines))


def duration(seconds):
    """'12 ms', '3.4 s', '2.1 h', '5 days': seconds in the unit that reads best; '' for
    None.
    """
    if seconds is None:
        return ""
    for limit, size, unit in (
        (1e-3, 1e-6, "µs"),
        (1, 1e-3, "ms"),
        (100, 1, "s"),
        (6000, 60, "min"),
        (172_800, 3600, "h"),
        (6e7, 86_400, "days"),
        (np.inf, 31_557_600, "years"),
    ):
        if seconds < limit:
            return (
                f"{seconds / size:.2g} {unit}"
                if seconds / size < 10
                else f"{seconds / size:.0f} {unit}"
            )


def series(speed, work, contender=None):
    """(sizes, seconds) of one work, by growing size; of the named contender, or of the
    first.
    """
    rows = sorted(
        (row for row in rows_of(speed) if row["work"] == work and row["seconds"]),
        key=lambda row: row["size"],
    )
    rows = [row for row in rows if contender is None or contender in row["seconds"]]
    return [row["size"] for row in rows], [
        row["seconds"][contender or next(iter(row["seconds"]))] for row in rows
    ]


def exponent(sizes, seconds):
    """How time grows at the large end: p of time ~ size^p, by least squares in
    logarithms over the largest half of the sizes, at least two.
    """
    last = max(2, -(-len(sizes) // 2))
    return float(np.polyfit(np.log(sizes[-last:]), np.log(seconds[-last:]), 1)[0])


def growth(speed, works, x_title, alt):
    """Time over size, both logarithmic, of several works: `{name shown: (work,
    contender or None)}`.
    """
    figure = go.Figure()
    for colour, (name, (work, contender)) in zip(COLOURS, works.items()):
        sizes, seconds = series(speed, work, contender)
        figure.add_scatter(
            x=sizes,
            y=seconds,
            name=f"{name}: {exponent(sizes, seconds):.1f}",
            mode="lines+markers",
            line={"color": colour, "width": 3},
        )
    figure.update_layout(
        **LAYOUT,
        height=360,
        xaxis_title=x_title,
        yaxis_title="seconds",
        meta={"alt": alt},
    )
    figure.update_xaxes(type="log")
    figure.update_yaxes(type="log", exponentformat="power")
    return figure


def measured_with(benchmark):
    """One paragraph of Markdown: command, commit, hardware, date."""
    b = benchmark
    return Markdown(
        f"*How it was measured:* `{b['command']}`; {b['hardware']}, {b['threads']}"
        f" threads; PyTorch {b['versions']['torch']}; commit {b['commit']};"
        f" {b['seconds'] / 60:.0f} min; finished {b['finished'][:10]}."
    )
