"""The distances between a few pictures; a click on one shows its two pictures."""

import torch

from .element import Element, sheet


def distance_table(images, names, distances):
    """An `Element`: n pictures and how far each is from each.

    images: `(n, 3, h, w)` uint8 with n names. distances: `(n, n)`. At first the two
    nearest pictures are chosen.
    """
    distances = torch.as_tensor(distances)
    apart = distances + torch.diag(torch.full((len(distances),), torch.inf))
    first = divmod(int(apart.argmin()), len(distances))
    return Element(
        "distances",
        f"A table of the distances between {len(distances)} pictures, dark where near:"
        " a click on one shows its two pictures.",
        {
            "sheet": sheet(images),
            "names": list(names),
            "distances": distances,
            "first": list(first),
        },
    )
