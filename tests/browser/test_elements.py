"""The interactive elements in the built book: every control does something, and what is shown is
what the package computes.
"""

import io
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mcss.canonical import canonical_pose, heading, rotate_z
from mcss.data import open_store
from mcss.metrics import mpjpe, n_mpjpe, pa_mpjpe
from mcss.mining import hardest_negatives
from mcss.skeleton import root_relative

ROOT = Path(__file__).resolve().parents[2]
PLACES = {
    "first_look": "00_start",
    "skeletons": "01_multiview_data",
    "multiview_browser": "01_multiview_data",
    "canonical": "02_canonical_pose",
    "mining": "04_hard_negative_mining",
    "batch_rules": "05_batches",
    "training": "06_joint_training",
    "prediction": "07_evaluating_poses",
    "retrieval": "09_retrieval",
    "embedding_map": "10_what_the_embedding_knows",
    "novel_view": "10c_rivals",
    "distances": "10_what_the_embedding_knows",
}
# Of an element's drawings those that reach beyond their frame.
CUT = """(root) => {
  const beyond = (box, frame) =>
    box.x < frame.x - 0.5 ||
    box.y < frame.y - 0.5 ||
    box.x + box.width > frame.x + frame.width + 0.5 ||
    box.y + box.height > frame.y + frame.height + 0.5;
  return [...root.querySelectorAll(".mcss-panels svg")]
    .map((svg) => [svg.getBBox(), svg.viewBox.baseVal, svg.getAttribute("class")])
    .filter(([box, frame]) => frame.width && beyond(box, frame))
    .map(([box, frame, name]) =>
      `${name}: ${box.x} ${box.y} ${box.width} ${box.height} in ${frame.width} x ${frame.height}`);
}"""
SLIDE = """(node, value) => {
  node.value = value;
  node.dispatchEvent(new Event("input", { bubbles: true }));
}"""
# Of the width of an element, or of a drawing of its own, a slider's share.
SHARE = """(node) => node.getBoundingClientRect().width /
  node.closest(".mcss-controls, .mcss-panel").getBoundingClientRect().width"""
BOTH = pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])


class Figure:
    """An element on a page, worked as a reader does."""

    def __init__(self, opened, kind):
        self.opened, self.page = opened, opened.page
        self.root = opened.page.locator(f'.mcss-element[data-element="{kind}"]').first
        self.root.scroll_into_view_if_needed()
        self.data = json.loads(self.root.locator('script[type="application/json"]').text_content())

    @property
    def shown(self):
        return json.loads(self.root.get_attribute("data-shown"))

    def slide(self, label, value):
        slider = self.root.locator(f'input[type=range][aria-label="{label}"]').first
        slider.evaluate(SLIDE, str(value))
        return self

    def choose(self, label, option):
        self.root.locator(f'select[aria-label="{label}"]').select_option(str(option))
        return self


@pytest.fixture
def figure(visit):
    def opened(kind, phone=False, still=True):
        return Figure(visit(f"book/{PLACES[kind]}.html", phone, still=still), kind)

    return opened


