"""Mean-PA-MPJPE@K with its Oracle, against scikit-learn's neighbours and alignment by singular
value decomposition.
"""

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from torch.nn.functional import normalize

from mcss.retrieval import mean_pa_mpjpe_at_k

from .procrustes import by_svd, poses
from .timing import interleaved, row

KS, VIEWS, ASKED = (1, 5, 10, 20), 4, 200
SIZES = (2_000, 8_000, 35_000)


def images(n, device, poses_repeat=True):
    """n test images: two subjects, four views of each instant, or, if poses do not repeat, n
    different instants.
    """
    generator = torch.Generator().manual_seed(1)
    pose = (
        poses(n // VIEWS, device).repeat_interleave(VIEWS, 0) if poses_repeat else poses(n, device)
    )
    embedding = normalize(torch.randn(n, 128, generator=generator), dim=1).to(device)
    return embedding, pose, [2 * i // n for i in range(n)], [i % VIEWS for i in range(n)]


def peer(embedding, pose, views, queries):
    """The same for some queries, as a careful reader of scikit-learn would write it: model and
    Oracle at the largest K.
    """
    views, k = np.asarray(views), KS[-1]
    model, oracle = 0.0, 0.0
    for view in np.unique(views[queries]):
        gallery = np.flatnonzero(views != view)
        asked = queries[views[queries] == view]
        search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(
            embedding[gallery].cpu().numpy()
        )
        nearest = search.kneighbors(embedding[asked].cpu().numpy(), return_distance=False)
        for q, found in zip(asked, nearest):
            errors = by_svd(pose[gallery], pose[q].expand(len(gallery), -1, -1))
            model += errors[found].mean().item() / len(queries)
            oracle += errors.topk(k, largest=False).values.mean().item() / len(queries)
    return model, oracle


def rows(device, rounds):
    for repeat, name in ((True, "four views an instant"), (False, "every pose different")):
        for n in SIZES:
            embedding, pose, subjects, views = images(n, device, repeat)
            queries = np.random.default_rng(0).choice(n, ASKED, replace=False)
            ours = mean_pa_mpjpe_at_k(embedding, pose, subjects, views, KS, queries=queries)
            model, oracle = peer(embedding, pose, views, queries)
            difference = max(abs(ours.model[KS[-1]] - model), abs(ours.oracle[KS[-1]] - oracle))
            work = {
                "ours": lambda: mean_pa_mpjpe_at_k(embedding, pose, subjects, views, KS),
                "scikit-learn and SVD": lambda: peer(embedding, pose, views, queries),
            }
            seconds = interleaved(work, 1 if n == SIZES[-1] else min(rounds, 3), warm=0)
            yield row(
                f"Mean-PA-MPJPE@K, {name}",
                n,
                "images",
                seconds,
                "scikit-learn and SVD",
                scale={"scikit-learn and SVD": n / ASKED},
                target=15 if n == SIZES[-1] else None,
                note=f"peer timed on {ASKED} queries; results differ by {difference:.1g} mm",
            )
