import inspect

import pytest
import torch

from mcss.canonical import canonical_pose
from mcss.figures.plots import BLUE, curves, grid, image_grid, skeletons, smoothed, source


def test_a_function_is_shown_exactly_as_it_is():
    shown = source(canonical_pose).data
    assert shown.startswith("```python\n") and inspect.getsource(canonical_pose).rstrip() in shown


def test_images_lie_where_they_should():
    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    images[2] = 200
    sheet = grid(images, columns=2, labels=["a", "b", "c"], scale=2, frames=[None, BLUE, None])
    assert sheet.size == (44, 72)
    assert sheet.getpixel((12, 12)) == (0, 0, 0) and sheet.getpixel((12, 46)) == (200, 200, 200)
    assert sheet.getpixel((22, 10)) == (0, 0x72, 0xB2)  # the frame of the second


def test_a_picture_is_one_jpeg_with_alternative_text():
    data, metadata = image_grid(
        torch.zeros(2, 3, 8, 8, dtype=torch.uint8), columns=2, alt="two black squares"
    )._repr_mimebundle_()
    assert list(data) == ["image/jpeg"] and metadata["image/jpeg"]["alt"] == "two black squares"


def test_figures_have_alternative_text_and_the_data():
    figure = skeletons(torch.randn(2, 17, 3) * 100, ["one", "two"], alt="two people")
    assert figure.layout.meta["alt"] == "two people" and len(figure.data) == 8
    figure = curves([1, 2], {"a": [3.0, 4.0], "b": [5.0, 6.0]}, "x", "y", "two lines", dash=("b",))
    assert list(figure.data[1].y) == [5, 6] and figure.data[1].line.dash == "dash"
    assert figure.layout.meta["alt"] == "two lines"


def test_running_mean():
    assert smoothed([1, 2, 3, 4], window=2).tolist() == pytest.approx([1, 1.5, 2.5, 3.5])
