"""Results of `mcss.experiments` as tables and pictures."""

import plotly.graph_objects as go
from IPython.display import Markdown

from .plots import BLUE, COLOURS, ORANGE

LAYOUT = {
    "margin": {"l": 10, "r": 20, "t": 20, "b": 50},
    "template": "plotly_white",
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
}


def number(value, interval=None):
    """'112 ± 9': a mean with half its 95% interval; '-' for None."""
    if value is None:
        return "-"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 1 else 2
    half = f" ± {(interval[1] - interval[0]) / 2:.{digits}f}" if interval else ""
    return f"{value:.{digits}f}{half}"


def table(result, quantities=None, published=None):
    """A Markdown table: one line a row, the means with their 95% intervals over seeds.

    published: a table of `book/published.json`; what it gives for the same trainings
    stands in columns of its own.
    """
    quantities = quantities or [
        name
        for name, value in result["rows"][0]["values"].items()
        if not isinstance(value["mean"], list)
    ]
    cited_rows = published["rows"] if published else []
    paper = {row["training"]: row for row in cited_rows if "training" in row}
    of_paper = [paper.get(row.get("training"), {}) for row in result["rows"]]
    cited = [q for q in quantities if any(q in row for row in of_paper)]
    heads = {q: f"{q} (mm)" if _in_mm(q) else q for q in quantities}
    lines = [
        ["", *heads.values(), *(f"*{heads[q]}, the paper*" for q in cited)],
        ["---"] * (len(quantities) + len(cited) + 1),
    ]
    for row, cited_row in zip(result["rows"], of_paper):
        values = [row["values"][q] for q in quantities]
        ours = [number(value["mean"], value["interval"]) for value in values]
        lines.append([row["label"], *ours, *(number(cited_row.get(q)) for q in cited)])
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _in_mm(quantity):
    return any(word in quantity for word in ("MPJPE", "M@", "pick", "Oracle"))


