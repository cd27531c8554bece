import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from mcss.figures.elements import (
    Element,
    distance_table,
    joints,
    novel_view,
    prediction_viewer,
    retrieval_table,
    sheet,
    training_film,
)
from mcss.figures.elements.element import HERE, PARTS
from mcss.figures.elements.first_look import between_instants
from mcss.inference import Predictions
from mcss.metrics import aligned, best_scale, mpjpe, n_mpjpe, pa_mpjpe, pairwise_pa_mpjpe
from mcss.retrieval import mean_pa_mpjpe_at_k
from mcss.skeleton import BONES, JOINTS, LEFT_HIP


def data_of(page):
    return json.loads(
        re.search(r'<script type="application/json">(.*?)</script>', page, re.S).group(1)
    )


def test_data_travel_whole_and_cannot_end_their_script():
    data = {
        "text": '</script><b>"',
        "tensor": torch.tensor([[1.00004, 2]]),
        "array": np.arange(3),
        "nothing": None,
        7: (True, 0.123456),
    }
    page = Element("mining", 'a "b" <c>', data)._repr_html_()
    assert data_of(page) == {
        "text": '</script><b>"',
        "tensor": [[1.0, 2.0]],
        "array": [0, 1, 2],
        "nothing": None,
        "7": [True, 0.1235],
    }
    assert page.count("</script>") == 2 and 'aria-label="a &quot;b&quot; &lt;c&gt;"' in page
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)


def test_every_element_has_its_script():
    modules = {path.stem for path in HERE.glob("*.py")} - {"__init__", "element"}
    assert {path.stem for path in HERE.glob("*.js")} == modules | {"engine", *PARTS}


def test_an_element_carries_what_its_script_calls_and_no_more():
    parts = {name: (HERE / f"{name}.js").read_text() for name in PARTS}
    for script, called in (("retrieval", ""), ("prediction", "bodies"), ("first_look", "both")):
        page = Element(script, "alt", {})._repr_html_()
        assert ("bodies" in called or called == "both") == (parts["bodies"] in page)
        assert (called == "both") == (parts["charts"] in page)


def test_a_sheet_holds_its_pictures_in_reading_order():
    images = torch.zeros(5, 3, 16, 16, dtype=torch.uint8)
    images[4] = 250
    s = sheet(images, columns=3)
    picture = Image.open(io.BytesIO(base64.b64decode(s["src"].split(",")[1])))
    assert (s["columns"], s["rows"], picture.size) == (3, 2, (48, 32))
    assert min(picture.getpixel((24, 24))) > 240 and max(picture.getpixel((8, 24))) < 10


def test_the_script_draws_the_package_s_skeleton():
    text = (HERE / "bodies.js").read_text()
    drawn = json.loads(re.search(r"const BONES = (.*?);", text, re.S).group(1))
    assert drawn == [list(bone) for bone in BONES]
    text = (HERE / "canonical.js").read_text()
    assert int(re.search(r"const LEFT_HIP = (\d+);", text).group(1)) == LEFT_HIP
    assert JOINTS[int(re.search(r"const LEFT_WRIST = (\d+);", text).group(1))] == "left wrist"


def test_the_turned_person_keeps_its_turns():
    """Of each picture as many turns, and where the cameras stand among them."""

    def picture(turns):
        return {
            "name": "sitting",
            "drawn": torch.zeros(turns, 3, 8, 8, dtype=torch.uint8),
            "true": torch.zeros(4, 3, 8, 8, dtype=torch.uint8),
            "angles": torch.tensor([0.0, 91.26, -90.0, 180.0]),
            "source": 0,
        }

    data = novel_view([picture(24), picture(24)]).data
    assert data["step"] == 15 and data["pictures"][1]["angles"] == [0.0, 91.3, 270.0, 180.0]
    assert data["pictures"][0]["drawn"]["columns"] * data["pictures"][0]["drawn"]["rows"] == 24
    for wrong in ([picture(24), picture(12)], [picture(7)]):
        with pytest.raises(ValueError, match="equally many turns"):
            novel_view(wrong)


