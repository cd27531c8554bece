"""One frame as a row of a part: what a converter gives, checked before it is kept."""

import io

import numpy as np
from PIL import ExifTags, Image, ImageOps

from ..skeleton import JOINTS
from .format import crop_column, image_column

#: JPEG's marks of the begin of a scan and of the end; within a scan there are none.
SCAN, END = b"\xff\xda", b"\xff\xd9"


def row_of(frame, views, image_size, where):
    """The row of one frame, a dict by column.

    frame: a dict as `StoreWriter.add` takes it. views: names. image_size: pixels.
    where: the clip and frame, for the `ValueError` that says what is wrong.
    """
    images, crops, pose = frame["images"], frame.get("crops"), frame.get("pose")
    fits = crops is None or np.shape(crops) == (len(views), 3)
    if len(images) != len(views) or not fits:
        raise ValueError(
            f"{where}: needs {len(views)} images and crops (x0, y0, size), one a view"
        )
    row = {}
    if pose is not None:
        pose = np.asarray(pose, np.float32)
        if pose.shape != (len(JOINTS), 3) or not np.isfinite(pose).all():
            raise ValueError(
                f"{where}: a pose must be ({len(JOINTS)}, 3) finite millimetres, or"
                " None where there is no truth"
            )
        row["pose"] = pose.ravel()
    for v, view in enumerate(views):
        image = images[v]
        if image is not None:
            image = checked_image(image, image_size, f"{where}, view {view}")
        row[image_column(view)] = image
        crop = None if crops is None else np.asarray(crops[v], np.float32)
        row[crop_column(view)] = crop
    return row


def checked_image(image, size, where):
    """The bytes `image`, a JPEG file of size x size; written again if its EXIF data ask
    to turn or mirror it, for the store's readers would not. Raises `ValueError` for
    anything else, and for a file that is cut off.
    """
    try:
        with Image.open(io.BytesIO(image)) as picture:  # reads no pixels
            kind, (width, height) = picture.format, picture.size
            turned = picture.getexif().get(ExifTags.Base.Orientation, 1) != 1
    except (OSError, SyntaxError):
        raise ValueError(
            f"{where}: this is no picture; give the bytes of a JPEG file, or None where"
            " there is none"
        ) from None
    if (kind, width, height) != ("JPEG", size, size):
        raise ValueError(
            f"{where}: this is a {kind} file of {width} x {height} pixels; the store"
            f" takes JPEG files of image_size, {size}"
        )
    if image.rfind(END) < image.rfind(SCAN):
        raise ValueError(f"{where}: this JPEG file is cut off; get it again")
    return _upright(image) if turned else image


def _upright(image):
    with Image.open(io.BytesIO(image)) as picture:
        file = io.BytesIO()
        turned = ImageOps.exif_transpose(picture)
        turned.save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()