@BOTH
@pytest.mark.parametrize("kind", PLACES)
def test_every_control_does_something(figure, kind, phone):
    """Sliders by the keyboard, menus, switches, the Play button, and the skeleton itself. A sheet
    of pictures is loaded when it is shown first.
    """
    shown = figure(kind, phone)
    root, page = shown.root, shown.page

    def drawing():  # a picture can be opened by the keyboard once its script has run
        return re.sub(r' tabindex="-?[01]"', "", root.locator(".mcss-panels").inner_html())

    sheets = set(re.findall(r'"src": "([^"]*)"', json.dumps(shown.data)))

    def loaded():
        urls = shown.opened.requests
        ends = {sheet: sheet.removeprefix("..") for sheet in sheets}
        return {sheet for sheet in sheets if any(url.endswith(ends[sheet]) for url in urls)}

    assert all(re.fullmatch(r"\.\./_images/[0-9a-f]{20}\.jpg", sheet) for sheet in sheets)
    # what is shown first: nothing, a sheet, or two side by side
    assert min(len(sheets), 1) <= len(loaded()) <= 2 and root.locator(".mcss-wait").count() == 0
    for node in root.locator("input, select, button, svg, table, .mcss-picture").all():
        box = node.bounding_box()
        assert box["width"] > 5 and box["x"] >= 0
        is_control = node.evaluate("node => node.matches('input, select, button')")
        assert box["height"] >= 24 or not is_control, "too low for a finger"
        assert box["x"] + box["width"] <= page.viewport_size["width"] + 1
    for slider in root.locator("input[type=range]").all():
        slider.press("Home")
        before, value = drawing(), slider.input_value()
        slider.press("ArrowRight")
        assert slider.input_value() != value
        assert slider.evaluate(SHARE) > (0.25 if phone else 0.35)
        for key in ("End", "Home"):
            x = slider.bounding_box()["x"]
            slider.press(key)
            assert (drawing() == before) == (key == "Home"), slider.get_attribute("aria-label")
            assert abs(slider.bounding_box()["x"] - x) < 1, "a slider moves under the finger"
            assert page.evaluate(CUT, root.element_handle()) == []
        assert slider.get_attribute("aria-valuetext")
    for menu in root.locator("select").all():
        menu.select_option(index=0)
        options = menu.locator("option").count()
        for option in [*range(1, options), 0]:
            before = drawing()
            menu.select_option(index=option)
            assert drawing() != before, menu.get_attribute("aria-label")
        assert options > 1
    for switch in root.locator("input[type=checkbox]").all():
        before = drawing()
        switch.tap() if phone else switch.click()
        assert drawing() != before
        switch.press("Space")
        assert drawing() == before
    for button in root.locator("button").all():
        before = drawing()
        button.tap() if phone else button.click()
        page.wait_for_timeout(900)
        assert drawing() != before and button.inner_text() == "Stop"
        button.press("Enter")
        assert button.inner_text() == "Play"
    # turned with the arrow keys and with the pointer
    for skeleton in root.locator("svg[tabindex]").all():
        drawn = [skeleton.inner_html()]
        skeleton.press("ArrowRight")
        drawn.append(skeleton.inner_html())
        box = skeleton.bounding_box()
        page.mouse.move(box["x"] + 50, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + 120, box["y"] + 50, steps=5)
        page.mouse.up()
        drawn.append(skeleton.inner_html())
        # in a table of distances one chooses, and the pointer may meet the same cell
        assert len(set(drawn)) >= (2 if skeleton.locator("rect").count() else 3)
    shown.opened.settle()
    assert len(loaded()) > 1 or len(sheets) < 2
    assert page.evaluate("document.scrollingElement.scrollWidth - innerWidth") <= 1
    assert shown.opened.faults == []


def poses(joints):
    """Joints of an element, whole millimetres, as a pose of the package."""
    return torch.tensor(joints, dtype=torch.float64)[..., 1:, :]


def small(image):
    return np.asarray(Image.fromarray(image).resize((48, 48), Image.Resampling.BOX), float)


