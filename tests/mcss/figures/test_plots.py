import base64
import inspect
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from mcss.canonical import canonical_pose
from mcss.figures.plots import BLUE, curves, image_grid, skeletons, smoothed, source


def test_a_function_is_shown_exactly_as_it_is():
    shown = source(canonical_pose).data
    assert shown.startswith("```python\n") and inspect.getsource(canonical_pose).rstrip() in shown


def pictures_of(grid):
    """What `image_grid` shows: `[(alternative text, PIL image)]`."""
    found = re.findall(
        r'<img alt="([^"]*)" src="data:image/jpeg;base64,([^"]*)"', grid._repr_html_()
    )
    return [(alt, Image.open(io.BytesIO(base64.b64decode(text)))) for alt, text in found]


def test_each_picture_stands_with_its_text():
    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    images[2] = 200
    shown = image_grid(images, 2, "three squares", ["a", "<b>", "c"], 2, [None, BLUE, None])
    assert [alt for alt, _ in pictures_of(shown)] == ["a", "&lt;b&gt;", "c"]
    assert [picture.getpixel((4, 4))[0] for _, picture in pictures_of(shown)] == [0, 0, 200]
    page = shown._repr_html_()
    assert re.findall("<figcaption>(.*?)</figcaption>", page) == ["a", "&lt;b&gt;", "c"]
    assert page.count("border:4px solid") == 1 and 'aria-label="three squares"' in page
    assert "--columns:2;--few:2;--width:16px" in page


@pytest.mark.parametrize("columns, few", [(1, 1), (4, 4), (5, 5), (6, 3), (7, 4), (8, 4), (9, 3)])
def test_on_a_phone_a_row_breaks_into_equal_ones(columns, few):
    images = torch.zeros(columns, 3, 8, 8, dtype=torch.uint8)
    assert f"--few:{few};" in image_grid(images, columns, "squares")._repr_html_()


def test_joints_are_marked_where_they_are():
    points = torch.tensor([[[4.0, 2.0]]])
    images = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    ((_, picture),) = pictures_of(image_grid(images, 1, "a joint", scale=8, points=points))
    assert picture.size == (64, 64)
    assert picture.getpixel((32, 16))[0] > 200 and max(picture.getpixel((8, 56))) < 20


def test_every_picture_has_a_text():
    with pytest.raises(ValueError, match="2 images, but 1 labels"):
        image_grid(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), 2, "squares", ["a"])


def test_skeletons_stand_on_the_root():
    world = torch.randn(2, 17, 3) * 100 + 1000
    shown = skeletons(world, ["one", "two"], alt="two people", turn=0)
    assert shown.alt == "two people" and shown.data["names"] == ["one", "two"]
    assert np.allclose(shown.data["poses"], world - world[:, :1], atol=0.51)
    assert shown.data["turn"] == 0
    pose = (world - world[:, :1])[:, 1:]
    assert skeletons(pose).data["poses"] == shown.data["poses"]


def test_curves_have_alternative_text_and_the_data():
    figure = curves([1, 2], {"a": [3.0, 4.0], "b": [5.0, 6.0]}, "x", "y", "two lines", dash=("b",))
    assert list(figure.data[1].y) == [5, 6] and figure.data[1].line.dash == "dash"
    assert figure.layout.meta["alt"] == "two lines"


def test_running_mean():
    assert smoothed([1, 2, 3, 4], window=2).tolist() == pytest.approx([1, 1.5, 2.5, 3.5])
