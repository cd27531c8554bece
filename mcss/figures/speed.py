"""What `make bench` measured, as tables and pictures: one JSON file a benchmark and
device in `book/speed`.
"""

import json
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from IPython.display import Markdown

from .plots import COLOURS
from .results import LAYOUT, folded


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
    heads = (
        "work",
        "ours; peer, and others",
        "ratio to the peer, round by round",
        "target",
    )
    lines = [heads, ["---"] * len(heads)]
    for row in rows_of(speed):
        if row["target"] is None:
            continue
        work = f"{row['work']}, {row['size']:,} {row['of']}"
        names = ["ours", *list(row["seconds"])[1:]]
        times = [f"{n} {duration(t)}" for n, t in zip(names, row["seconds"].values())]
        if row["value"] is None:
            middle, low, high = (f"{ratio:.3g}" for ratio in row["ratio"])
            unit = "times as fast" if row["faster"] else "times as long"
            value = f"{middle} ({low} to {high}) {unit}"
        else:
            value = f"{row['value']:.3g} {row['unit']}"
        target = f"at {'least' if row['faster'] else 'most'} {row['target']:g}"
        reached = "reached" if row["reached"] else "**not reached**"
        lines.append([work, "; ".join(times), value, f"{target}: {reached}"])
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


#: (up to how many seconds, size of the unit in seconds, unit)
UNITS = (
    (1e-3, 1e-6, "µs"),
    (1, 1e-3, "ms"),
    (100, 1, "s"),
    (6000, 60, "min"),
    (172_800, 3600, "h"),
    (6e7, 86_400, "days"),
    (np.inf, 31_557_600, "years"),
)


def duration(seconds):
    """'12 ms', '3.4 s', '2.1 h', '5 days': seconds in the unit that reads best; '' for
    None.
    """
    if seconds is None:
        return ""
    size, unit = next((size, unit) for limit, size, unit in UNITS if seconds < limit)
    amount = seconds / size
    return f"{amount:.2g} {unit}" if amount < 10 else f"{amount:.0f} {unit}"


def series(speed, work, contender=None):
    """(sizes, seconds) of one work, by growing size; of the named contender, or of the
    first.
    """
    points = []
    for row in rows_of(speed):
        if row["work"] == work and row["seconds"]:
            name = contender or next(iter(row["seconds"]))
            if name in row["seconds"]:
                points.append((row["size"], row["seconds"][name]))
    points.sort(key=lambda point: point[0])
    return [size for size, _ in points], [seconds for _, seconds in points]


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
    """Markdown that is folded: command, commit, hardware, date."""
    b = benchmark
    return folded(
        "How it was measured",
        f"`{b['command']}`; {b['hardware']}, {b['threads']} threads; PyTorch"
        f" {b['versions']['torch']}; commit {b['commit']}; {b['seconds'] / 60:.0f} min;"
        f" finished {b['finished'][:10]}",
    )
