"""Every page of the book, opened: it loads nothing from elsewhere, weighs little, shows all, fits a
phone, is readable in the dark.
"""

import importlib.util
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
# Pictures without an alternative text, or that do not load.
BLIND = """() => Promise.all([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode().catch(() => null);
})).then(() => [...document.images]
  .filter((image) => !image.alt || !image.naturalWidth)
  .map((image) => image.src))"""
# Pictures, plots and code that reach beyond the page, or beyond the box that they stand in.
BEYOND = """() => [...document.querySelectorAll("article :is(img, svg.main-svg, pre)")]
  .filter((node) => node.getBoundingClientRect().right > innerWidth + 1 ||
    (node.tagName === "PRE" && node.scrollWidth > node.clientWidth + 1))
  .map((node) => node.outerHTML.slice(0, 100))"""


# What of a page breaks a rule of WCAG 2.2, level A or AA, or a best practice of axe's.
AXE = """() => axe
  .run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    resultTypes: ["violations"],
  })
  .then(({ violations }) => violations.map(({ id, nodes }) =>
    `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 150)).join(" | ")}`))"""


def axe():
    """The script of axe-core, out of a Python package that carries it."""
    found = importlib.util.find_spec("axe_playwright_python")
    assert found, "axe-playwright-python is missing: pip install -e '.[test]'"
    return Path(found.origin).parent / "axe.min.js"


@BOTH
@ALL
def test_a_page_is_whole(visit, address, page, phone):
    """On a desk in light colours, on a phone in dark ones; and open to all, as axe sees it."""
    place = PAGES.index(page)
    opened = visit(page, phone, dark=phone, still=True)
    weight, page = opened.megabytes(), opened.page
    assert [url for url in opened.requests if not url.startswith((address, "data:", "blob:"))] == []
    assert weight < 3, f"{weight:.2f} MB"
    assert page.evaluate(BLIND) == []
    figures = page.locator(".plotly-figure")
    engines = page.locator('script[src*="plotly.min.js"]').count()
    assert engines == (1 if figures.count() else 0)
    for figure in figures.all():
        drawn(figure)
        # a phone's screenshot is cut out too low once pictures above have been loaded
        seen = figure.locator(MARKS).count() if phone else coloured(figure) > 50
        assert seen and figure.evaluate("(box) => box._fullData.length"), figure.get_attribute(
            "aria-label"
        )
        work_controls(page, figure)
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 1
    assert page.locator("html").get_attribute("data-theme") == ("dark" if phone else "light")
    assert page.evaluate(FAINT) == []
    assert page.locator(".no-widget").count() == 0
    assert page.evaluate(BEYOND) == []

    root, *others = [f"{address}/{name}" for name in PAGES]
    links = page.evaluate(f"{LINKS}('.bd-sidebar-primary nav.bd-links a.reference')")
    assert [link for link in links if link != root] == others
    before = [f"{address}/{name}" for name in PAGES[:place][-1:]]
    after = [f"{address}/{name}" for name in PAGES[place + 1 :][:1]]
    assert page.evaluate(f"{LINKS}('a.left-prev')") == before
    assert page.evaluate(f"{LINKS}('a.right-next')") == after
    assert opened.faults == []
    if place % 2 == phone:  # each page once, for it takes its time
        page.add_script_tag(path=axe())
        assert page.evaluate(AXE) == []


#: What a Plotly figure draws its data with.
MARKS = ".point, .js-line, .js-fill, .heatmaplayer image, .gl-canvas"


def drawn(figure):
    """Scrolls to a Plotly figure and waits until it is there."""
    figure.scroll_into_view_if_needed()
    figure.locator(".main-svg").first.wait_for()
    figure.page.wait_for_timeout(300)


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
    opened.page.locator('#search-results ul.search li a[href*="evaluating"]').first.wait_for()
    hits.first.click()
    opened.page.wait_for_url(re.compile(re.escape(address) + "/book/"))
    opened.settle()
    assert opened.faults == []


def test_the_front_door_leads_to_the_first_page(visit, address):
    opened = visit("index.html").page
    opened.wait_for_url(f"{address}/{PAGES[0]}")