def test_alignment_is_what_the_errors_measure():
    predicted, truth = (
        torch.randn(2, 50, 16, 3, generator=torch.Generator().manual_seed(0)).double() * 300
    )
    scaled = best_scale(predicted, truth) * predicted
    assert torch.allclose(mpjpe(scaled, truth), n_mpjpe(predicted, truth))
    errors = mpjpe(aligned(predicted, truth), truth)
    assert torch.allclose(errors, pa_mpjpe(predicted, truth), rtol=1e-4)
    assert torch.allclose(errors, pairwise_pa_mpjpe(truth, predicted).diagonal(), rtol=1e-4)
    mirror = truth * torch.tensor([-1.0, 1, 1])
    assert (mpjpe(aligned(mirror, truth), truth) > 30).all()


def test_the_viewer_s_errors():
    truth = torch.randn(3, 16, 3, generator=torch.Generator().manual_seed(0)) * 200
    images = torch.zeros(3, 3, 16, 16, dtype=torch.uint8)
    data = prediction_viewer(images, ["a", "b", "c"], truth, {"twice": 2 * truth}).data
    errors = data["networks"][0]["errors"]
    assert np.allclose(errors[0], mpjpe(2 * truth, truth), atol=1e-3)
    assert np.allclose(errors[1:], 0, atol=1e-2)
    assert data["truth"] == joints(truth) and len(data["truth"][0]) == 17


class Pictures:
    def images(self, subject, frames, views):
        return torch.zeros(len(frames), 3, 16, 16, dtype=torch.uint8)


def test_retrieval_is_that_of_the_package():
    rng = torch.Generator().manual_seed(0)
    n = 40
    subjects, views = np.array(["A", "B"], dtype=object)[np.arange(n) % 2], np.arange(n) // 2 % 4
    truth = torch.randn(n, 16, 3, generator=rng) * 200
    p = Predictions(torch.randn(n, 8, generator=rng), truth, truth, subjects, np.arange(n), views)
    data = retrieval_table(Pictures(), p, [0, 7], ["first", "second"], most=5).data
    for case, cross in enumerate((False, True)):
        expected = mean_pa_mpjpe_at_k(
            p.embeddings, truth, subjects, views, [5], cross, queries=[0, 7]
        )
        for who, mean_at in (("model", expected.model), ("oracle", expected.oracle)):
            errors = [query["cases"][case][who]["errors"] for query in data["queries"]]
            assert np.isclose(np.mean(errors), mean_at[5], atol=1e-2)


def test_the_film_s_distances():
    embeddings = torch.tensor([[0.0, 0, 0], [0, 0, 1], [3, 4, 0], [3, 4, 1]])
    keys = ("metric_loss", "pose_loss", "positive_distance", "negative_distance")
    history = {key: [1.0] * 10 for key in keys}
    snapshots = {0: embeddings, 5: embeddings * 2}
    first, second = training_film(history, snapshots, ["a", "a", "b", "b"]).data["looks"]
    assert (first["step"], second["step"]) == (0, 5)
    assert first["positive"] == 1 and second["positive"] == 2
    assert np.isclose(first["negative"], (5 + 26**0.5) / 2, atol=1e-3)


def test_the_film_s_curves_reach_its_last_step():
    keys = ("metric_loss", "pose_loss", "positive_distance", "negative_distance")
    history = {key: list(range(13)) for key in keys}
    snapshots = {step: torch.randn(4, 3) for step in (0, 13)}
    data = training_film(history, snapshots, ["a", "a", "b", "b"]).data
    assert data["steps"] == [0, 5, 10, 12]
    assert all(len(y) == 4 for kind in data["curves"].values() for y in kind.values())


def test_instants_are_compared_between_different_cameras():
    """Two cameras, three instants: by hand."""
    embeddings = torch.tensor([[0.0], [1.0], [10.0], [13.0], [20.0], [20.0]])
    D = between_instants(embeddings, 2)
    assert D.diagonal().tolist() == [1, 3, 0]
    assert D[0, 1] == (13 + 9) / 2 == D[1, 0] and D[0, 2] == (20 + 19) / 2


def test_the_two_nearest_pictures_are_shown_first():
    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    distances = torch.tensor([[0.0, 3, 2], [3, 0, 1], [2, 1, 0]])
    data = distance_table(images, ["a", "b", "c"], distances).data
    assert data["first"] == [1, 2] and data["distances"][0] == [0, 3, 2]
