import numpy as np
import torch

from mcss.rivals.background import Backgrounds, _resampled

WALL = torch.tensor([90.0, 100, 90])[:, None, None]  # as `toy.draw` paints it


def test_the_median_over_time_leaves_the_person_out(seen):
    """Where a limb is in some pictures but not in most, there is the wall."""
    rooms = Backgrounds(seen, seen.splits["train"])
    for view in range(4):
        images = torch.cat([seen.images(s, range(40), view) for s in "AB"]).float()
        covered = ((images - WALL).abs().amax(1) > 30).float().mean(0)
        sometimes = (covered > 0.15) & (covered < 0.35)
        assert sometimes.sum() > 10
        room = rooms.of("A", [3], view)[0].float()
        off = (room - WALL).abs().amax(0)
        of_mean = (images.mean(0) - WALL).abs().amax(0)
        assert off[sometimes].mean() < 0.4 * of_mean[sometimes].mean()
        always = covered > 0.9
        assert off[always].mean() > 20  # whoever never moves becomes a piece of furniture


def test_people_share_the_room_where_the_camera_stood_still(seen, store):
    rooms = Backgrounds(seen, seen.splits["train"])
    assert rooms.plate("A", 1)[0] is rooms.plate("B", 1)[0]
    assert rooms.plate("A", 1)[0] is not rooms.plate("A", 2)[0]
    alone = Backgrounds(store, store.splits["train"])  # whose cameras nobody knows
    assert alone.plate("A", 1)[0] is not alone.plate("B", 1)[0]


def test_cutting_a_crop_anew():
    """The right half of a picture of 8 px, at twice the resolution."""
    ramp = torch.arange(8.0).expand(1, 3, 8, 8)
    shown, wanted = torch.tensor([[100.0, 50, 80]]), torch.tensor([[140.0, 50, 40]])
    cut = _resampled(ramp, shown, wanted, 8)
    assert torch.allclose(cut[0, 0, 0], torch.linspace(3.75, 7, 8).clamp(max=7), atol=0.3)
    assert torch.allclose(cut[0, 0, 0].diff()[:6], torch.tensor(0.5))
    beyond = _resampled(ramp, shown, torch.tensor([[150.0, 50, 80]]), 8, torch.nan)
    assert beyond[0, 0, 0].isnan().tolist() == [False] * 3 + [True] * 5


def test_frames_of_another_split_have_a_room(seen):
    rooms = Backgrounds(seen, seen.splits["train"])  # without C
    assert rooms.of("C", np.array([0]), 3).shape == (1, 3, 32, 32)
