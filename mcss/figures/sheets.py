"""Pictures in files, for those who work without a notebook."""

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from ..skeleton import BONES, JOINTS
from .plots import BLUE, GREY, ORANGE


def grid(images, columns, labels=None, scale=2, frames=None, points=None):
    """Images side by side, each with its text under it, as one PIL image.

    images: `(n, 3, h, w)` uint8. scale: whole number by which they are enlarged.
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