def test_the_browser_shows_the_pictures_and_the_pose_of_the_store(figure):
    f = figure("multiview_browser").choose("person", 1).choose("action", 2).slide("time", 3)
    person, action = f.data["subjects"][1], f.data["actions"][2]
    assert f.shown["subject"] == person["name"] and f.shown["action"] == action
    frame = f.shown["frame"]
    assert frame == person["clips"][2]["frames"][3]
    store = open_store(ROOT / "book/data/sample")
    clips = [clip for clip in store.clips(person["name"]) if clip.start <= frame < clip.stop]
    assert action in [clip.action for clip in clips]
    pose = root_relative(store.poses(person["name"])[frame]).double()
    assert torch.allclose(poses(f.shown["joints"]), pose, atol=0.51)
    assert f.root.locator("figcaption").all_inner_texts() == f.data["views"]
    f.opened.settle()
    views = range(len(f.data["views"]))
    images = store.images(person["name"], [frame] * len(views), views)
    true = [small(image) for image in images.permute(0, 2, 3, 1).numpy()]
    for view, picture in enumerate(f.root.locator(".mcss-picture").all()):
        seen = small(np.array(Image.open(io.BytesIO(picture.screenshot())).convert("RGB")))
        differences = [np.abs(seen - image).mean() for image in true]
        # of 255; the page holds a JPEG of its own
        assert np.argmin(differences) == view and differences[view] < 12


def test_the_turntable_turns_as_equation_3(figure):
    f = figure("canonical")
    for pose, degrees, camera in [(0, 35, 1), (1, 200, 3)]:
        f.choose("pose", pose).slide("turn the person", degrees).choose("camera", camera)
        angle = torch.tensor(math.radians(degrees), dtype=torch.float64)
        turned = rotate_z(poses(f.data["poses"][pose]["joints"]), angle)
        assert torch.allclose(poses(f.shown["global"]), turned, atol=1e-6)
        assert torch.allclose(poses(f.shown["canonical"]), canonical_pose(turned), atol=1e-6)
        assert abs(math.remainder(f.shown["heading"] - heading(turned).item(), 2 * math.pi)) < 1e-6
        R = torch.tensor(f.data["cameras"][camera]["R"], dtype=torch.float64)
        assert torch.allclose(poses(f.shown["camera"]), turned @ R.T, atol=1e-6)
        hip = f.root.locator(".mcss-table tr").nth(3).locator("td").all_inner_texts()[:3]
        assert [int(x) for x in hip] == canonical_pose(turned)[3].round().int().tolist()


def test_the_mining_is_equations_1_and_2(figure):
    f = figure("mining")
    for network, alpha, beta, pair in [(1, 0.6, 0.3, 5), (0, 1.2, 0.8, 11), (1, 1.5, 0.95, 0)]:
        f.choose("embedding", network).slide("margin α", alpha)
        f.slide("β", beta).slide("pair i", pair)
        D = torch.tensor(f.data["embeddings"][network]["distances"], dtype=torch.float64)
        nearest, valid = hardest_negatives(D, beta)
        loss = (D.diagonal() + (alpha - nearest).clamp_min(0)).mean().item()
        assert f.shown["loss"] == pytest.approx(loss, abs=1e-9)
        assert f.shown["valid"] == int(valid.sum())
        expected = pytest.approx(nearest[pair].item(), abs=1e-9) if valid[pair] else None
        assert f.shown["nearest"] == expected
        assert f"{loss:.3f}" in f.root.locator(".mcss-table").inner_text()
        captions = " ".join(f.root.locator("figcaption").all_inner_texts())
        negative, literal = (
            distance_of(words, captions, D, pair)
            for words in ("hardest negative,", "the literal Eq. 1 takes")
        )
        expected = pytest.approx(nearest[pair].item()) if valid[pair] else None
        assert negative == expected
        others = torch.cat([D[pair], D[:, pair]])[torch.arange(2 * len(D)) % len(D) != pair]
        assert literal <= beta if (others <= beta).any() else literal is None


def distance_of(words, captions, D, pair):
    """The distance from a pair to the picture that a caption names after `words`, None without."""
    named = re.search(words + r" (positive|anchor) (\d+)", captions)
    if named is None:
        return None
    other = int(named[2])
    return (D[pair, other] if named[1] == "positive" else D[other, pair]).item()


