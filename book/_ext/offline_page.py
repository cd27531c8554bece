"""Sphinx extension: pages that ask no other server for anything, and load a picture when it is
shown first.

Notebooks store a Plotly figure as JSON only, which the builder cannot show. Here
that JSON goes into the page, and plotly.min.js, out of the installed plotly package,
is loaded on the pages that have a figure. MathJax comes out of the package
sphinx-mathjax-offline. Elements (mcss.figures.elements) carry their pictures in their data; here
the pictures become files. Widgets need a kernel: the page says where they work. Thebe,
whose script sits on a CDN, is left out. The cell that sets a chapter up is folded.
"""

import base64
import hashlib
import html
import importlib.util
import json
import re
import shutil
from pathlib import Path

import plotly
from docutils import nodes
from myst_nb.core import render

HERE = Path(__file__).parent
PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
NO_WIDGET = (
    '<p class="no-widget"><em>An interactive control stands here. It works where the chapter '
    "runs: in Colab, or on your own machine.</em></p>"
)
ELEMENT = '<div class="mcss-element"'
GRID = '<div class="mcss-grid"'
#: In the data of an element, and in a grid of pictures.
PICTURE = re.compile(r'("src":"| src=")data:image/jpeg;base64,([^"]+)(?=")')
EMPTY_HEAD = re.compile(r'<th class="head([^"]*)"><p></p></th>')
UNWANTED = ("thebe", "widget-state+json")


def figure_html(figure: dict) -> str:
    """A Plotly figure, as notebooks store it, to HTML. `layout.meta.alt` describes it."""
    layout = figure.get("layout", {})
    meta = layout.get("meta")
    alt = meta.get("alt", "") if isinstance(meta, dict) else ""
    label = f' aria-label="{html.escape(alt)}"' if alt else ""
    # A screen reader sees nothing inside an "img", so a figure with controls is a "group".
    role = "group" if layout.get("sliders") or layout.get("updatemenus") else "img"
    config = {k: v for k, v in figure.get("config", {}).items() if k != "plotlyServerURL"}
    text = json.dumps({**figure, "config": config}, separators=(",", ":")).replace("</", "<\\/")
    height = int(layout.get("height") or 450)
    return (
        f'<div class="output plotly-figure" role="{role}"{label} style="min-height:{height}px">'
        f'<script type="application/json">{text}</script></div>'
    )


class OfflineOutputs:
    """A mime renderer of myst-nb."""

    mime_priority_overrides = [("html", PLOTLY, 1)]

    @classmethod
    def handle_mime(cls, renderer, data, inline):
        if data.mime_type == PLOTLY:
            return [nodes.raw(text=figure_html(data.content), format="html")]
        if data.mime_type == WIDGET:
            return [nodes.raw(text=NO_WIDGET, format="html")]
        if data.mime_type == "text/html" and data.string.startswith((ELEMENT, GRID)):
            # Without the class "text_html", which the theme puts on a light ground in dark mode.
            return [nodes.raw(text=data.string, format="html", classes=["output"])]
        alt = data.output_metadata.get(data.mime_type, {}).get("alt")
        if (
            data.mime_type.startswith("image/") and alt and not inline
        ):  # display.Image(..., alt=...)
            image = renderer.render_image(data)
            image[0].setdefault("alt", alt)
            return image
        return None


def use_local_scripts(app, config):
    """Collect the scripts in a folder that is copied to the pages' _static."""
    folder = Path(app.doctreedir) / "scripts"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", folder)
    for file in ("plotly-figures.js", "pictures.js", "page.js", "page.css"):
        shutil.copy(HERE / file, folder)

    mathjax = (
        Path(importlib.util.find_spec("sphinx-mathjax-offline").origin).parent
        / "static"
        / "mathjax"
    )
    unused = shutil.ignore_patterns("*svg*", "*-full*", "*mml-chtml*", "node-main.js", "liteDOM.js")
    shutil.copytree(mathjax, folder / "mathjax", ignore=unused)
    config.mathjax_path = "mathjax/tex-chtml.js"
    config.nb_ipywidgets_js = {}
    config.html_theme_options[
        "navbar_persistent"
    ] = []  # a bar over the page with nothing but the sidebar's search once more
    config.html_static_path.append(str(folder))


def fold_setup(app, docname, source):
    """The imports of a chapter fill a screen and teach nothing: the page shows them on a click."""
    if Path(app.env.doc2path(docname)).suffix == ".ipynb":
        notebook = json.loads(source[0])
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and "google.colab" in "".join(cell["source"]):
                cell["metadata"].setdefault("tags", []).append("hide-input")
                cell["metadata"]["mystnb"] = {
                    "code_prompt_show": "Show the set-up: imports and data",
                    "code_prompt_hide": "Hide the set-up",
                }
        source[0] = json.dumps(notebook)


def finish_page(app, pagename, templatename, context, doctree):
    """Plotly where there is a figure, Thebe nowhere, the pictures of elements beside the page."""
    body = context.get("body", "")
    if "plotly-figure" in body:
        app.add_js_file("plotly.min.js", priority=600, loading_method="defer")
        app.add_js_file("plotly-figures.js", priority=601, loading_method="defer")
    if ELEMENT in body or GRID in body:
        app.add_js_file("pictures.js", loading_method="defer")
        place = lambda found: context["pathto"](write_picture(app.outdir, found[2]), 1)
        body = PICTURE.sub(lambda found: found[1] + place(found), body)
    if body:  # what docutils calls an entry is no child that a list may have
        body = body.replace('role="doc-biblioentry"', 'role="listitem"')
        # an empty head of a table is no header
        context["body"] = EMPTY_HEAD.sub(r'<td class="head\1"></td>', body)
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file
            for file in context.get(kind, [])
            if not any(word in described(file) for word in UNWANTED)
        ]


def without_second_icons(app, exception):
    """The theme draws its icons from a font, and with a script of half a megabyte once more."""
    script = Path(app.outdir) / "_static" / "scripts" / "fontawesome.js"
    if script.exists():
        script.write_text("")


def write_picture(outdir, encoded: str) -> str:
    """Writes a picture under the name of its content; returns its place in the book."""
    content = base64.b64decode(encoded)
    name = f"_images/{hashlib.sha256(content).hexdigest()[:20]}.jpg"
    file = Path(outdir) / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return name


def described(file) -> str:
    attributes = getattr(file, "attributes", {})
    return " ".join(
        [
            str(getattr(file, "filename", file)),
            attributes.get("type", ""),
            attributes.get("body", "")[:100],
        ]
    ).lower()


def setup(app):
    if (
        OfflineOutputs not in render.load_mime_renders()
    ):  # the list that myst-nb fills from entry points
        render.load_mime_renders().append(OfflineOutputs)
    app.setup_extension("site_pages")
    app.connect("config-inited", use_local_scripts)
    app.add_css_file("page.css")
    app.add_js_file("page.js", loading_method="defer")
    app.connect("source-read", fold_setup)
    app.connect("html-page-context", finish_page, priority=900)
    app.connect("build-finished", without_second_icons)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
