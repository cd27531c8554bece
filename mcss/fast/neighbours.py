"""The k nearest of many embeddings: exact, in bounded memory, without an index to build
first.
"""

import torch

from .full_float32 import full_float32

#: Values of a row looked at together before the smallest are sought among them.
GROUP = 32
#: Queries and gallery embeddings compared at once: what a core's cache holds, and what
#: fills a GPU.
BLOCK = {"cpu": (128, 1 << 15), "cuda": (1 << 12, 1 << 17)}


def nearest(queries, gallery, k):
    """`(distances, indices)`, each `(q, k)`, the nearest first: Euclidean distances
    from `(q, d)` to the nearest of `(n, d)`.

    Of two that are equally near to six digits either may come first, or be the last of
    the k. Raises `ValueError` if the shapes do not fit or k is larger than the gallery.
    """
    if queries.ndim != 2 or gallery.ndim != 2 or queries.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"queries (q, d) and gallery (n, d) do not fit: {tuple(queries.shape)} and"
            f" {tuple(gallery.shape)}"
        )
    if not 1 <= k <= len(gallery):
        raise ValueError(
            f"k = {k} must be at least 1 and no larger than the gallery, which has"
            f" {len(gallery)} images"
        )
    rows, columns = BLOCK.get(queries.device.type, BLOCK["cpu"])
    squares, neighbours = gallery.square().sum(1), []
    none = torch.empty(0, k, dtype=torch.long, device=queries.device)
    for part in queries.split(rows):
        value, index = queries.new_empty(len(part), 0), none.new_empty(len(part), 0)
        for j in range(0, len(gallery), columns):
            # |g|^2 - 2 q.g ranks as the distance does
            near, squared = gallery[j : j + columns], squares[j : j + columns]
            with full_float32():
                block = torch.addmm(squared, part, near.T, alpha=-2)
            v, i = smallest(block, min(k, block.shape[1]))
            value, index = torch.cat((value, v), 1), torch.cat((index, i + j), 1)
            value, place = value.topk(min(k, value.shape[1]), largest=False)
            index = index.gather(1, place)
        # once more as differences, which is exact also near 0
        distance = torch.linalg.vector_norm(gallery[index] - part[:, None], dim=2)
        distance, place = distance.sort(dim=1, stable=True)
        neighbours.append((distance, index.gather(1, place)))
    if not neighbours:
        return queries.new_empty(0, k), none
    return tuple(torch.cat(column) for column in zip(*neighbours))


def smallest(values, k):
    """`values.topk(k, largest=False)` of `(q, n)`, in a fraction of its time for a long
    row.

    The k smallest lie in those k groups of the row that have the smallest minima, and
    minima are quick to find.
    """
    width = values.shape[1] // GROUP
    if width < 4 * k:
        return tuple(values.topk(k, dim=1, largest=False))
    members, rest = (
        values[:, : width * GROUP].unflatten(1, (GROUP, width)),
        values[:, width * GROUP :],
    )
    groups = members.amin(1).topk(k, dim=1, largest=False, sorted=False).indices
    candidates = members.gather(2, groups[:, None].expand(-1, GROUP, -1)).flatten(1)
    value, place = torch.cat((candidates, rest), 1).topk(k, dim=1, largest=False)
    in_group = place // k * width + groups.gather(1, place % k)
    return value, torch.where(place < GROUP * k, in_group, place + (width - k) * GROUP)
