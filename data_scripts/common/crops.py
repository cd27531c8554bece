"""Crops: from the box round a person to the small square picture that a store keeps."""

import io

import numpy as np
from PIL import Image

QUALITY = 92  # of the JPEG files
FAR = 4  # times the picture's size: a larger box is a mistake, and its crop would fill the memory


def square(box, margin, width, height):
    """The square (x0, y0, size) round a box (x0, y0, x1, y1), of `margin` times its longer side, in
    whole pixels.

    None if the box is None, has a side of zero or a NaN, lies outside a picture of this width and
    height, or is far larger than it.
    """
    if box is None or not np.isfinite(box).all():
        return None
    x0, y0, x1, y1 = (float(value) for value in box)
    if x1 <= x0 or y1 <= y0 or x1 <= 0 or y1 <= 0 or x0 >= width or y0 >= height:
        return None
    size = max(1, round(max(x1 - x0, y1 - y0) * margin))
    if size > FAR * max(width, height):
        return None
    return round((x0 + x1 - size) / 2), round((y0 + y1 - size) / 2), size


#: What a display matrix ((a, c), (b, d)) does to a picture: x' = a x + c y, y' = b x + d y.
TURNS = {
    (1, 0, 0, 1): None,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_270,  # clockwise; PIL counts the other way
    (0, 1, -1, 0): Image.Transpose.ROTATE_90,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}


def upright(frame):
    """An `av.VideoFrame` as a PIL image as a player shows it: telephones film lying on their side,
    and front cameras mirrored. Raises `ValueError` for a display matrix that is no such turn.
    """
    picture, matrix = frame.to_image(), frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return picture
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32) / 65536
    turn = tuple(round(value) for value in (a, c, b, d))
    if turn not in TURNS:
        raise ValueError(
            f"its pictures are to be shown turned or stretched by the matrix {a:g}, {c:g}; {b:g},"
            f" {d:g}: write it again as it is shown, as with ffmpeg -i IN OUT"
        )
    return picture if TURNS[turn] is None else picture.transpose(TURNS[turn])


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
