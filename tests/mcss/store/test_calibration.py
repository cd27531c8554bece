import json

import torch
from toy import toy_frames, writer_at

from mcss.data import open_store


def test_calibration_projects_into_the_crop(tmp_path):
    """A camera 5 m in front of the origin, looking along -Y; the crop starts at (100, 50) and is
    400 pixels wide.
    """
    camera = {
        "K": [[1000, 0, 320], [0, 1000, 240], [0, 0, 1]],
        "R": [[-1, 0, 0], [0, 0, -1], [0, -1, 0]],
        "t": [0, 0, 5000],
        "distortion": None,
        "size": [640, 480],
    }
    frames = [
        dict(frame, images=frame["images"][:1], crops=[[100, 50, 400]])
        for frame in toy_frames(0, 2, 32)
    ]
    with writer_at(tmp_path / "s") as writer:
        writer.add("S", "c", "", frames)
        writer.finish({}, {"S": {"a": camera}})
    store = open_store(tmp_path / "s")
    point = torch.tensor([[[0.0, 0, 0], [1000, 0, 500]]])
    # whole image: (320, 240) and (320 - 200, 240 - 100)
    expected = torch.tensor([[[220.0, 190], [20, 90]]], dtype=torch.float64) * 32 / 400
    torch.testing.assert_close(store.calibration.project(point, "S", [1], 0), expected)
    distorted = json.loads((tmp_path / "s" / "dataset.json").read_text())
    distorted["calibration"]["S"]["a"]["distortion"] = [0.1, 0, 0.01, 0, 0]
    (tmp_path / "s" / "dataset.json").write_text(json.dumps(distorted))
    # x = -0.2, y = -0.1, r2 = 0.05: x' = x * 1.005 + 2 p1 x y, y' = y * 1.005 + p1 (r2 + 2 y y)
    expected[0, 1] = (torch.tensor([-201.0 + 0.4 + 220, -100.5 + 0.7 + 190])) * 32 / 400
    torch.testing.assert_close(
        open_store(tmp_path / "s").calibration.project(point, "S", [1], 0)[0, 1], expected[0, 1]
    )
