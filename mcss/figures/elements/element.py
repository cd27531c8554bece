"""An interactive figure as one piece of HTML: its data, the scripts that show it, and a
text for readers who cannot see it.
"""

import base64
import html
import io
import json
import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image

HERE = Path(__file__).parent
#: What an element carries along only where its script calls this.
PARTS = {"bodies": "skeleton", "charts": "chart|scatter|matrix"}


class Element:
    """Data and the script that shows them; a notebook displays it.

    script: the name of a `.js` file beside this one, without the ending. It gets
    `root`, `data`, all of `engine.js`, and of `PARTS` what it calls. alt: what is to be
    seen and done, in words.
    data: anything that JSON knows; tensors and arrays become lists.
    """

    def __init__(self, script, alt, data):
        self.script, self.alt, self.data = script, alt, _plain(data)

    def __repr__(self):
        return f"Element: {self.alt}"

    def _repr_html_(self):
        own = _text(f"{self.script}.js")
        parts = [
            _text(f"{part}.js")
            for part, function in PARTS.items()
            if re.search(rf"\b({function})\(", own)
        ]
        data = json.dumps(self.data, separators=(",", ":")).replace("</", "<\\/")
        return HTML.format(
            script=self.script,
            alt=html.escape(self.alt),
            style=_text("element.css"),
            data=data,
            code="\n".join([_text("engine.js"), *parts, own]),
        )


#: Where a front end does not tell a script in which figure it stands, that is the first
#: that is not awake yet. The last lines keep JupyterLab from taking the arrow keys.
HTML = """<div class="mcss-element" data-element="{script}" role="group" \
aria-label="{alt}">\
<p class="mcss-wait"><em>Run this cell to make the figure below work: {alt}</em></p>\
<style>{style}</style><script type="application/json">{data}</script>\
<script>(function () {{
const here = document.currentScript && document.currentScript.closest('.mcss-element');
const root = here || document.querySelector('.mcss-element:not([data-awake])');
root.dataset.awake = "";
const data = JSON.parse(root.querySelector("script").textContent);
{code}\
for (const control of root.querySelectorAll("input, select, button, [tabindex]"))
  control.dataset.lmSuppressShortcuts = "true";
}})();</script></div>"""


def _text(name):
    return (HERE / name).read_text(encoding="utf-8")


def sheet(images, columns=8, quality=75):
    """Many pictures as one JPEG. images: `(n, 3, h, w)` uint8. Returns `{src, columns,
    rows}`; picture i is the i-th in reading order.
    """
    n, _, h, w = images.shape
    rows = -(-n // columns)
    pixels = np.zeros((rows * h, columns * w, 3), np.uint8)
    for i, image in enumerate(images.permute(0, 2, 3, 1).cpu().numpy()):
        y, x = i // columns * h, i % columns * w
        pixels[y : y + h, x : x + w] = image
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, optimize=True)
    return {
        "src": "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode(),
        "columns": columns,
        "rows": rows,
    }


def joints(poses):
    """Poses `(..., 16, 3)` in mm as nested lists `(..., 17, 3)` of whole millimetres,
    the root at the origin.
    """
    poses = torch.as_tensor(poses, dtype=torch.float32)
    root = torch.zeros_like(poses[..., :1, :])
    return torch.cat([root, poses], -2).round().int().tolist()


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (torch.Tensor, np.ndarray, np.generic)):
        return _plain(value.tolist())
    return round(value, 4) if isinstance(value, float) else value