def test_a_click_on_a_distance_shows_its_two_pictures(figure):
    f = figure("mining")
    m, heat = f.data["pairs"], f.root.locator(".mcss-cells")
    box = heat.bounding_box()
    side = box["width"] / 416 * 400 / m
    start = box["width"] / 416 * 8
    f.page.mouse.click(box["x"] + start + 9.5 * side, box["y"] + start + 4.5 * side)
    assert (f.shown["pair"], f.shown["other"]) == (4, 9)
    D = f.data["embeddings"][-1]["distances"]
    captions = f.root.locator("figcaption").all_inner_texts()
    assert captions[0] == "anchor 4" and f"positive 9: D = {D[4][9]:.2f}" in captions
    heat.press("ArrowDown")
    assert (f.shown["pair"], f.shown["other"]) == (5, 9)
    f.slide("pair i", 6)
    assert (f.shown["pair"], f.shown["other"]) == (6, None)


def test_a_click_on_one_of_the_nine_by_nine_distances(figure):
    f = figure("distances")
    n, box = len(f.data["names"]), f.root.locator(".mcss-cells").bounding_box()
    place = [box["width"] / 416 * (8 + (k + 0.5) * 400 / n) for k in (7, 2)]
    f.page.mouse.click(box["x"] + place[1], box["y"] + place[0])
    assert f.shown == {"row": 7, "column": 2, "distance": f.data["distances"][7][2]}
    assert f.root.locator("figcaption").all_inner_texts() == [f.data["names"][k] for k in (7, 2)]


def test_the_batch_is_that_of_its_rules(figure):
    f = figure("batch_rules")
    (_, mixed), (filmed, same) = f.data["batches"]
    shares = lambda batch: {k: batch[k] for k in ("colour", "duplicates")}
    assert f.shown == {"same": True, "gap": True, **shares(same)}
    assert len(set(same["names"])) == 1
    one_subject, gap = f.root.locator("input[type=checkbox]").all()
    gap.click()
    assert f.shown == {"same": True, "gap": False, **shares(filmed)}
    assert filmed["duplicates"] > 2 * same["duplicates"]
    gap.click()
    one_subject.click()
    assert f.shown["colour"] == mixed["colour"] and len(set(mixed["names"])) > 1
    assert f.root.locator("figcaption").all_inner_texts()[::2] == mixed["names"]
    assert f"{round(100 * mixed['colour'])}%" in f.root.locator(".mcss-table").inner_text()


def test_the_training_is_that_of_its_step(figure):
    f = figure("training").slide("after step", 4)
    snapshot = f.data["looks"][4]
    for key in ("step", "points", "positive", "negative"):
        assert f.shown[key] == snapshot[key]
    ratio = snapshot["positive"] / snapshot["negative"]
    assert f"{ratio:.2f} times as far apart" in f.root.locator(".mcss-note").inner_text()
    drawn = f.root.locator(".mcss-scatter circle, .mcss-scatter rect").count()
    assert drawn == len(snapshot["points"]) == len(f.data["groups"])
    first, last = f.data["looks"][0], f.data["looks"][-1]
    assert last["positive"] / last["negative"] < first["positive"] / first["negative"]
    # all of the curve, with its end, and Play rests there
    f.slide("after step", len(f.data["looks"]) - 2)
    f.root.locator(".mcss-play").click()
    f.page.wait_for_timeout(1200)
    assert f.shown["step"] == last["step"] and f.root.locator(".mcss-play").inner_text() == "Play"
    cursor, line = (
        f.root.locator(f".mcss-chart {of}").first.bounding_box()
        for of in (".mcss-cursor", "polyline")
    )
    # both have a width of their own
    assert line["x"] + line["width"] <= cursor["x"] + cursor["width"] + 4
    assert cursor["x"] - (line["x"] + line["width"]) < 0.02 * line["width"]
    assert str(last["step"]) in f.root.locator(".mcss-chart").get_attribute("aria-label")


