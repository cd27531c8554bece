"""Every page of the book, opened: it loads nothing from elsewhere, weighs little, shows all, fits a
phone, is readable in the dark.
"""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    f"{name}.html" for name in re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text())
]
BOTH = pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
ALL = pytest.mark.parametrize("page", PAGES, ids=lambda page: Path(page).stem)

LINKS = "((of) => [...document.querySelectorAll(of)].map((a) => a.href.split('#')[0]))"
# Of all texts inside a figure: those whose contrast with the ground behind them is too low to read.
FAINT = """() => {
  const rgba = (text) => {
    const v = (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    return v.length < 4 ? [...v, 1] : v;
  };
  const linear = (c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const c = rgba(getComputedStyle(node).backgroundColor);
      if (c[3] > 0.5) return c;
    }
    return [255, 255, 255, 1];
  };
  const hasText = (node) =>
    [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  const faint = [];
  for (const node of document.querySelectorAll(".mcss-element *, .plotly-figure text")) {
    if (!hasText(node) || ["SCRIPT", "STYLE", "OPTION"].includes(node.tagName)) continue;
    if (node.closest(".heatmap-label")) continue; // stands on a cell, not on the page
    const style = getComputedStyle(node);
    const colour = rgba(node instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(colour), light(ground(node))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const text = node.textContent.trim().slice(0, 30);
    if (contrast < 3) faint.push(`${text}: ${contrast.toFixed(1)}`);
  }
  return faint;
}"""
# Pictures without an alternative text, or that did not load.
BLIND = """() => [...document.images]
  .filter((image) => !image.alt || !image.naturalWidth)
  .map((image) => image.src)"""


@BOTH
@ALL
def test_a_page_is_whole(visit, address, page, phone):
    """On a desk in light colours, on a phone in dark ones."""
    place = PAGES.index(page)
    opened = visit(page, phone, dark=phone)
    weight, page = opened.megabytes(), opened.page
    assert [url for url in opened.requests if not url.startswith((address, "data:", "blob:"))] == []
    assert weight < 3, f"{weight:.2f} MB"
    assert page.evaluate(BLIND) == []
    figures = page.locator(".plotly-figure")
    engines = page.locator('script[src*="plotly.min.js"]').count()
    assert engines == (1 if figures.count() else 0)
    for figure in figures.all():
        drawn(figure)
        assert coloured(figure) > 50 and figure.evaluate("(box) => box._fullData.length"), (
            figure.get_attribute("aria-label")
        )
        work_controls(page, figure)
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 1
    assert page.locator("html").get_attribute("data-theme") == ("dark" if phone else "light")
    assert page.evaluate(FAINT) == []
    assert page.locator(".no-widget").count() == 0

    root, *others = [f"{address}/{name}" for name in PAGES]
    links = page.evaluate(f"{LINKS}('.bd-sidebar-primary nav.bd-links a.reference')")
    assert [link for link in links if link != root] == others
    before = [f"{address}/{name}" for name in PAGES[:place][-1:]]
    after = [f"{address}/{name}" for name in PAGES[place + 1 :][:1]]
    assert page.evaluate(f"{LINKS}('a.left-prev')") == before
    assert page.evaluate(f"{LINKS}('a.right-next')") == after
    assert opened.faults == []


def drawn(figure):
    """Scrolls to a Plotly figure and waits until it is there."""
    figure.scroll_into_view_if_needed()
    figure.locator(".main-svg").first.wait_for()
    figure.page.wait_for_timeout(100)


def coloured(figure):
    """How many pixels of a figure have a colour: curves and points do, axes and texts are grey."""
    _, saturation, value = (
        np.asarray(Image.open(io.BytesIO(figure.screenshot())).convert("HSV")).reshape(-1, 3).T
    )
    return ((saturation > 110) & (value > 80)).sum()


def work_controls(page, figure):
    """Plotly's own sliders and buttons, where a figure has them, do something."""
    for control in figure.locator(".slider-rail-touch-rect, .updatemenu-button").all():
        before = figure.screenshot()
        control.click()
        page.wait_for_timeout(600)
        assert figure.screenshot() != before


def test_the_colours_follow_the_switch(visit):
    opened = visit("book/07_evaluating_poses.html", dark=True)
    page, html = opened.page, opened.page.locator("html")
    figures = page.locator(".plotly-figure").all()[:3]
    for theme in ("dark", "light"):
        for _ in range(3):  # the switch goes round: light, dark, as the system is
            if html.get_attribute("data-theme") != theme:
                page.locator(".theme-switch-button").locator("visible=true").first.click()
        assert html.get_attribute("data-theme") == theme
        for figure in figures:
            drawn(figure)
        page.wait_for_timeout(300)
        assert page.evaluate(FAINT) == []
    assert opened.faults == []


def test_next_and_previous_lead_on_and_back(visit, address):
    page = visit(PAGES[0]).page
    for link, place in (("a.right-next", 1), ("a.right-next", 2), ("a.left-prev", 1)):
        page.locator(link).click()
        page.wait_for_url(f"{address}/{PAGES[place]}")


@BOTH
def test_search_finds(visit, address, phone):
    opened = visit(PAGES[0], phone)
    buttons = ".search-button, .search-button__button, .search-button-field"
    opened.page.locator(buttons).locator("visible=true").first.click()
    opened.page.keyboard.type("procrustes")
    opened.page.keyboard.press("Enter")
    hits = opened.page.locator("#search-results ul.search li a")
    hits.first.wait_for()
    assert any("evaluating" in link.get_attribute("href") for link in hits.all())
    hits.first.click()
    opened.page.wait_for_url(re.compile(re.escape(address) + "/book/"))
    opened.settle()
    assert opened.faults == []


def test_the_front_door_leads_to_the_first_page(visit, address):
    opened = visit("index.html").page
    opened.wait_for_url(f"{address}/{PAGES[0]}")


def test_a_page_opens_from_a_folder_without_a_server(visit, book):
    """Pictures of elements, too: their addresses are relative."""
    opened = visit((book / "book" / "01_multiview_data.html").as_uri())
    pictures = [url for url in opened.requests if re.search(r"/_images/[0-9a-f]{20}\.jpg$", url)]
    assert len(pictures) == 1 and opened.faults == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requests)
    opened.page.locator(".plotly-figure").first.scroll_into_view_if_needed()
    opened.page.locator(".plotly-figure .main-svg").first.wait_for()
