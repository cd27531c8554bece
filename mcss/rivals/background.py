"""What each camera sees when nobody is there.

A store holds no picture of the empty room, so it is estimated: people move, the room
does not, and so the median over time of a camera's pixel is the room, wherever the
person stood elsewhere for more than half of the pictures.
"""

import numpy as np
import torch
from torch.nn.functional import grid_sample

#: Pictures a plate is the median of.
PICTURES = 160


class Backgrounds:
    """The empty rooms behind the pictures of a store, estimated on first use.

    store: a `Store` whose crops are known. split: a `Split`; the plates are the median
    over its pictures. People share a plate where a camera stood still for all of them.
    """

    def __init__(self, store, split):
        self.store, self.split, self._plates = store, split, {}

    def of(self, subject, frames, views):
        """`(n, 3, h, w)` uint8: the same crops of the room as `Store.images` shows,
        without the person. Arguments as there.
        """
        frames = np.asarray(frames)
        views = np.broadcast_to(np.asarray(views), frames.shape)
        crops, size = self.store.crops(subject), self.store.image_size
        found = torch.empty(len(frames), 3, size, size, dtype=torch.uint8)
        for view in np.unique(views):
            rows = np.flatnonzero(views == view)
            plate, box = self.plate(subject, view)
            boxes = torch.from_numpy(crops[frames[rows], view]).float()
            pixels = _resampled(plate.expand(len(rows), -1, -1, -1), box, boxes, size)
            found[rows] = pixels.round().clamp(0, 255).byte()
        return found

    def plate(self, subject, view):
        """(`(3, H, W)` float32, 0 to 255, and the square x0, y0, size of the camera's
        image that it shows) for one camera.
        """
        alike = self._who_shares(subject, view)
        key = alike[0], view
        if key not in self._plates:
            self._plates[key] = self._median(alike, view)
        return self._plates[key]

    def _who_shares(self, subject, view):
        """The subjects for whom this camera stood as for this one, in order."""
        cameras = self.store.calibration.cameras if self.store.calibration else {}
        name = self.store.view_names[view]
        own = cameras.get(subject, {}).get(name)
        others = self.split.subjects if own else []
        alike = [s for s in others if cameras.get(s, {}).get(name) == own]
        return alike or [subject]

    def _median(self, subjects, view):
        rng, pictures, boxes = np.random.default_rng(0), [], []
        for subject in subjects:
            frames = self.split.frames.get(subject, ())
            frames = frames if len(frames) else np.arange(self.store.length(subject))
            frames = frames[self.store.present(subject)[frames, view]]
            share = min(len(frames), -(-PICTURES // len(subjects)))
            chosen = np.sort(rng.choice(frames, share, replace=False))
            pictures.append(self.store.images(subject, chosen, view))
            boxes.append(self.store.crops(subject)[chosen, view])
        pictures = torch.cat(pictures).float()
        boxes = torch.from_numpy(np.concatenate(boxes)).float()
        low = boxes[:, :2].amin(0)
        size = (boxes[:, :2] + boxes[:, 2:]).amax(0).sub(low).amax()
        box = torch.cat([low, size[None]])
        # about as fine as the pictures are
        side = int(self.store.image_size * size / boxes[:, 2].median())
        stacked = _resampled(
            pictures, boxes, box.expand(len(boxes), 3), side, torch.nan
        )
        plate = stacked.nanmedian(0).values
        # where no picture ever showed the room
        unseen = pictures.mean((0, 2, 3))[:, None, None].expand_as(plate)
        return torch.where(plate.isnan(), unseen, plate), box


def _resampled(pictures, shown, wanted, side, outside=None):
    """Pictures `(n, 3, h, w)` that show the squares `shown` (x0, y0, size) of a
    camera's image, cut anew to the squares `wanted`, `side` pixels wide.

    outside: what stands where a picture does not reach; None: its nearest pixel.
    """
    shown, wanted = shown.expand(len(pictures), 3), wanted.expand(len(pictures), 3)
    steps = (torch.arange(side) + 0.5) / side
    place = wanted[:, None, :2] + wanted[:, None, 2:] * steps[:, None]  # (n, side, xy)
    place = 2 * (place - shown[:, None, :2]) / shown[:, None, 2:] - 1
    x, y = place.unbind(-1)
    columns = x[:, None].expand(-1, side, -1)
    rows = y[:, :, None].expand(-1, -1, side)
    grid = torch.stack([columns, rows], -1)
    pixels = grid_sample(
        pictures, grid, padding_mode="border", align_corners=False, mode="bilinear"
    )
    if outside is None:
        return pixels
    beyond = (grid.abs() > 1).any(-1)[:, None]
    return torch.where(beyond, outside, pixels)
