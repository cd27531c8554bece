"""Mean-PA-MPJPE@K: how alike in pose are the images that lie nearest in the embedding
(Section 6.1)?
"""

from typing import NamedTuple

import torch

from .fast.neighbours import nearest, smallest
from .metrics import pairwise_pa_mpjpe, worth_compiling
from .skeleton import check_pose

#: Query-gallery pairs looked at together, 16 times as many on a GPU; bounds memory,
#: whatever the size of the gallery.
PAIRS_AT_ONCE = 1 << 24


class MeanPaMpjpe(NamedTuple):
    """Each a dict `{k: mm}`, averaged over the queries."""

    model: dict  #: M(k), mean PA-MPJPE of the k nearest in the embedding
    oracle: dict  #: O(k), mean of the k smallest PA-MPJPE in the same gallery
    relative: dict  #: M(k) - O(k), what the paper's Fig. 5 and Table 4 show


def gallery_of(query, subjects, views, cross_subject=False):
    """`(n,)` bool: which of n images a query may search.

    query: its index. subjects, views: `(n,)` tensors or arrays. An image of the query's
    own view is too easy to find; in Case 2 (`cross_subject`) so is its own subject's.
    In Case 1 the same instant seen by the other cameras is there to be found.
    """
    allowed = views != views[query]
    if cross_subject:
        allowed &= subjects != subjects[query]
    return allowed


def mean_pa_mpjpe_at_k(
    embeddings, poses, subjects, views, ks, cross_subject=False, queries=None
):
    """Mean-PA-MPJPE@K of cross-view retrieval, with the Oracle's and the difference: a
    `MeanPaMpjpe`.

    embeddings `(n, d)`; poses `(n, 16, 3)` or `(n, 17, 3)`; subjects, views: n labels
    each, of any kind. ks: the numbers of neighbours. cross_subject: see `gallery_of`.
    queries: indices of the images to ask for, None for all. The work takes bounded
    memory.

    Raises `ValueError` for NaN, for lengths that differ, for an empty gallery and for a
    k larger than one.
    """
    poses = check_pose(poses, "poses", None)
    embeddings = torch.as_tensor(embeddings, device=poses.device).float()
    lengths = {len(embeddings), len(poses), len(subjects), len(views)}
    if embeddings.ndim != 2 or poses.ndim != 3 or len(lengths) > 1:
        raise ValueError(
            f"embeddings {tuple(embeddings.shape)}, poses {tuple(poses.shape)},"
            f" {len(subjects)} subjects and {len(views)} views must be (n, d),"
            " (n, J, 3), n and n"
        )
    if not torch.isfinite(embeddings).all():
        raise ValueError("embeddings hold NaN or infinity: did training diverge?")
    ks = sorted({int(k) for k in ks})
    if not ks or ks[0] < 1:
        raise ValueError(f"every k must be at least 1, and one is needed; got {ks}")

    # Both sums run over the ranks 1 to k, so one pass serves all k.
    model, oracle = torch.zeros(2, ks[-1], dtype=torch.float64, device=poses.device)
    count = 0
    for chunk, gallery, errors in _galleries(
        poses, subjects, views, cross_subject, queries, ks[-1]
    ):
        neighbours = nearest(embeddings[chunk], embeddings[gallery], ks[-1])[1]
        model += errors.gather(1, neighbours).double().sum(0)
        oracle += smallest(errors, ks[-1])[0].double().sum(0)
        count += len(chunk)

    M, O = (  # noqa: E741 the paper's letters
        {k: total[:k].sum().item() / (k * count) for k in ks}
        for total in (model, oracle)
    )
    return MeanPaMpjpe(M, O, {k: M[k] - O[k] for k in ks})


def right_instant(embeddings, times, views, within=0.2):
    """How often the nearest picture of another view shows the query's instant, and how
    often a blind pick would: `(rate, blind)`. It needs no poses.

    embeddings `(n, d)`, of one person; times `(n,)`: seconds; views `(n,)`; arrays or
    tensors. within: seconds that still count. Raises `ValueError` for a single view.
    """
    times, views = torch.as_tensor(times).double(), torch.as_tensor(views)
    right = blind = 0.0
    for view in views.unique():
        asks, others = views == view, views != view
        found = nearest(embeddings[asks], embeddings[others], 1)[1][:, 0]
        late = (times[others][found] - times[asks]).abs()
        right += (late <= within + 1e-9).sum().item()
        gallery = times[others].sort().values
        near = torch.searchsorted(gallery, times[asks] + within + 1e-9, right=True)
        near -= torch.searchsorted(gallery, times[asks] - within - 1e-9)
        blind += (near / len(gallery)).sum().item()
    return right / len(views), blind / len(views)


def random_pick(poses, subjects, views, cross_subject=False, queries=None):
    """The PA-MPJPE in mm of a gallery image picked blindly, averaged over the queries:
    the floor to compare with.

    Arguments as in `mean_pa_mpjpe_at_k`. It is exact: the mean over the whole gallery
    of each query.
    """
    poses = check_pose(poses, "poses", None)
    total, count = 0.0, 0
    for _, _, errors in _galleries(poses, subjects, views, cross_subject, queries, 1):
        total += errors.double().mean(1).sum().item()
        count += len(errors)
    return total / count


def _galleries(poses, subjects, views, cross_subject, queries, k):
    """Chunks of queries `(q,)`, the images that they may search `(n,)`, at least k, and
    the PA-MPJPE between them, `(q, n)` in mm.

    Queries that share a view (and, cross-subject, a subject) share a gallery. All views
    of an instant share its pose, so each different pose that is asked for is aligned
    once with each different pose.
    """
    device = poses.device
    subjects, views = (_numbered(labels, device) for labels in (subjects, views))
    if queries is None:
        queries = torch.arange(len(poses), device=device)
    queries = torch.as_tensor(queries, device=device, dtype=torch.long)
    if not len(queries):
        raise ValueError("needs at least one query")
    poses, pose_of = poses.unique(dim=0, return_inverse=True)
    pairs = len(pose_of[queries].unique()) * len(poses)
    compile = worth_compiling(pairs, device)
    alike = views * (len(subjects) + 1) + subjects if cross_subject else views
    galleries = {}
    for kind in alike[queries].unique().tolist():
        first = queries[alike[queries] == kind][0]
        allowed = gallery_of(first, subjects, views, cross_subject)
        galleries[kind] = allowed.nonzero()[:, 0]
        if len(galleries[kind]) < k:
            raise _too_small(galleries[kind], first, k)
    at_once = PAIRS_AT_ONCE * (16 if poses.is_cuda else 1)
    in_order = queries[pose_of[queries].argsort()]
    for chunk in in_order.split(max(1, at_once // len(views))):
        wanted, row = pose_of[chunk].unique(return_inverse=True)
        errors = pairwise_pa_mpjpe(poses[wanted], poses, compile)
        for kind in alike[chunk].unique().tolist():
            members, gallery = alike[chunk] == kind, galleries[kind]
            yield chunk[members], gallery, errors[row[members]][:, pose_of[gallery]]


def _numbered(labels, device):
    """Labels of any kind as integers."""
    labels, numbers = labels.tolist() if hasattr(labels, "tolist") else labels, {}
    return torch.tensor(
        [numbers.setdefault(label, len(numbers)) for label in labels], device=device
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
