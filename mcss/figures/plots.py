"""What the chapters draw with: images side by side, skeletons in 3D, curves. Colours:
Okabe and Ito's, for colour-blind readers.
"""

import inspect

import plotly.graph_objects as go
from IPython import display

from .averages import smoothed
from .elements.skeletons import skeletons
from .pictures import image_grid

__all__ = ["curves", "image_grid", "skeletons", "smoothed", "source"]

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
RED, PURPLE, GREY = "#D55E00", "#CC79A7", "#666666"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED, GREY)


def source(function):
    """The source of a function, class or method, exactly as the package has it."""
    return display.Markdown(f"```python\n{inspect.getsource(function).rstrip()}\n```")


def curves(x, series, x_title, y_title, alt, dash=()):
    """Lines over x, a plotly figure. series: `{name: values}`; those named in `dash`
    are dashed.
    """
    figure = go.Figure()
    for colour, (name, values) in zip(COLOURS * 2, series.items()):
        figure.add_scatter(
            x=[float(v) for v in x],
            y=[round(float(v), 4) for v in values],
            name=name,
            mode="lines",
            line={
                "color": colour,
                "width": 3,
                "dash": "dash" if name in dash else "solid",
            },
        )
    figure.update_layout(
        height=340,
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
        xaxis_title=x_title,
        yaxis_title=y_title,
        yaxis_rangemode="tozero",
        template="plotly_white",
        meta={"alt": alt},
    )
    return figure
