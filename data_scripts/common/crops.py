"""Crops: from the box round a person to the small square picture that a store keeps."""

import io

import numpy as np
from PIL import Image

QUALITY = 92  # of the JPEG files
FAR = 4  # times the picture's size: a larger box is a mistake, and its crop would fill the memory


def square(box, margin, width, height):
    """The square (x0, y0, size) round a box (x0, y0, x1, y1), of `margin` times its longer side, in
    whole pixels; None where `fault` finds one.
    """
    if fault(box, margin, width, height):
        return None
    x0, y0, x1, y1 = (float(value) for value in box)
    size = max(1, round(max(x1 - x0, y1 - y0) * margin))
    return round((x0 + x1 - size) / 2), round((y0 + y1 - size) / 2), size


def fault(box, margin, width, height):
    """Why no picture can be cut round a box (x0, y0, x1, y1) from one of this width and height, in
    words; None if it can.
    """
    if box is None or not np.isfinite(box).all():
        return "no box for them"
    x0, y0, x1, y1 = (float(value) for value in box)
    if x1 <= x0 or y1 <= y0:
        return "a box of size zero"
    if x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
        return "a box outside the picture"
    if max(x1 - x0, y1 - y0) * margin > FAR * max(width, height):
        return "a box far larger than the picture"
    return None


def upright(frame):
    """An `av.VideoFrame` as a PIL image as a player shows it: telephones film lying on their side,
    and front cameras mirrored. Raises `ValueError` if it is turned by anything but quarters.
    """
    picture = frame.to_image()
    matrix = _display(frame)
    if not (np.isclose(abs(matrix), 0).sum() == 2 and np.linalg.det(matrix)):
        raise ValueError(
            "its header asks to show it turned by no quarter of a circle: write it again upright,"
            " as with ffmpeg -i IN OUT"
        )
    if matrix[0, 0] == 0:  # columns become rows
        picture = picture.transpose(Image.Transpose.TRANSPOSE)
    across, down = matrix.sum(0)
    if across < 0:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if down < 0 else picture


def mirrored(frame):
    """Whether a player shows an `av.VideoFrame` mirrored, as front cameras ask for."""
    return np.linalg.det(_display(frame)) < 0


def _display(frame):
    """The display matrix `(2, 2)` of a frame: a point (column, row) of the file's picture times it
    is where a player shows it, but for a shift.
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return np.eye(2)
    return np.frombuffer(bytes(data), np.int32)[:9].reshape(3, 3)[:2, :2] / (1 << 16)


def cut(picture, crop, image_size):
    """A crop (x0, y0, size) of a PIL image, as a JPEG file of `image_size` pixels square; black
    where it reaches beyond the image.
    """
    x0, y0, size = crop
    region = picture.crop((x0, y0, x0 + size, y0 + size))
    return jpeg(region.resize((image_size, image_size), Image.Resampling.BILINEAR))


def jpeg(picture):
    """The bytes of a PIL image as a JPEG file, in the quality of all stores."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def box_of_points(points):
    """The boxes x0, y0, x1, y1 `(..., 4)` round points `(..., J, 2)`; NaN where a point is NaN."""
    return np.concatenate([points.min(-2), points.max(-2)], -1)
