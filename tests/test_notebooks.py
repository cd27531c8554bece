"""The committed chapters: executed, in order, without errors, and readable anywhere.

nbval passes a cell that was never executed, and stores whatever a cell printed. These
tests look at the notebooks as files; `pytest --nbval book/` runs them.
"""

import json
import re
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))

ABSOLUTE_PATH = re.compile(
    r"(?<![\w.:/~])/(?:home|root|tmp|work|workspace|Users|usr|opt|mnt|var|content|private"
    r"|scratch|data)/\w"
    r"|\b[A-Z]:\\\\?\w|file://"
)
REMOTE_CODE = re.compile(
    r"""https?://[^\s"'<>]*(?:cdn|unpkg|jsdelivr|googleapis|gstatic)"""
    r"|<script[^>]+\bsrc\b|<link\b|<iframe\b",
    re.I,
)
LEFT_OUT = "skip-execution"  # the tag of cells that are run by `pytest --nbval` alone
ENCODED = {
    "bdata",
    "image/png",
    "image/jpeg",
    "image/gif",
    "application/pdf",
}  # base64: nothing to read


def chapters_of_toc(toc: dict) -> list[str]:
    """All files of a jb-book table of contents, the root first."""
    files = [toc["root"]] if "root" in toc else [toc["file"]] if "file" in toc else []
    for key in ("parts", "chapters", "sections"):
        for entry in toc.get(key, []):
            files += chapters_of_toc(entry)
    return files


