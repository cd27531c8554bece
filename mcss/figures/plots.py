"""Pictures for the chapters: images side by side, skeletons in 3D, curves. Colours:
Okabe and Ito's, for colour-blind readers.
"""

import inspect
import io

import numpy as np
import plotly.graph_objects as go
import torch
from IPython import display
from PIL import Image, ImageDraw, ImageFont

from ..skeleton import BONES, JOINTS

BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
RED, PURPLE, GREY = "#D55E00", "#CC79A7", "#666666"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED, GREY)


def source(function):
    """The source of a function, class or method, exactly as the package has it."""
    return display.Markdown(f"```python\n{inspect.getsource(function).rstrip()}\n```")


def image_grid(images, columns, alt, labels=None, scale=2, frames=None, points=None):
    """Images side by side as one picture, each with its text under it: a JPEG with
    alternative text.

    images: `(n, 3, h, w)` uint8. alt: the picture in words.
    The rest as in `grid`.
    """
    file = io.BytesIO()
    grid(images, columns, labels, scale, frames, points).save(
        file, "JPEG", quality=85, optimize=True
    )
    return display.Image(file.getvalue(), format="jpeg", alt=alt)


def grid(images, columns, labels=None, scale=2, frames=None, points=None):
    """What `image_grid` shows, as a PIL image.

    labels: n texts. frames: n colours of a frame, or None for none. points: `(n, J, 2)`
    pixels of the images, marked with dots.
    """
    n, _, h, w = images.shape
    h, w, gap = h * scale, w * scale, 4
    # a page shrinks a wide sheet, and its letters with it
    letters = max(11, columns * (w + gap) // 62)
    font = ImageFont.load_default(letters)
    labels = [_wrapped(label, font, w) for label in labels or ()]
    text = (letters + 3) * max((label.count("\n") + 1 for label in labels), default=0)
    rows = -(-n // columns)
    r = max(2, letters // 4)
    size = columns * (w + gap) + gap, rows * (h + text + gap) + gap
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    for i, image in enumerate(images):
        x, y = gap + i % columns * (w + gap), gap + i // columns * (h + text + gap)
        picture = Image.fromarray(image.permute(1, 2, 0).contiguous().cpu().numpy())
        sheet.paste(picture.resize((w, h), Image.LANCZOS), (x, y))
        if points is not None:
            for u, v in np.asarray(points[i]) * scale + (x, y):
                dot = [u - r, v - r, u + r, v + r]
                pen.ellipse(dot, fill=ORANGE, outline="black")
        if frames and frames[i]:
            box = [x - 2, y - 2, x + w + 1, y + h + 1]
            pen.rectangle(box, outline=frames[i], width=4)
        if labels:
            pen.multiline_text(
                (x + 2, y + h + 1), labels[i], fill="black", font=font, spacing=2
            )
    return sheet


def _wrapped(label, font, width):
    """The label, with line breaks where it would be wider than `width` pixels."""
    lines = [""]
    for word in label.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def skeletons(poses, names=None, alt="Skeletons in 3D", spacing=1200.0):
    """Poses side by side in 3D, a plotly figure: the left side is blue, the right side
    orange, the spine grey.

    poses: `(n, 16, 3)` or `(n, 17, 3)` mm, Z up. names: n texts over them. spacing: mm
    from one to the next.
    """
    poses = np.asarray(torch.as_tensor(poses), float)
    if poses.shape[1] == len(JOINTS) - 1:
        poses = np.concatenate([np.zeros_like(poses[:, :1]), poses], 1)
    poses = np.round(poses - poses[:, :1], 1)
    figure = go.Figure()
    for i, pose in enumerate(poses):
        for side, colour in (("left", BLUE), ("right", ORANGE), ("spine", GREY)):
            bones = [b for b in BONES if _side(b) == side]
            line = np.concatenate(
                [np.stack([pose[a], pose[b], np.full(3, np.nan)]) for a, b in bones]
            )
            figure.add_scatter3d(
                x=_gaps(line[:, 0] + i * spacing),
                y=_gaps(line[:, 1]),
                z=_gaps(line[:, 2]),
                mode="lines",
                line={"color": colour, "width": 7},
                name=side,
                legendgroup=side,
                showlegend=i == 0,
                hoverinfo="name",
            )
        if names:
            figure.add_scatter3d(
                x=[i * spacing],
                y=[0],
                z=[1000],
                mode="text",
                text=[names[i]],
                showlegend=False,
                hoverinfo="skip",
            )
    # all axes at one scale, which fits the row of skeletons into the width and one of
    # them into the height
    ranges = {
        "x": (-900, (len(poses) - 1) * spacing + 900),
        "y": (-1000, 1000),
        "z": (-1150, 1150),
    }
    size = {axis: high - low for axis, (low, high) in ranges.items()}
    longest = max(size["z"], size["x"] / 1.6)
    figure.update_layout(
        height=380,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        meta={"alt": alt},
        legend={"orientation": "h", "x": 0, "y": 0},
        scene={
            "aspectmode": "manual",
            "aspectratio": {
                axis: 2 * length / longest for axis, length in size.items()
            },
            "camera": {
                "eye": {"x": 0.25, "y": -2.3, "z": 0.4},
                "projection": {"type": "orthographic"},
            },
            **{
                f"{axis}axis": {"visible": False, "range": list(limits)}
                for axis, limits in ranges.items()
            },
        },
    )
    return figure


def stick_figure(pose, size, turn=0.0):
    """A pose as a picture, `(3, size, size)` uint8: the left side is blue, the right
    side orange.

    pose: `(16, 3)` or `(17, 3)` mm, Z up. turn: degrees from where one looks along +y
    (a canonical pose from the front) towards the pose's left side.
    """
    pose = np.asarray(torch.as_tensor(pose), float)
    if len(pose) == len(JOINTS) - 1:
        pose = np.concatenate([np.zeros((1, 3)), pose])
    pose = pose - pose[0]
    across = pose[:, :2] @ [np.cos(np.radians(turn)), np.sin(np.radians(turn))]
    # one scale for all, but for somebody who would reach beyond the picture
    scale = size / max(2300, 2.1 * abs(pose).max())
    places = size / 2 + scale * np.stack([across, -pose[:, 2]], -1)
    large = Image.new("RGB", (4 * size, 4 * size), "white")  # smooth lines when shrunk
    pen = ImageDraw.Draw(large)
    colours = {"left": BLUE, "right": ORANGE, "spine": GREY}
    for bone in BONES:
        line = [tuple(4 * places[joint]) for joint in bone]
        pen.line(line, colours[_side(bone)], max(4, size // 12))
    small = large.resize((size, size), Image.LANCZOS)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)


def _side(bone):
    sides = [side for side in ("left", "right") if side in JOINTS[bone[1]]]
    return sides[0] if sides else "spine"


def _gaps(values):
    return [None if np.isnan(v) else round(float(v), 1) for v in values]


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


def smoothed(values, window=15):
    """A running mean `(n,)` of n values: each with up to `window` - 1 before it."""
    total = np.cumsum(np.insert(np.asarray(values, float), 0, 0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    return (total[ends] - total[starts]) / (ends - starts)