def test_the_errors_are_those_of_the_poses(figure):
    f = figure("prediction")
    for image, network in [(3, 0), (10, 1)]:
        f.slide("picture", image).choose("network", network)
        truth, net = poses(f.data["truth"][image]), f.data["networks"][network]
        predicted = poses(net["joints"][0][image])
        for form, error in enumerate((mpjpe, n_mpjpe, pa_mpjpe)):
            f.choose("forgive", form)
            shown = poses(net["joints"][form][image])
            # joints are whole millimetres
            for computed in (error(predicted, truth), mpjpe(shown, truth)):
                assert f.shown["error"] == pytest.approx(computed.item(), abs=1.5)
        cells = f.root.locator(".mcss-table tr").nth(network + 1).locator("td").all_inner_texts()
        errors = [e[image] for e in net["errors"]]
        assert [float(cell) for cell in cells] == pytest.approx(errors, abs=0.51)


def test_retrieval_averages_what_it_shows(figure):
    f = figure("retrieval")
    for query, k, case in [(0, 3, 0), (2, 7, 1)]:
        f.slide("query", query).slide("K", k).choose("gallery", case)
        result = f.data["queries"][query]["cases"][case]
        M, O = (sum(result[who]["errors"][:k]) / k for who in ("model", "oracle"))
        assert f.shown["M"] == pytest.approx(M) and f.shown["O"] == pytest.approx(O)
        assert O <= M + 1e-9
        rows = f.root.locator(".mcss-pictures")
        assert [rows.nth(i).locator("figure").count() for i in range(3)] == [1, k, k]
        captions = rows.nth(1).locator("figcaption").all_inner_texts()
        errors = [int(caption.split(" mm")[0]) for caption in captions]
        assert errors == pytest.approx(result["model"]["errors"][:k], abs=0.51)
        assert result["oracle"]["errors"] == sorted(result["oracle"]["errors"])
        person = f.data["queries"][query]["name"].split(",")[0]
        names = result["model"]["names"] + result["oracle"]["names"]
        assert case == 0 or all(person not in name for name in names)


def test_the_map_shows_the_picture_of_a_point(figure):
    f = figure("embedding_map").slide("picture", 57)
    texts = ", ".join(
        f"{what} {label['names'][label['groups'][57]]}" for what, label in f.data["labels"].items()
    )
    assert f.shown["text"] == texts and texts in f.root.locator(".mcss-note").inner_text()
    ring = f.root.locator(".mcss-chosen").bounding_box()
    points = f.data["points"]
    far = max(range(len(points)), key=lambda i: abs(points[i][0] - points[57][0]))
    circle = f.root.locator(".mcss-scatter > *").nth(far).bounding_box()
    f.page.mouse.move(circle["x"] + circle["width"] / 2, circle["y"] + circle["height"] / 2)
    assert f.shown["point"] != 57 and f.root.locator(".mcss-chosen").bounding_box() != ring
    x, y = points[f.shown["point"]]
    assert math.hypot(x - points[far][0], y - points[far][1]) < 0.05  # of the frame


def test_all_are_in_the_book(book):
    for kind, page in PLACES.items():
        assert f'data-element="{kind}"' in (Path(book) / "book" / f"{page}.html").read_text()


