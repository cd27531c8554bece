"""Element 9: a person drawn from one picture, as they would look after a turn; beside
it what the nearest camera really saw (Rhodin et al., ECCV 2018).
"""

import numpy as np
import torch

from .element import Element, sheet


def novel_view(pictures):
    """An `Element`: each of some pictures with its turns, as a network draws them.

    pictures: a list of dicts: 'name'; 'drawn' `(k, 3, h, w)` uint8, after turns in k
    equal steps from 0; 'true' `(v, 3, h, w)` uint8, what the v cameras saw; 'angles'
    `(v,)`, after what turn, in degrees, each camera would see what the first saw;
    'source', which camera took the picture.
    """
    shown = [
        {
            "name": of["name"],
            "drawn": sheet(of["drawn"]),
            "true": sheet(of["true"]),
            "angles": [
                round(float(angle) % 360, 1) for angle in np.asarray(of["angles"])
            ],
            "source": of["source"],
        }
        for of in pictures
    ]
    steps = {len(torch.as_tensor(of["drawn"])) for of in pictures}
    if len(steps) != 1 or 360 % min(steps):
        raise ValueError(
            f"all pictures need equally many turns of whole degrees: {steps}"
        )
    return Element(
        "novel_view",
        "One picture of a person, and a network's drawing of them after a turn. A"
        " slider turns the person; beside it stands what the nearest camera saw.",
        {"pictures": shown, "step": 360 // steps.pop()},
    )
