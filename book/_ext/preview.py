"""Draws `preview.jpg`, the picture that messengers show beside a link to the book: `python
book/_ext/preview.py`. One instant of the shipped store from four cameras, and the pose they share.
"""

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mcss.data import open_store
from mcss.skeleton import BONES, JOINTS

HERE = Path(__file__).parent
SUBJECT, FRAME, TURN = "S9", 80, math.radians(20)
COLOURS = {"left": "#0072B2", "right": "#E69F00"}
TITLE = "Multiview-consistent\n3D human pose"


def draw():
    store = open_store(HERE.parent / "data/show")
    sheet = Image.new("RGB", (1200, 630), "white")
    pen = ImageDraw.Draw(sheet)
    images = store.images(SUBJECT, [FRAME] * 4, [0, 1, 2, 3]).permute(0, 2, 3, 1).numpy()
    for k, image in enumerate(images):
        picture = Image.fromarray(image).resize((311, 311), Image.Resampling.LANCZOS)
        sheet.paste(picture, (k % 2 * 315 + 2, k // 2 * 315 + 2))
    pose = store.poses(SUBJECT)[FRAME].numpy()
    x, y, z = (pose - pose[0]).T
    seen = np.stack([x * math.cos(TURN) + y * math.sin(TURN), -z], 1)
    place = seen * 430 / np.ptp(seen[:, 1])
    place += (915, 590 - place[:, 1].max())
    for a, b in BONES:
        side = JOINTS[b].split()[0]
        pen.line([*place[a], *place[b]], fill=COLOURS.get(side, "#666666"), width=12)
    pen.multiline_text(
        (915, 20), TITLE, "black", ImageFont.load_default(44), anchor="ma", align="center"
    )
    sheet.save(HERE / "preview.jpg", quality=88)


if __name__ == "__main__":
    draw()
