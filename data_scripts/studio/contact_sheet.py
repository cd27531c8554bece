"""One picture from which a person can judge a recipe: subjects x actions x views."""

import numpy as np
import torch
from PIL import Image

from .studio import Studio


def contact_sheet(recipe, file, actions=None, subjects=None, views=2, moment=0.5, device="cpu"):
    """Writes a PNG with one row a subject and, for each action, `views` neighbouring images of one
    instant.

    actions, subjects: names, all of the recipe's by default; moment: of the clip, 0 to 1.
    """
    studio = Studio(recipe, device)
    rows = []
    for s, subject in enumerate(subjects or recipe.train + recipe.test):
        row = []
        for a, action in enumerate(actions or recipe.actions):
            frames = recipe.frames if subject in recipe.train else recipe.test_frames
            clip = studio.clip(subject, action, 0, frames)
            at = min(frames - 1, int(moment * frames))
            images = studio.images(clip, at, at + 1)[0].clone().cpu()
            row += [images[(s + a + v) % len(images)] for v in range(views)]
        rows.append(torch.cat(row, 2))
    Image.fromarray(np.ascontiguousarray(torch.cat(rows, 1).permute(1, 2, 0).numpy())).save(file)
