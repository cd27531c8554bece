"""Results as pictures and tables, for the results page."""

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
        for name, v in result["rows"][0]["values"].items()
        if not isinstance(v["mean"], list)
    ]
    paper = (
        {row["training"]: row for row in published["rows"] if "training" in row}
        if published
        else {}
    )
    cited = [
        q
        for q in quantities
        if any(q in paper.get(row.get("training"), ()) for row in result["rows"])
    ]
    heads = {
        q: f"{q} (mm)" if any(word in q for word in ("MPJPE", "M@", "pick")) else q
        for q in quantities
    }
    lines = [
        ["", *heads.values(), *(f"*{heads[q]}, the paper*" for q in cited)],
        ["---"] * (len(quantities) + len(cited) + 1),
    ]
    for row in result["rows"]:
        ours = (
            number(row["values"][q]["mean"], row["values"][q]["interval"])
            for q in quantities
        )
        lines.append(
            [
                row["label"],
                *ours,
                *(number(paper.get(row.get("training"), {}).get(q)) for q in cited),
            ]
        )
    return Markdown("\n".join(f"| {' | '.join(line)} |" for line in lines))


def origin(result):
    """One paragraph of Markdown: how to make a result again, on what data, and where,
    when and how long it ran.
    """
    stores = ", ".join(
        f"`{s['name']}` ({s['images']:,} images of {s['image_size']} px, recipe"
        f" {s['recipe_hash']})"
        for s in result["stores"].values()
    )
    trained = sorted(
        {
            record["commit"]
            for row in result["rows"]
            for record in row.get("trained", ())
        }
    )
    parts = [
        f"`{result['command']}`",
        f"data: {stores}" if stores else "",
        f"schedule *{result['schedule']}*" if stores else "",
        f"seeds {', '.join(map(str, result['seeds']))}" if stores else "",
        f"trained at commit {', '.join(trained)}" if trained else "",
        f"measured at commit {result['commit']}",
        result["hardware"],
        f"{result['seconds'] / 60:.0f} min of training" if trained else "",
        f"finished {result['finished'][:10]}",
    ]
    return Markdown(
        "*How it was made:* " + "; ".join(part for part in parts if part) + "."
    )


def dots(result, quantity, alt, published=None):
    """Each row's mean with its 95% interval, its single seeds, and the paper's number
    on its own data where there is one.
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
    paper = (
        {row.get("training"): row.get(quantity) for row in published["rows"]}
        if published
        else {}
    )
    shown = [
        (paper[row["training"]], row["label"])
        for row in rows
        if paper.get(row["training"])
    ]
    if shown:
        figure.add_scatter(
            x=[x for x, _ in shown],
            y=[y for _, y in shown],
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
    """Lines with their 95% intervals as bands. series: `{name: (x, mean, interval or
    None)}`; None in a mean is a gap.
    """
    figure = go.Figure()
    for colour, (name, (x, mean, interval)) in zip(COLOURS * 3, series.items()):
        if interval:
            known = [k for k, band in enumerate(interval) if band]
            figure.add_scatter(
                x=[x[k] for k in known] + [x[k] for k in reversed(known)],
                y=[interval[k][1] for k in known]
                + [interval[k][0] for k in reversed(known)],
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
    lines_ = [
        "| claim | the paper | ours (95% interval) | verdict |",
        "| --- | --- | --- | --- |",
    ]
    for v in verdicts.values():
        interval = (
            f" ({v.interval[0]:.1f} to {v.interval[1]:.1f})"
            if v.interval
            else " (one seed)"
        )
        paper = (
            f"{v.paper:.1f} {v.claim.unit}" if v.paper is not None else "only a curve"
        )
        lines_.append(
            f"| {v.claim.words} ({v.claim.place}) | {paper} | {v.ours:.1f}"
            f" {v.claim.unit}{interval} | **{v.verdict}** |"
        )
    return Markdown("\n".join(lines_))


def heat_map(distances, names, alt):
    """A square of distances with its numbers, dark where near."""
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


def map_of_points(x, y, colour_of, alt):
    """Points coloured by a label each."""
    figure = go.Figure()
    for k, label in enumerate(dict.fromkeys(colour_of)):
        chosen = [i for i, name in enumerate(colour_of) if name == label]
        figure.add_scatter(
            x=[x[i] for i in chosen],
            y=[y[i] for i in chosen],
            mode="markers",
            name=str(label),
            marker={
                "color": COLOURS[k % len(COLOURS)],
                "size": 6,
                "symbol": ("circle", "square", "diamond")[k // len(COLOURS) % 3],
                "opacity": 0.8,
            },
        )
    figure.update_layout(**LAYOUT, height=460, meta={"alt": alt})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure
