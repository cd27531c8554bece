"""Pictures changed at random: not in the paper (chapter 'Better than the paper')."""

import numpy as np
import torch
from torch.nn import functional

#: How far `augmented` goes: share of the side that a picture is shifted and zoomed by,
#: and by how much brightness, contrast and saturation change, all at most.
SHIFT, ZOOM, COLOUR = 0.08, 0.12, 0.3


def augmented(images, rng, same=1):
    """Pictures shifted, zoomed and recoloured at random.

    images: `(n, 3, h, w)` uint8. rng: numpy's. same: this many equal parts of the batch
    get the same changes, row by row (2: anchors and positives). Returns uint8.
    """
    n = len(images) // same
    draw = torch.from_numpy(rng.uniform(-1, 1, (n, 6)).astype(np.float32))
    draw = draw.repeat(same, 1).to(images.device)
    theta = draw.new_zeros(len(images), 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 + ZOOM * draw[:, 0]
    theta[:, :, 2] = 2 * SHIFT * draw[:, 1:3]
    grid = functional.affine_grid(theta, images.shape, align_corners=False)
    seen = functional.grid_sample(
        images.float(), grid, padding_mode="border", align_corners=False
    )
    brightness, contrast, saturation = (1 + COLOUR * draw[:, 3:]).T[
        ..., None, None, None
    ]
    seen = seen * brightness
    middle = seen.mean((1, 2, 3), keepdim=True)
    seen = middle + contrast * (seen - middle)
    grey = seen.mean(1, keepdim=True)
    seen = grey + saturation * (seen - grey)
    return seen.round().clamp(0, 255).to(torch.uint8)
