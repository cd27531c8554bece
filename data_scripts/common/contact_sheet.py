"""What one looks at after a conversion: is the person in the pictures?"""

import numpy as np
import torch

from mcss.data import open_store
from mcss.figures.sheets import grid
from mcss.store.files import atomic_write

ROWS = 40  # clips of a sheet at most, evenly chosen
SHOWN = 128  # pixels of a picture at least


def contact_sheets(path):
    """Writes a PNG for each view of the finished store at `path`: of each clip the first, the
    middle and the last picture. Returns the folder that holds them.
    """
    store, folder = open_store(path), path / "look"
    folder.mkdir(exist_ok=True)
    clips = [(subject, clip) for subject in store.subjects for clip in store.clips(subject)]
    if len(clips) > ROWS:
        clips = [clips[k] for k in np.linspace(0, len(clips) - 1, ROWS).round().astype(int)]
    for v, view in enumerate(store.view_names):
        images, labels = [], []
        for subject, clip in clips:
            seen = clip.start + np.flatnonzero(store.present(subject)[clip.start : clip.stop, v])
            chosen = seen[[0, len(seen) // 2, -1]] if len(seen) else []
            if len(seen):
                images += list(store.images(subject, chosen, v).numpy())
            else:
                images += [np.full((3, store.image_size, store.image_size), 230, np.uint8)] * 3
            labels += [f"{subject}/{clip.source}, frame {frame}" for frame in chosen]
            labels += [f"{subject}/{clip.source}: nothing"] * (3 - len(chosen))
        sheet = grid(torch.from_numpy(np.stack(images)), 3, labels, -(-SHOWN // store.image_size))
        with atomic_write(folder / f"{view}.png") as temporary:
            sheet.save(temporary, "PNG")
    return folder
