import torch

from mcss.figures.plots import BLUE
from mcss.figures.sheets import grid, stick_figure
from mcss.skeleton import JOINTS


def test_pictures_lie_where_they_should():
    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    images[2] = 200
    sheet = grid(images, columns=2, labels=["a", "b", "c"], scale=2, frames=[None, BLUE, None])
    assert sheet.size == (44, 72)
    assert sheet.getpixel((12, 12)) == (0, 0, 0) and sheet.getpixel((12, 46)) == (200, 200, 200)
    assert sheet.getpixel((22, 10)) == (0, 0x72, 0xB2)  # the frame of the second


def test_a_stick_figure_from_the_front_and_from_its_left():
    """Left arm up to the side, right arm ahead: a canonical pose looks along -y."""
    pose = torch.zeros(17, 3)
    place = lambda name, x, y, z: pose.__setitem__(JOINTS.index(name), torch.tensor([x, y, z]))
    place("left wrist", 800.0, 0.0, 800.0)
    place("right wrist", 0.0, -800.0, 0.0)
    front, side = (stick_figure(pose, 100, turn).int() for turn in (0, 90))
    assert front.shape == (3, 100, 100) and front[:, 5, 5].tolist() == [255] * 3
    blue = lambda picture, row, column: picture[2, row, column] > picture[0, row, column] + 80
    orange = lambda picture, row, column: picture[0, row, column] > picture[2, row, column] + 80
    at = 50 + round(600 * 100 / 2300)
    assert blue(front, 100 - at, at) and not blue(front, 100 - at, 100 - at)
    assert orange(side, 50, 100 - at) and not orange(side, 50, at) and blue(side, 100 - at, 50)
    tall = pose.clone()
    tall[1, 2] = 5000.0  # whoever is larger is drawn smaller
    assert (stick_figure(tall, 100)[:, :, 0] == 255).all()
    assert torch.equal(stick_figure(pose[1:], 100).int(), front)
