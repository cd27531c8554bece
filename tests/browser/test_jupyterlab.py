"""The eight elements where a kernel is: in a real JupyterLab, run, drawn and worked; and in a
closed frame, as Colab shows outputs.
"""

import html
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

from mcss.figures.elements.element import Element
from tests.browser.test_elements import PLACES

ROOT = Path(__file__).resolve().parents[2]
DATA = re.compile(r'<script type="application/json">(.*?)</script>', re.S)
SCROLL = "node => { node.scrollTop = (node.scrollTop + 300) % node.scrollHeight }"
OPTIONS = [
    "--no-browser",
    "--allow-root",
    "--port-retries=0",
    "--ServerApp.ip=127.0.0.1",
    "--IdentityProvider.token=",
    "--ServerApp.password=",
    "--LabApp.news_url=",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]
ALT = re.compile(r'aria-label="([^"]*)"')


def stored_element(kind):
    """(alternative text, data) of an element in its chapter's stored output."""
    for cell in nbformat.read(ROOT / "book" / f"{PLACES[kind]}.ipynb", 4).cells:
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("text/html", "")
            if f'data-element="{kind}"' in text:
                return ALT.search(text)[1], json.loads(DATA.search(text)[1])
    raise LookupError(kind)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Address of a JupyterLab that serves a notebook with one cell an element; the cells were never
    run.
    """
    folder = tmp_path_factory.mktemp("lab")
    cells = []
    for kind in PLACES:
        alt, data = stored_element(kind)
        (folder / f"{kind}.json").write_text(json.dumps([alt, data]))
        cells.append(
            nbformat.v4.new_code_cell(
                "import json\nfrom mcss.figures.elements.element import"
                f" Element\n\nElement({kind!r}, *json.load(open('{kind}.json')))"
            )
        )
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(notebook, folder / "elements.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *OPTIONS, f"--port={port}"]
            + [f"--ServerApp.root_dir={folder}"],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2)
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()[-2000:]
                time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def test_every_element_works_in_jupyterlab(lab, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{lab}/lab/tree/elements.ipynb?reset")
    page.locator(".jp-Notebook").wait_for(timeout=120_000)
    # what is run before that is lost
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=120_000)
    page.get_by_text("Run", exact=True).first.click()
    page.get_by_text("Run All Cells", exact=True).click()
    turned, scroller = 0, page.locator(".jp-WindowedPanel-outer").first
    for kind in PLACES:
        root = page.locator(f'.mcss-element[data-element="{kind}"]')
        end = time.monotonic() + 150  # a kernel starts slowly on busy cores
        while time.monotonic() < end:  # cells out of sight are not drawn
            if root.count() and root.first.get_attribute("data-shown"):
                break
            scroller.evaluate(SCROLL)
            page.wait_for_timeout(150)
        assert root.count(), (
            f"{kind} does not come up: {page.locator('.jp-Notebook, .jp-Dialog').all_inner_texts()}"
        )
        root = root.first
        root.scroll_into_view_if_needed()
        before = root.get_attribute("data-shown")
        assert before, kind
        changed = []
        for control in root.locator("input[type=range], input[type=checkbox], select").all():
            control.focus()
            if control.evaluate("node => node.type") == "range":
                page.keyboard.press("ArrowRight")  # JupyterLab uses the arrow keys, too
                page.keyboard.press("ArrowRight")
            elif control.evaluate("node => node.type") == "checkbox":
                control.click()
            else:
                control.select_option(index=1)
            page.wait_for_timeout(100)
            changed.append(root.get_attribute("data-shown") != before)
            turned += changed[-1] and control.evaluate("node => node.type") == "range"
            before = root.get_attribute("data-shown")
        assert any(changed), kind
    assert turned >= 6  # sliders that the arrow keys moved
    assert faults == []
    page.close()


@pytest.mark.parametrize("kind", PLACES)
def test_an_element_works_in_a_closed_frame(browser, kind):
    """Colab puts each output into a frame of another origin, without its page's scripts, styles and
    storage.
    """
    page = browser.new_page()
    faults, requests = [], []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.set_content(
        '<iframe sandbox="allow-scripts" width="1000" height="900"'
        f' srcdoc="{html.escape(Element(kind, *stored_element(kind))._repr_html_())}"></iframe>'
    )
    root = page.frame_locator("iframe").locator(".mcss-element[data-shown]")
    root.wait_for(timeout=20_000)
    control = root.locator("input[type=checkbox], select, input[type=range]").first
    assert control.is_visible()
    assert faults == [] and [url for url in requests if url.startswith("http")] == []
    page.close()