def code_cells(notebook) -> list:
    """Those that are to be stored with their outputs; controls that need a kernel are not."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code"
        and cell.source.strip()
        and LEFT_OUT not in cell.metadata.get("tags", ())
    ]


def without_encoded(value):
    if isinstance(value, dict):
        return {key: without_encoded(item) for key, item in value.items() if key not in ENCODED}
    return [without_encoded(item) for item in value] if isinstance(value, list) else value


def complaints(notebook) -> list[str]:
    """What is wrong with a notebook as it is stored."""
    found = []
    cells = code_cells(notebook)
    counts = [cell.execution_count for cell in cells]
    found += [f"cell {k} was never executed" for k, count in enumerate(counts) if count is None]
    if None not in counts and counts != list(range(1, len(counts) + 1)):
        found.append(f"the cells were not executed once each from top to bottom: {counts}")
    found += [
        f"not stored with its outputs, and no control that needs a kernel: {cell.source[:40]}"
        for cell in notebook.cells
        if LEFT_OUT in cell.metadata.get("tags", ())
        and (cell.outputs or "\n@interact(" not in cell.source)
    ]
    for k, cell in enumerate(cells):
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get(
                "tags", []
            ):
                found.append(f"cell {k} holds an error: {output.ename}: {output.evalue}")
            text = json.dumps(without_encoded(output), ensure_ascii=False)
            found += [
                f"cell {k} holds an absolute path: ...{shown(text, match)}"
                for match in ABSOLUTE_PATH.finditer(text)
            ]
            found += [
                f"cell {k} loads from elsewhere: ...{shown(text, match)}"
                for match in REMOTE_CODE.finditer(text)
            ]
            if lacks_alternative_text(cell, output):
                found.append(f"cell {k} shows a picture without alternative text")
    return found


def shown(text: str, match: re.Match) -> str:
    return text[max(0, match.start() - 20) : match.end() + 40]


def lacks_alternative_text(cell, output) -> bool:
    """Plotly: layout.meta.alt. Elements, grids: aria-label. Images: `mystnb: {image: {alt: ...}}`
    of the cell, or Image(..., alt=...).
    """
    data = output.get("data", {})
    page = data.get("text/html", "")
    if "mcss-element" in page or "mcss-grid" in page:
        return not re.match(r'<div class="mcss-(element|grid)"[^>]* aria-label="[^"]', page)
    if "application/vnd.plotly.v1+json" in data:
        meta = data["application/vnd.plotly.v1+json"]["layout"].get("meta")
        return not (isinstance(meta, dict) and meta.get("alt"))
    images = [mime for mime in data if mime.startswith("image/")]
    of_cell = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
    return any(
        not (of_cell or output.get("metadata", {}).get(mime, {}).get("alt")) for mime in images
    )


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_is_stored_as_executed(path):
    assert complaints(nbformat.read(path, as_version=4)) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_is_valid_and_starts_with_a_title(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")
    assert notebook.metadata.kernelspec.name == "python3"


def test_every_chapter_of_the_table_of_contents_exists():
    files = chapters_of_toc(yaml.safe_load((ROOT / "_toc.yml").read_text()))
    missing = [
        file
        for file in files
        if not any((ROOT / f"{file}{kind}").exists() for kind in (".ipynb", ".md"))
    ]
    assert missing == []


def test_every_notebook_is_in_the_table_of_contents():
    files = chapters_of_toc(yaml.safe_load((ROOT / "_toc.yml").read_text()))
    assert [path.name for path in CHAPTERS if f"book/{path.stem}" not in files] == []


# The checks themselves, each seen to complain.


def notebook_of(*cells):
    return nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("x", execution_count=count, outputs=outputs)
            for count, outputs in cells
        ]
    )


def printed(text):
    return nbformat.v4.new_output("stream", name="stdout", text=text)


def test_a_sound_notebook_passes():
    assert (
        complaints(
            notebook_of(
                (1, [printed("12 mm, 3/4, a/b/c, ~/.cache/mcss, https://example.org/data/x\n")]),
                (2, []),
            )
        )
        == []
    )


def left_out(source, outputs=()):
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": [LEFT_OUT]})
    return nbformat.v4.new_notebook(cells=[cell])


def test_only_controls_may_be_left_out():
    control = (
        "from ipywidgets import interact\n\n\n@interact(k=(0, 3))\ndef show(k):\n    return k\n"
    )
    assert complaints(left_out(control)) == []
    assert complaints(left_out("1 + 1")) and complaints(left_out(control, [printed("old")]))


@pytest.mark.parametrize(
    "notebook, word",
    [
        (notebook_of((1, []), (None, [])), "never"),
        (notebook_of((2, []), (1, [])), "top to bottom"),
        (notebook_of((1, []), (3, [])), "top to bottom"),
        (
            notebook_of(
                (1, [nbformat.v4.new_output("error", ename="E", evalue="v", traceback=[])])
            ),
            "error",
        ),
        (notebook_of((1, [printed("saved in /home/ada/.cache/mcss\n")])), "path"),
        (notebook_of((1, [printed("C:\\Users\\ada\n")])), "path"),
        (
            notebook_of(
                (
                    1,
                    [
                        nbformat.v4.new_output(
                            "display_data", {"text/html": "<script src='https://cdn.plot.ly/p.js'>"}
                        )
                    ],
                )
            ),
            "elsewhere",
        ),
        (
            notebook_of((1, [nbformat.v4.new_output("display_data", {"image/png": "iVBO"})])),
            "alternative",
        ),
        (
            notebook_of(
                (
                    1,
                    [
                        nbformat.v4.new_output(
                            "display_data", {"text/html": '<div class="mcss-element" role="group">'}
                        )
                    ],
                )
            ),
            "alternative",
        ),
        (
            notebook_of(
                (
                    1,
                    [
                        nbformat.v4.new_output(
                            "display_data",
                            {"application/vnd.plotly.v1+json": {"data": [], "layout": {}}},
                        )
                    ],
                )
            ),
            "alternative",
        ),
    ],
    ids=range(10),
)
def test_a_fault_is_noticed(notebook, word):
    assert any(word in complaint for complaint in complaints(notebook))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_code_fits_the_page(path):
    """80 columns: what is wider is cut off on the page."""
    wide = [
        line
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
        for line in cell.source.splitlines()
        if len(line) > 80
    ]
    assert not wide


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_nothing_is_rendered_before_chapter_11(path):
    """The data ship with the book. (conftest.py also runs these chapters without anny and warp.)"""
    code = "\n".join(
        cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
    )
    assert path.name >= "11" or "data_scripts" not in code
    assert "pip install -q --no-deps /content/mcss" in code
