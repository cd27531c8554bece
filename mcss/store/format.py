"""The format of a store: what the writer puts on disk and the reader expects there.

`README.md` beside this file describes it for people.
"""

import re

import pyarrow as pa

from ..skeleton import JOINTS

FORMAT = "mcss-store"
VERSION = 1
#: The index of a store, written last.
INDEX = "dataset.json"
#: What the index of a finished store holds, besides format, version and `complete`.
KEYS = (
    *("name", "licence", "source", "recipe", "recipe_hash", "fps", "image_size"),
    *("views", "splits", "calibration", "parts"),
)
#: What a subject, a clip or a view may be called.
NAME = re.compile(r"[\w][\w .,()+-]*")
#: Frames in one record batch of a part: what is held in memory while writing, and the
#: step of random access.
FRAMES_A_BATCH = 64
POSE_SIZE, CROP_SIZE = 3 * len(JOINTS), 3


def image_column(view):
    """The column of a view's JPEG files."""
    return f"image {view}"


def crop_column(view):
    """The column of the squares that a view's images show: x0, y0, size in pixels."""
    return f"crop {view}"


def part_schema(views):
    """The Arrow schema of a part: one row a frame, one image and one crop a view."""
    fields = [pa.field("pose", pa.list_(pa.float32(), POSE_SIZE))]
    fields += [pa.field(image_column(view), pa.large_binary()) for view in views]
    fields += [
        pa.field(crop_column(view), pa.list_(pa.float32(), CROP_SIZE)) for view in views
    ]
    return pa.schema(fields)