def test_the_drawn_view_is_that_of_the_turn(figure):
    """Each camera's own angle is found on the slider, and the camera is then the one beside it."""
    f = figure("novel_view").choose("picture", 1)
    of = f.data["pictures"][1]
    for view, angle in enumerate(of["angles"]):
        place = round(angle / f.data["step"]) % (360 // f.data["step"])
        shown = f.slide("turn", place).shown
        assert shown["drawn"] == place and shown["turn"] == place * f.data["step"]
        assert shown["camera"] == view and shown["off"] <= f.data["step"] / 2
    assert f.slide("turn", 0).shown["camera"] == of["source"]


@pytest.mark.parametrize("events", [1, 20])
def test_a_skeleton_turns_by_pixels(figure, events):
    """However many events they come in."""
    f = figure("skeletons")
    box = f.root.locator("svg").first.bounding_box()
    before = f.shown["turn"]
    x, y = box["x"] + box["width"] / 2, box["y"] + 100
    f.page.mouse.move(x, y)
    f.page.mouse.down()
    f.page.mouse.move(x - 60, y, steps=events)
    f.page.mouse.up()
    assert f.shown["turn"] == before + 30


def test_each_skeleton_turns_on_its_place(figure):
    f = figure("skeletons")
    bodies = f.root.locator("svg").all()
    titles = f.root.locator(".mcss-title").all_inner_texts()
    assert titles == f.data["names"] and len(bodies) == len(f.data["poses"])
    places = []
    for turn in (0, 90, 200):
        f.slide("turn", turn)
        places.append([body.locator("polyline").bounding_box() for body in bodies])
    for boxes in zip(*places):
        assert max(b["x"] for b in boxes) - min(b["x"] for b in boxes) < 1


def test_the_first_picture_plays_by_itself_and_stops(figure):
    f = figure("first_look", still=False)
    f.page.wait_for_function(
        "node => JSON.parse(node.dataset.shown).time > 0", arg=f.root.element_handle()
    )
    f.root.locator(".mcss-play").click()
    time = f.shown["time"]
    f.page.wait_for_timeout(700)
    assert f.shown["time"] == time
    assert f.shown["among"] == f.data["among"][time] and f.shown["apart"] == f.data["apart"][time]
    words = f.root.locator(".mcss-note").inner_text()
    assert f"{f.data['among'][time]:.2f}" in words and f"{f.data['apart'][time]:.2f}" in words
    weights = [
        request.sizes()["responseBodySize"]
        for request in f.opened._loaded
        if f.data["sheet"]["src"].removeprefix("..") in request.url
    ]
    assert len(weights) == 1 and weights[0] < 300e3


def test_the_first_picture_is_still_for_those_who_ask(figure):
    f = figure("first_look")
    f.page.wait_for_timeout(900)
    assert f.shown["time"] == 0 and f.root.locator(".mcss-play").inner_text() == "Play"


@pytest.mark.parametrize("kind", ["mining", "retrieval"])
def test_on_a_phone_the_controls_stay_beside_what_they_do(figure, kind):
    f = figure(kind, phone=True)
    f.root.locator(".mcss-picture").last.scroll_into_view_if_needed()
    picture, controls = (
        f.root.locator(of).last.bounding_box() for of in (".mcss-picture", ".mcss-controls")
    )
    bar = f.page.locator(".bd-header-article").bounding_box()
    assert controls["y"] >= bar["y"] + bar["height"] - 1
    assert controls["y"] + controls["height"] <= picture["y"] + picture["height"] / 2
    assert picture["y"] + picture["height"] <= f.page.viewport_size["height"] + 1


def test_a_picture_opens_larger(figure):
    f = figure("batch_rules")
    dialog, pictures = f.page.locator("dialog.mcss-large"), f.root.locator(".mcss-picture")
    assert not dialog.is_visible()
    small = pictures.nth(2).bounding_box()["width"]
    pictures.nth(2).click()
    assert dialog.locator("[role=img]").bounding_box()["width"] > 2 * small
    captions = f.root.locator("figcaption").all_inner_texts()
    assert dialog.locator("figcaption").inner_text() == captions[2]
    f.page.keyboard.press("ArrowRight")
    assert dialog.locator("figcaption").inner_text() == captions[3]
    f.page.keyboard.press("Escape")
    assert not dialog.is_visible()
    # by the keyboard, of a grid too, and of what was drawn anew
    f.root.locator("input[type=checkbox]").first.press("Space")
    for group in (f.root.locator(".mcss-pictures"), f.page.locator(".mcss-grid").first):
        group.locator("[tabindex='0']").press("Enter")
        assert dialog.is_visible()
        f.page.keyboard.press("Escape")
    assert f.opened.faults == []
