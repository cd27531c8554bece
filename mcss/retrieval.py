"""Mean-PA-MPJPE@K: how alike in pose are the images that lie nearest in the embedding
(Section 6.1)?
"""

from typing import NamedTuple

import torch

from .fast.neighbours import nearest, smallest
from .metrics import COMPILED_FROM, pairwise_pa_mpjpe
from .skeleton import check_pose

#: Query-gallery pairs looked at together, 16 times as many on a GPU; bounds memory,
#: whatever the size of the gallery.
PAIRS_AT_ONCE = 1 << 24


class MeanPaMpjpe(NamedTuple):
    """Each a dict `{k: mm}`, averaged over the queries."""

    model: dict  #: M(k), mean PA-MPJPE of the k nearest in the embedding
    oracle: dict  #: O(k), mean of the k smallest PA-MPJPE in the same gallery
    relative: dict  #: M(k) - O(k), what the paper's Fig. 5 and Table 4 show


def mean_pa_mpjpe_at_k(
    embeddings, poses, subjects, views, ks, cross_subject=False, queries=None
):
    """Mean-PA-MPJPE@K of cross-view retrieval, with the Oracle's and the difference: a
    `MeanPaMpjpe`.

    embeddings `(n, d)`; poses `(n, 16, 3)` or `(n, 17, 3)`; subjects, views: n labels
    each, of any kind.
    ks: the numbers of neighbours. cross_subject: leave the query's own subject out of
    its gallery (Case 2); its own view is always left out, so in Case 1 the same instant
    seen by the other cameras is there to be found.
    queries: indices of the images to ask for, None for all. The work takes bounded
    memory.

    Raises `ValueError` for NaN, for lengths that differ, for an empty gallery and for a
    k larger than one.
    """
    poses = check_pose(poses, "poses", None)
    embeddings = torch.as_tensor(embeddings, device=poses.device).float()
    n = len(poses)
    if (
        embeddings.ndim != 2
        or poses.ndim != 3
        or not n == len(embeddings) == len(subjects) == len(views)
    ):
        raise ValueError(
            f"embeddings {tuple(embeddings.shape)}, poses {tuple(poses.shape)},"
            f" {len(subjects)} subjects and {len(views)} views must be (n, d), (n, J,"
            " 3), n and n"
        )
    if not torch.isfinite(embeddings).all():
        raise ValueError("embeddings hold NaN or infinity: did training diverge?")
    subjects, views = (_numbered(labels, poses.device) for labels in (subjects, views))
    queries = (
        torch.arange(n, device=poses.device)
        if queries is None
        else torch.as_tensor(queries, device=poses.device)
    )
    ks = sorted({int(k) for k in ks})
    if not len(queries) or not ks or ks[0] < 1:
        raise ValueError(
            f"needs at least one query and every k >= 1; got {len(queries)} queries and"
            f" ks = {ks}"
        )

    # Both sums run over the ranks 1 to k, so one pass serves all k.
    model, oracle = (
        torch.zeros(ks[-1], dtype=torch.float64, device=poses.device) for _ in range(2)
    )
    for chunk, gallery, errors in _galleries(
        poses, subjects, views, cross_subject, queries, ks[-1]
    ):
        found = nearest(embeddings[chunk], embeddings[gallery], ks[-1])[1]
        model += errors.gather(1, found).double().sum(0)
        oracle += smallest(errors, ks[-1])[0].double().sum(0)

    mean = [(total.cumsum(0) / len(queries)).tolist() for total in (model, oracle)]
    m, o = ({k: total[k - 1] / k for k in ks} for total in mean)
    return MeanPaMpjpe(m, o, {k: m[k] - o[k] for k in ks})


def random_pick(poses, subjects, views, cross_subject=False, queries=None):
    """The PA-MPJPE in mm of a gallery image picked blindly, averaged over the queries:
    the floor to compare with.

    Arguments as in `mean_pa_mpjpe_at_k`. It is exact: the mean over the whole gallery
    of each query.
    """
    poses = check_pose(poses, "poses", None)
    subjects, views = (_numbered(labels, poses.device) for labels in (subjects, views))
    queries = (
        torch.arange(len(poses), device=poses.device)
        if queries is None
        else torch.as_tensor(queries, device=poses.device)
    )
    every = _galleries(poses, subjects, views, cross_subject, queries, 1)
    return sum(errors.double().mean(1).sum().item() for _, _, errors in every) / len(
        queries
    )


def _numbered(labels, device):
    """Labels of any kind as integers."""
    names = {}
    return torch.tensor(
        [
            names.setdefault(x, len(names))
            for x in (labels.tolist() if hasattr(labels, "tolist") else labels)
        ],
        device=device,
    )


def _galleries(poses, subjects, views, cross_subject, queries, k):
    """Chunks of queries `(q,)`, the images that they may search `(n,)`, at least k, and
    the PA-MPJPE between them, `(q, n)` in mm.

    Queries that share a view (and, cross-subject, a subject) share a gallery. All views
    of an instant share its pose, so each different pose that is asked for is aligned
    once with each different pose.
    """
    poses, pose_of = poses.unique(dim=0, return_inverse=True)
    compile = len(pose_of[queries].unique()) * len(poses) >= COMPILED_FROM
    alike = views * (len(subjects) + 1) + subjects if cross_subject else views
    galleries = {}
    for kind in alike[queries].unique().tolist():
        first = queries[alike[queries] == kind][0]
        gallery = views != views[first]
        if cross_subject:
            gallery &= subjects != subjects[first]
        galleries[kind] = gallery.nonzero()[:, 0]
        if len(galleries[kind]) < k:
            raise _too_small(galleries[kind], first, k)
    at_once = PAIRS_AT_ONCE * (16 if poses.is_cuda else 1)
    for chunk in queries[pose_of[queries].argsort()].split(
        max(1, at_once // len(views))
    ):
        asked, row = pose_of[chunk].unique(return_inverse=True)
        errors = pairwise_pa_mpjpe(poses[asked], poses, compile)
        for kind in alike[chunk].unique().tolist():
            members = alike[chunk] == kind
            yield (
                chunk[members],
                galleries[kind],
                errors[row[members]][:, pose_of[galleries[kind]]],
            )


def _too_small(gallery, query, k):
    if not len(gallery):
        return ValueError(
            f"the gallery of query {int(query)} is empty: no other view (and,"
            " cross-subject, no other subject) to search"
        )
    return ValueError(
        f"k = {k} is larger than the gallery of query {int(query)}, which has"
        f" {len(gallery)} images: take a smaller k"
    )
