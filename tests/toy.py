"""A toy store: stick figures drawn from four sides. Enough to learn from in seconds, and its truth
is known.
"""

import io

import numpy as np
from PIL import Image, ImageDraw

from mcss.data import StoreWriter, open_store
from mcss.skeleton import BONES

# A person standing upright and facing +X, mm: left is +Y.
REST = np.array([
    (0, 0, 950),
    (0, -120, 930), (0, -120, 500), (0, -120, 80),
    (0, 120, 930), (0, 120, 500), (0, 120, 80),
    (0, 0, 1150), (0, 0, 1400), (30, 0, 1480), (20, 0, 1650),
    (0, 180, 1380), (0, 210, 1100), (0, 220, 850),
    (0, -180, 1380), (0, -210, 1100), (0, -220, 850),
], float)  # fmt: skip


def turned(points, angle):
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])


def figure(rng, phase):
    """A smooth pose: arms and knees swing with `phase`, the body turns slowly."""
    pose = REST.copy()
    lift = 300 * np.sin(phase + np.array([0.0, 2.0]))
    pose[13, [0, 2]] += (abs(lift[0]), 400 * np.sin(phase) + 300)
    pose[16, [0, 2]] += (abs(lift[1]), 400 * np.cos(1.3 * phase) + 300)
    pose[[2, 5], 0] += 150 * np.sin([phase, phase + np.pi])
    return turned(pose, phase / 7)


def draw(pose, view, size, colour):
    seen = turned(pose, view * np.pi / 2)
    image = Image.new("RGB", (size, size), (90, 100, 90))
    pen = ImageDraw.Draw(image)
    points = [(size / 2 + y * size / 2200, size * 0.95 - z * size / 2000) for _, y, z in seen]
    for a, b in BONES:
        pen.line([points[a], points[b]], fill=colour, width=max(1, size // 16))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def toy_frames(seed, count, size, views=4, poses=True):
    rng = np.random.default_rng(seed)
    colour = tuple(int(x) for x in rng.integers(120, 255, 3))
    start = rng.uniform(0, 40)
    for t in range(count):
        pose = figure(rng, start + 0.25 * t) * (1 + 0.02 * (seed % 5))
        yield {
            "pose": pose.astype(np.float32) if poses else None,
            "images": [draw(pose, v, size, colour) for v in range(views)],
            "crops": np.tile([0, 0, size], (views, 1)),
        }


def toy_store(
    path,
    subjects=("A", "B", "C"),
    test=("C",),
    clips=2,
    frames=20,
    size=32,
    fps=10.0,
    poses=True,
    views=4,
):
    with StoreWriter(
        path,
        name="toy",
        licence="CC0",
        source="drawn by the tests",
        recipe={"subjects": list(subjects), "frames": frames, "size": size, "poses": poses},
        fps=fps,
        image_size=size,
        views=[f"cam{v}" for v in range(views)],
    ) as writer:
        for s, subject in enumerate(subjects):
            for c in range(clips):
                if not writer.has(subject, f"clip{c}"):
                    writer.add(
                        subject,
                        f"clip{c}",
                        "Waving",
                        toy_frames(10 * s + c, frames, size, views, poses),
                    )
        writer.finish(
            {
                "train": {
                    "subjects": [s for s in subjects if s not in test],
                    "views": None,
                    "frames": None,
                },
                "test": {"subjects": list(test), "views": None, "frames": None},
            }
        )
    return open_store(path)


def views_missing(path, drop):
    with StoreWriter(
        path,
        name="m",
        licence="",
        source="",
        recipe={},
        fps=10,
        image_size=32,
        views=["a", "b", "c", "d"],
    ) as writer:
        frames = list(toy_frames(0, 10, 32))
        for t, v in drop:
            frames[t]["images"][v] = None
        frames[3]["pose"] = None
        writer.add("S", "c", "Waving", frames)
        writer.finish({"train": {"subjects": ["S"], "views": None, "frames": None}})
    return open_store(path)


def writer_at(path, **changes):
    """A `StoreWriter` for a store of one view, 32 px."""
    return StoreWriter(
        path,
        **{
            "name": "w",
            "licence": "",
            "source": "",
            "recipe": {"a": 1},
            "fps": 10,
            "image_size": 32,
            "views": ["a"],
        }
        | changes,
    )
