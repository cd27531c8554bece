"""The book's configuration, and a small book built with it."""

import base64
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from mcss.experiments.cards import REPOSITORY
from mcss.figures.elements import Element, sheet

ROOT = Path(__file__).resolve().parents[1]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
PLOTLY = "application/vnd.plotly.v1+json"

# The same curve as plotly 5 and as plotly 6 and later store it.
AS_LISTS = {
    "data": [{"type": "scatter", "x": [0.0, 1.0], "y": [0.5, 2.5]}],
    "layout": {"meta": {"alt": 'A </script> "curve"'}, "template": {"layout": {}}},
    "config": {"plotlyServerURL": "https://plot.ly"},
}
AS_BYTES = {
    "data": [
        {
            "type": "scatter",
            "x": {"dtype": "f8", "bdata": "AAAAAAAAAAAAAAAAAADwPw=="},
            "y": {"dtype": "f8", "bdata": "AAAAAAAA4D8AAAAAAAAEQA=="},
        }
    ],
    "layout": {"meta": {"alt": 'A </script> "curve"'}, "height": 300, "sliders": [{"steps": []}]},
}


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_chapters_are_executed_and_only_the_table_of_contents_is_built():
    assert CONFIG["execute"]["execute_notebooks"] == "force"
    assert not CONFIG["execute"].get("allow_errors")
    assert CONFIG["only_build_toc_files"] is True
    assert "suppress_warnings" not in CONFIG["sphinx"]["config"]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "book").glob("*.ipynb")), ids=lambda path: path.stem
)
def test_a_chapter_opens_in_colab_from_the_configured_repository(path):
    """The badge opens this very chapter; the first cell brings the package, the results and the
    checkpoints.
    """
    cells, (url, branch) = (
        nbformat.read(path, as_version=4).cells,
        (CONFIG["repository"][key] for key in ("url", "branch")),
    )
    badge = re.findall(r"\[!\[Open in Colab\]\(colab\.svg\)\]\((\S+?)\)", cells[0].source)
    colab = url.replace("github.com", "colab.research.google.com/github")
    assert badge == [f"{colab}/blob/{branch}/book/{path.name}"]
    first = next(cell.source for cell in cells if cell.cell_type == "code")
    assert '"google.colab" in sys.modules' in first
    assert (
        re.findall(r"git clone -q --depth 1 (\S+) ", first) == [url]
        and "%pip install -q --no-deps /content/mcss" in first
    )


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CITATION.cff",
        *(f"book/{path.name}" for path in sorted((ROOT / "book").glob("*.ipynb"))),
    ],
)
def test_no_other_repository_address(name):
    addresses = re.findall(r"https://github\.com/[\w.-]+/mcss\b", (ROOT / name).read_text())
    assert set(addresses) <= {CONFIG["repository"]["url"]}


def test_a_fork_changes_the_address_everywhere(tmp_path):
    address = load(ROOT / "book" / "_ext" / "address.py")
    for file in {file for place in address.PLACES for file in ROOT.glob(place)}:
        copy = tmp_path / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    old = CONFIG["repository"]["url"].removeprefix("https://github.com/")
    assert len(address.move("https://github.com/ada/fork", tmp_path)) >= 15
    assert not [
        file for file in tmp_path.rglob("*.*") if file.is_file() and old in file.read_text()
    ]


def test_checkpoints_are_fetched_from_the_configured_repository():
    repository, branch = CONFIG["repository"]["url"], CONFIG["repository"]["branch"]
    raw = repository.replace("github.com", "raw.githubusercontent.com")
    assert REPOSITORY == f"{raw}/{branch}/book/checkpoints"


@pytest.mark.parametrize("figure", [AS_LISTS, AS_BYTES], ids=["plotly 5", "plotly 6 and later"])
def test_figure_in_the_page(figure):
    page = load(ROOT / "book" / "_ext" / "offline_page.py").figure_html(figure)
    opening, text = re.fullmatch(
        r"<div ([^>]*)><script type=\"application/json\">(.*)</script></div>", page
    ).groups()
    assert 'aria-label="A &lt;/script&gt; &quot;curve&quot;"' in opening
    assert ('role="group"' if "sliders" in figure["layout"] else 'role="img"') in opening
    assert "</" not in text and "plot.ly" not in text
    assert json.loads(text)["data"] == figure["data"]


