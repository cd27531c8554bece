"""Images side by side, each with its text under it."""

import base64
import html
import io

import numpy as np
from PIL import Image, ImageDraw

STYLE = """<style>
.mcss-grid {
  display: grid; gap: 6px; margin: 0.5em 0; font-size: 0.8rem; line-height: 1.25;
  grid-template-columns: repeat(var(--columns), minmax(0, var(--width)));
}
.mcss-grid figure { margin: 0; padding: 0; min-width: 0; }
.mcss-grid img { display: block; width: 100%; margin: 0; box-sizing: border-box; }
.mcss-grid figcaption { margin-top: 2px; text-align: left; overflow-wrap: anywhere; }
@media (max-width: 480px) {
  .mcss-grid { grid-template-columns: repeat(var(--few), minmax(0, var(--width))); }
}
</style>"""
#: How many in a row on a phone: the most of these that divide the row, or the first.
FEW = 4, 3, 5


def image_grid(images, columns, alt, labels=None, scale=2, frames=None, points=None):
    """Images side by side, `columns` in a row; an object that a notebook displays.

    images: `(n, 3, h, w)` uint8. alt: the whole in words. labels: n texts. scale: how
    large they are shown at most. frames: n colours of a frame, or None for none.
    points: `(n, J, 2)` pixels of the images, marked with dots.
    """
    return Grid(images, columns, alt, labels, scale, frames, points)


class Grid:
    """What `image_grid` shows."""

    def __init__(self, images, columns, alt, labels, scale, frames, points):
        self.pixels = images.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        n = len(self.pixels)
        self.columns, self.alt, self.scale = columns, alt, scale
        self.labels, self.frames = labels or [""] * n, frames or [None] * n
        self.points = [None] * n if points is None else np.asarray(points)
        for name in ("labels", "frames", "points"):
            if len(getattr(self, name)) != n:
                raise ValueError(f"{n} images, but {len(getattr(self, name))} {name}")

    def __repr__(self):
        return f"Pictures: {self.alt}"

    def _repr_html_(self):
        few = max((k for k in FEW if self.columns % k == 0), default=FEW[0])
        width = self.pixels.shape[2] * self.scale
        size = f"--columns:{self.columns};--few:{min(few, self.columns)}"
        figures = "".join(map(self._figure, range(len(self.pixels))))
        return (
            f'<div class="mcss-grid" role="group" aria-label="{html.escape(self.alt)}"'
            f' style="{size};--width:{width}px">{STYLE}{figures}</div>'
        )

    def _figure(self, i):
        label, frame = html.escape(self.labels[i]), self.frames[i]
        caption = f"<figcaption>{label}</figcaption>" if label else ""
        border = f' style="border:4px solid {frame}"' if frame else ""
        return (
            f'<figure><img alt="{label or f"picture {i + 1}"}" src="data:image/jpeg;'
            f'base64,{self._jpeg(i)}" loading="lazy"{border}>{caption}</figure>'
        )

    def _jpeg(self, i):
        picture = Image.fromarray(self.pixels[i])
        if self.points[i] is not None:
            large = [side * self.scale for side in picture.size]
            picture = picture.resize(large, Image.Resampling.LANCZOS)
            r = max(2, self.scale)
            for u, v in self.points[i] * self.scale:
                dot = [u - r, v - r, u + r, v + r]
                ImageDraw.Draw(picture).ellipse(dot, fill="#E69F00", outline="black")
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=85, optimize=True)
        return base64.b64encode(file.getvalue()).decode()