def test_a_page_opens_from_a_folder_without_a_server(visit, book):
    """Pictures of elements, too: their addresses are relative."""
    opened = visit((book / "book" / "04_hard_negative_mining.html").as_uri())
    pictures = [url for url in opened.requests if re.search(r"/_images/[0-9a-f]{20}\.jpg$", url)]
    assert pictures and opened.faults == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requests)
    opened.page.locator(".plotly-figure").first.scroll_into_view_if_needed()
    opened.page.locator(".plotly-figure .main-svg").first.wait_for()


# Whether a plot keeps a finger's touch for itself, so that the page does not scroll. A swipe itself
# cannot be made here: headless, the page does not follow one even where there is no plot.
KEEPS_TOUCH = """(figure) => {
  const target = figure.querySelector('.nsewdrag');
  return ['touchstart', 'touchmove', 'touchend'].map((kind, k) => {
    const touch = new Touch({identifier: 1, target, clientX: 150, clientY: 300 - 40 * k});
    const touches = kind === 'touchend' ? [] : [touch];
    const event = new TouchEvent(kind, {
      touches, targetTouches: touches, changedTouches: [touch], bubbles: true, cancelable: true,
    });
    target.dispatchEvent(event);
    return event.defaultPrevented;
  }).slice(0, 2);
}"""


@BOTH
def test_the_wheel_and_a_finger_scroll_over_a_plot(visit, phone):
    opened = visit("book/07_evaluating_poses.html", phone)
    page, figure = opened.page, opened.page.locator(".plotly-figure").first
    drawn(figure)
    figure.evaluate("(box) => box.scrollIntoView({block: 'center', behavior: 'instant'})")
    page.wait_for_timeout(300)
    assert figure.locator(".modebar-btn").count() == 0
    if phone:
        assert figure.evaluate(KEEPS_TOUCH) == [False, False]
        return
    box = figure.bounding_box()
    state = "[scrollY, JSON.stringify(document.querySelector('.js-plotly-plot').layout)]"
    before = page.evaluate(state)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, 200)
    page.wait_for_timeout(300)
    after = page.evaluate(state)
    assert after[0] > before[0] + 100 and after[1] == before[1]


def test_nothing_is_cut_in_print(visit):
    page = visit("book/07_evaluating_poses.html").page
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 990})  # A4 between its margins
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_timeout(500)
    figures = page.locator(".plotly-figure").count()
    assert page.locator(".plotly-figure .main-svg").count() >= figures > 0
    assert page.evaluate(BEYOND) == []


def test_the_sidebar_has_the_chapters_numbers(visit):
    page = visit(PAGES[0]).page
    texts = page.locator("nav.bd-links a.reference").all_inner_texts()
    files = [Path(name).stem for name in PAGES]
    for file, text in zip(files, texts):
        number = re.match(r"0*(\d+\w?)_", file)
        if number and number[1] != "0":
            assert text.strip().startswith(f"{number[1]} · ")
    assert page.locator("h1").first.inner_text().startswith("Start here")


def test_a_link_to_a_page_shows_what_it_is(visit, book):
    page = visit("book/09_retrieval.html").page
    meta = lambda name: page.locator(f'meta[property="{name}"], meta[name="{name}"]').first
    for name in ("description", "og:description"):
        assert 60 < len(meta(name).get_attribute("content")) <= 210
    assert "9 ·" in meta("og:title").get_attribute("content")
    picture = meta("og:image").get_attribute("content")
    assert picture.startswith("https://") and picture.endswith("/_static/preview.jpg")
    assert Image.open(book / "_static" / "preview.jpg").size == (1200, 630)
    assert page.locator('link[rel="icon"]').get_attribute("href").endswith("favicon.svg")
    assert not (book / "genindex.html").exists()


def test_the_search_knows_prose_not_code(visit):
    """`%pip install` stands in the code of every chapter."""
    page = visit("search.html?q=install").page
    page.locator("#search-results p.search-summary").wait_for()
    page.wait_for_timeout(500)
    hits = [link.inner_text() for link in page.locator("#search-results ul.search li a").all()]
    assert hits and len(hits) < 8 and not any("Canonical" in hit for hit in hits), hits
    # the icon does not cover the first letter
    field = page.locator("article input[type=search], .bd-search-container input").first
    room = field.evaluate("node => parseFloat(getComputedStyle(node).paddingLeft)")
    icon = page.locator("form.bd-search i, form.bd-search svg").locator("visible=true").first
    box = icon.bounding_box()
    assert box["x"] + box["width"] <= field.bounding_box()["x"] + room