def as_table(head, rows):
    """A Markdown table: a line of heads and lines of texts."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def origin(result):
    """Markdown that is folded: how to make a result again, on what data, and where,
    when and how long it ran.
    """
    stores = ", ".join(
        f"`{s['name']}` ({s['images']:,} images of {s['image_size']} px, recipe"
        f" {s['recipe_hash']})"
        for s in result["stores"].values()
    )
    records = [record for row in result["rows"] for record in row.get("trained", ())]
    trained = sorted({record["commit"] for record in records})
    # `batch_norm` tests networks that lie ready
    work = "measuring" if result.get("experiment") == "batch_norm" else "training"
    parts = [
        f"`{result['command']}`",
        f"data: {stores}" if stores else "",
        f"schedule *{result['schedule']}*" if stores else "",
        f"seeds {', '.join(map(str, result['seeds']))}" if stores else "",
        f"trained at commit {', '.join(trained)}" if trained else "",
        f"measured at commit {result['commit']}",
        result["hardware"],
        f"{result['seconds'] / 60:.0f} min of {work}" if trained else "",
        f"finished {result['finished'][:10]}",
    ]
    return folded("How it was made", "; ".join(filter(None, parts)))


def folded(title, sentence):
    """Markdown that shows a title, and after a click one sentence."""
    return Markdown(f"<details><summary>{title}</summary>\n\n{sentence}.\n\n</details>")


def dots(result, quantity, alt, published=None):
    """A plotly figure: each row's mean with its 95% interval, its single seeds, and the
    paper's number on its own data where there is one.

    published: a table of `book/published.json`. alt: the figure in words.
    """
    rows = list(reversed(result["rows"]))
    labels = [row["label"] for row in rows]
    values = [row["values"][quantity] for row in rows]
    half = [
        (v["interval"][1] - v["interval"][0]) / 2 if v["interval"] else None
        for v in values
    ]
    figure = go.Figure()
    figure.add_scatter(
        x=[x for v in values for x in v["per_seed"]],
        y=[label for label, v in zip(labels, values) for _ in v["per_seed"]],
        mode="markers",
        marker={"color": BLUE, "size": 8, "symbol": "line-ns-open"},
        name="one seed",
    )
    figure.add_scatter(
        x=[v["mean"] for v in values],
        y=labels,
        mode="markers",
        marker={"color": BLUE, "size": 11},
        name="mean of ours, 95% interval" if any(half) else "ours",
        error_x={"type": "data", "array": half, "color": BLUE, "thickness": 2},
    )
    cited_rows = published["rows"] if published else []
    paper = {row.get("training"): row.get(quantity) for row in cited_rows}
    cited = [row for row in rows if paper.get(row["training"])]
    if cited:
        figure.add_scatter(
            x=[paper[row["training"]] for row in cited],
            y=[row["label"] for row in cited],
            mode="markers",
            name=f"the paper, on {published['data']}",
            marker={
                "color": ORANGE,
                "size": 12,
                "symbol": "diamond-open",
                "line": {"width": 2},
            },
        )
    figure.update_layout(
        **LAYOUT,
        height=120 + 34 * len(rows),
        xaxis_title=f"{quantity} (mm)",
        xaxis_rangemode="tozero",
        meta={"alt": alt},
    )
    figure.update_yaxes(automargin=True)
    return figure


def lines(series, x_title, y_title, alt, dash=(), log=False):
    """A plotly figure: lines with their 95% intervals as bands.

    series: `{name: (x, mean, interval or None)}`, each a list over x; None in a mean is
    a gap. dash: the names whose lines are dashed. log: whether x is logarithmic.
    """
    figure = go.Figure()
    for colour, (name, (x, mean, interval)) in zip(COLOURS * 3, series.items()):
        if interval:
            # up along the upper ends, back along the lower ones
            there = [k for k, band in enumerate(interval) if band]
            back = there[::-1]
            figure.add_scatter(
                x=[x[k] for k in there + back],
                y=[interval[k][1] for k in there] + [interval[k][0] for k in back],
                mode="lines",
                fill="toself",
                fillcolor=colour,
                opacity=0.15,
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                legendgroup=name,
            )
        figure.add_scatter(
            x=list(x),
            y=mean,
            name=name,
            mode="lines+markers",
            legendgroup=name,
            line={
                "color": colour,
                "width": 3,
                "dash": "dash" if name in dash else "solid",
            },
        )
    figure.update_layout(
        **LAYOUT,
        height=380,
        xaxis_title=x_title,
        yaxis_title=y_title,
        yaxis_rangemode="tozero",
        meta={"alt": alt},
    )
    if log:
        figure.update_xaxes(type="log")
    return figure


def verdict_table(verdicts):
    """A Markdown table of `claims.verdicts`."""
    rows = [
        "| claim | the paper | ours (95% interval) | verdict |",
        "| --- | --- | --- | --- |",
    ]
    for v in verdicts.values():
        paper, interval = "only a curve", "one seed"
        if v.paper is not None:
            paper = f"{v.paper:.1f} {v.claim.unit}"
        if v.interval:
            interval = f"{v.interval[0]:.1f} to {v.interval[1]:.1f}"
        rows.append(
            f"| {v.claim.words} ({v.claim.place}) | {paper} | {v.ours:.1f}"
            f" {v.claim.unit} ({interval}) | **{v.verdict}** |"
        )
    return Markdown("\n".join(rows))


def heat_map(distances, names, alt):
    """A plotly figure: a square of distances `(n, n)`, a list of lists, with its
    numbers, dark where near. names: n labels.
    """
    figure = go.Figure(
        go.Heatmap(
            z=distances[::-1],
            x=names,
            y=names[::-1],
            colorscale="Cividis",
            texttemplate="%{z:.2f}",
            colorbar={"title": "distance"},
        )
    )
    figure.update_layout(**LAYOUT, height=460, meta={"alt": alt})
    return figure