def test_figures_are_compared_with_a_tolerance_and_across_versions():
    conftest = load(ROOT / "conftest.py")
    assert conftest.Figure({"data": AS_LISTS["data"], "layout": {}}) == {
        "data": AS_BYTES["data"],
        "layout": {},
    }
    assert conftest.Figure({"data": [1.00001], "layout": {"template": 1}}) == {
        "data": [1.0],
        "layout": {},
    }
    for data in ([1.1], [1.0, 1.0], ["1"], [None]):
        assert conftest.Figure({"data": [1.0], "layout": {}}) != {"data": data, "layout": {}}


def test_a_page_asks_no_other_server(tmp_path):
    """A small book, built strictly, with everything that a chapter may show."""
    config = {**CONFIG, "execute": {"execute_notebooks": "off", "stderr_output": "remove"}}
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(config))
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nchapters:\n  - file: book/chapter\n"
    )
    shutil.copytree(
        ROOT / "book" / "_ext",
        tmp_path / "book" / "_ext",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(ROOT / "book" / "references.bib", tmp_path / "book")
    (tmp_path / "book" / "intro.md").write_text(
        "# A book\n\n{cite:t}`mitra2020mcss`\n\n```{bibliography}\n```\n"
    )
    picture = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJg"
        "gg=="
    )
    sheets = [sheet(torch.full((1, 3, 8, 8), value, dtype=torch.uint8)) for value in (0, 255, 0)]
    element = Element("mining", "A picture", {"sheets": sheets})._repr_html_()
    widget = {"model_id": "0", "version_major": 2, "version_minor": 0}
    outputs = [
        new_output("display_data", {PLOTLY: AS_LISTS}),
        new_output("display_data", {PLOTLY: AS_BYTES}),
        new_output("display_data", {"image/png": picture}),
        new_output("display_data", {"text/html": element, "text/plain": "Element"}),
        new_output(
            "display_data",
            {"application/vnd.jupyter.widget-view+json": widget, "text/plain": "IntSlider()"},
        ),
        new_output("stream", name="stderr", text="100%"),
    ]
    notebook = new_notebook(
        cells=[
            new_markdown_cell(
                "# A chapter\n\n$$ x^2 $$ (eq-square)\n\nSee {eq}`eq-square`, and $y$."
            ),
            new_code_cell(
                "1",
                execution_count=1,
                outputs=outputs,
                metadata={"mystnb": {"image": {"alt": "One grey dot"}}},
            ),
        ]
    )
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
        "widgets": {
            "application/vnd.jupyter.widget-state+json": {"state": {"0": {}}, "version_major": 2}
        },
    }
    nbformat.write(notebook, tmp_path / "book" / "chapter.ipynb")

    build = subprocess.run(
        [
            sys.executable,
            "-c",
            "from jupyter_book.cli.main import main; main()",
            "build",
            ".",
            "-n",
            "-W",
            "--keep-going",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert build.returncode == 0, build.stdout[-3000:] + build.stderr[-3000:]

    pages = {path.name: path.read_text() for path in (tmp_path / "_build" / "html").rglob("*.html")}
    loads = re.compile(
        r"""<(?:script|link|img|iframe|source)\b[^>]*?\b(?:src|href)=["']?"""
        r"""((?:https?:)?//[^\s"'>]+)"""
    )
    for name, page in pages.items():
        assert loads.findall(page) == [], name
        assert not re.search(r"unpkg|jsdelivr|cdnjs|require\.js|fonts\.google", page), name
    chapter = pages["chapter.html"]
    assert chapter.count('class="output plotly-figure"') == 2 and "plotly.min.js" in chapter
    assert (
        "mathjax/tex-chtml.js" in chapter
        and 'alt="One grey dot"' in chapter
        and "no-widget" in chapter
    )
    assert "plotly.min.js" not in pages["intro.html"]
    pictures = re.findall(
        r'"src":"\.\./(_images/[0-9a-f]{20}\.jpg)"', chapter
    )  # an element's pictures are files beside the page
    assert pictures[0] == pictures[2] != pictures[1] and "data:image/jpeg" not in chapter
    for place, stored in zip(pictures, sheets):
        assert (tmp_path / "_build" / "html" / place).read_bytes() == base64.b64decode(
            stored["src"].split(",")[1]
        )
    static = tmp_path / "_build" / "html" / "_static"
    assert (static / "plotly.min.js").exists() and (static / "mathjax" / "tex-chtml.js").exists()
