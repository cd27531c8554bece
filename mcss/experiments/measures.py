"""What is measured on a trained network: functions from an `Evaluated` to a dict."""

from typing import NamedTuple

import numpy as np
import torch
from sklearn.manifold import TSNE

from ..inference import Predictions
from ..metrics import mpjpe, n_mpjpe, pa_mpjpe
from ..retrieval import mean_pa_mpjpe_at_k, random_pick

KS = (1, 2, 5, 10, 20)
QUERIES = 200  #: of each subject, Fig. 6
BINS = np.arange(0, 401, 25)  #: mm, Fig. 6
SHOWN = 800  #: points of the t-SNE map


class Evaluated(NamedTuple):
    """A trained network, seen through its predictions on a split of a store."""

    predictions: Predictions
    pose_mean: torch.Tensor  #: (16, 3) mm, of the labelled training poses
    history: dict  #: of the training
    store: object  #: the store of the images
    seed: int
    labels: torch.Tensor | None = None  #: (n, 16, 3) mm, the poses it had as labels


def with_truth(predictions):
    """The `Predictions` of only those images whose pose is known."""
    known = ~predictions.truth.isnan().flatten(1).any(1)
    tensors = [column[known] for column in predictions[:3]]
    return Predictions(*tensors, *(column[known.numpy()] for column in predictions[3:]))


def pose_errors(evaluated, view=None):
    """N-MPJPE, MPJPE and PA-MPJPE in mm, and the MPJPE of always answering the mean
    pose. view: only images of this one, counted from 0; None: all.
    """
    p = evaluated.predictions
    pose, truth = p.poses, p.truth
    if view is not None:
        of_view = torch.from_numpy(p.views == view)
        pose, truth = pose[of_view], truth[of_view]
    mean_pose = evaluated.pose_mean.expand_as(truth)
    return {
        "N-MPJPE": n_mpjpe(pose, truth).mean().item(),
        "MPJPE": mpjpe(pose, truth).mean().item(),
        "PA-MPJPE": pa_mpjpe(pose, truth).mean().item(),
        "mean pose's MPJPE": mpjpe(mean_pose, truth).mean().item(),
    }


def view_4_errors(evaluated):
    """Table 3: `pose_errors` on the fourth of the split's views only.

    Raises `ValueError` if there are fewer.
    """
    views = np.unique(evaluated.predictions.views)
    if len(views) < 4:
        raise ValueError(
            f"a test on the fourth view needs four: {evaluated.store.path} tests on"
            f" {len(views)}"
        )
    return pose_errors(evaluated, views[3])


def retrieval(evaluated):
    """Mean-PA-MPJPE@K in mm, same and cross subject: 'model', 'oracle' and 'relative'
    are lists over KS, 'blind' is a blind pick's.

    'Cross' only where there is another subject to search.
    """
    p = evaluated.predictions
    values = {}
    for name, cross in (("same", False), ("cross", True))[: len(set(p.subjects))]:
        at = mean_pa_mpjpe_at_k(p.embeddings, p.truth, p.subjects, p.views, KS, cross)
        for part in ("relative", "model", "oracle"):
            values[f"{name} {part}"] = [getattr(at, part)[k] for k in KS]
        values[f"{name} blind"] = random_pick(p.truth, p.subjects, p.views, cross)
    return values


def errors_and_retrieval(evaluated):
    """`pose_errors`, and M at K = 10 beside a blind pick's."""
    return pose_errors(evaluated) | at_k(retrieval(evaluated), 10)


def nearest_label(evaluated):
    """N-MPJPE of the labelled pose that is nearest to each test pose: what an answer
    that only repeats labels could reach at best. No pictures are looked at.
    """
    truth, of = evaluated.predictions.truth.unique(dim=0, return_inverse=True)
    labels = evaluated.labels
    nearest = [n_mpjpe(labels, pose.expand_as(labels)).min() for pose in truth]
    return {"nearest label": torch.stack(nearest)[of].mean().item()}


def errors_and_more_retrieval(evaluated):
    """`errors_and_retrieval`, the Oracle's M at K = 10, and `nearest_label`."""
    values = retrieval(evaluated)
    oracle = {
        f"{case} Oracle@10": values[f"{case} oracle"][KS.index(10)]
        for case in ("same", "cross")
        if f"{case} oracle" in values
    }
    errors = pose_errors(evaluated) | nearest_label(evaluated)
    return errors | at_k(values, 10) | oracle


def at_k(values, k):
    """Of the values of `retrieval`: M at one K of KS, and a blind pick's."""
    cases = [case for case in ("same", "cross") if f"{case} model" in values]
    M = {f"{case} M@{k}": values[f"{case} model"][KS.index(k)] for case in cases}
    return M | {f"{case} blind pick": values[f"{case} blind"] for case in cases}


def distance_by_pose(evaluated):
    """Fig. 6: mean embedding distance by MPJPE between poses, in BINS, same and other
    view; averaged over QUERIES a subject.

    Query and images are of one subject. Each query's distances are averaged in each
    bin, and these over the queries that have images in it. A bin nobody fills is None.
    """
    p, rng = evaluated.predictions, np.random.default_rng(evaluated.seed)
    means = []
    for subject in dict.fromkeys(p.subjects):
        rows = np.flatnonzero(p.subjects == subject)
        for query in rng.choice(rows, min(QUERIES, len(rows)), replace=False):
            others = torch.from_numpy(rows[rows != query])
            truth = p.truth[query].expand(len(others), -1, -1)
            difference = mpjpe(p.truth[others], truth).numpy()
            distance = (p.embeddings[others] - p.embeddings[query]).norm(dim=1).numpy()
            other_view = (p.views[others] != p.views[query]).astype(int)
            means.append(_mean_by_bin(difference, distance, other_view))
    means = np.stack(means)
    filled = ~np.isnan(means).all(0)
    average = np.full(filled.shape, None, dtype=object)
    average[filled] = np.nanmean(means[:, filled], axis=0).tolist()
    return {"same view": average[0].tolist(), "different view": average[1].tolist()}


def _mean_by_bin(difference, distance, group):
    """Mean distance of each group, 0 or 1, in each of BINS: `(2, bins)`, NaN for an
    empty bin. difference, distance, group: `(n,)`.
    """
    bins = np.digitize(difference, BINS) - 1
    inside = bins < len(BINS) - 1
    sums, counts = np.zeros((2, 2, len(BINS) - 1))
    np.add.at(sums, (group[inside], bins[inside]), distance[inside])
    np.add.at(counts, (group[inside], bins[inside]), 1)
    return np.divide(sums, counts, where=counts > 0, out=np.full_like(sums, np.nan))


def training_curves(evaluated):
    """Share of pairs with a valid negative and mean distances over the steps of the
    training, and what retrieval came of it.
    """
    names = ("valid_share", "positive_distance", "negative_distance")
    curves = {name: evaluated.history[name] for name in names}
    return curves | at_k(retrieval(evaluated), 10)


def map_of_embedding(evaluated):
    """A t-SNE map of at most SHOWN test embeddings: x, y, and of each the subject, view
    and action.
    """
    p, rng = evaluated.predictions, np.random.default_rng(evaluated.seed)
    rows = np.sort(rng.permutation(len(p.views))[:SHOWN])
    perplexity = min(30, len(rows) // 4)
    tsne = TSNE(init="pca", random_state=evaluated.seed, perplexity=perplexity)
    points = tsne.fit_transform(p.embeddings[rows].numpy())
    actions = {
        s: [c.action for c in evaluated.store.clips(s) for _ in range(c.stop - c.start)]
        for s in dict.fromkeys(p.subjects)
    }
    return {
        "x": points[:, 0].round(2).tolist(),
        "y": points[:, 1].round(2).tolist(),
        "subject": p.subjects[rows].tolist(),
        "view": p.views[rows].tolist(),
        "action": [actions[s][f] for s, f in zip(p.subjects[rows], p.frames[rows])],
    }


def examples(evaluated):
    """Fig. 4: of each action, the image in the middle of the first test subject's clip,
    from the first view: nothing picked by hand.
    """
    p = evaluated.predictions
    subject = p.subjects[0]
    rows = []
    seen = (p.subjects == subject) & (p.views == p.views.min())
    for clip in evaluated.store.clips(subject):
        of_clip = seen & (p.frames >= clip.start) & (p.frames < clip.stop)
        if of_clip.any():
            middle = np.flatnonzero(of_clip)[of_clip.sum() // 2]
            rows.append((clip.action, int(middle)))
    return [
        {
            "subject": subject,
            "frame": int(p.frames[row]),
            "view": int(p.views[row]),
            "action": action,
            "predicted": p.poses[row].round().tolist(),
            "truth": p.truth[row].round().tolist(),
            "MPJPE": mpjpe(p.poses[row], p.truth[row]).item(),
        }
        for action, row in rows
    ]


def distances_between_images(evaluated, poses=3, views=3):
    """Fig. 1b: distances between images of a few instants, far apart in pose, from a
    few views, of the first test subject.
    """
    p = evaluated.predictions
    subject = p.subjects[0]
    row_of = {
        (f, v): i
        for i, (s, f, v) in enumerate(zip(p.subjects, p.frames, p.views))
        if s == subject
    }
    shown = np.unique(p.views)[:views]
    instants = np.unique(p.frames[p.subjects == subject])
    complete = [f for f in instants if all((f, v) in row_of for v in shown)]
    if len(complete) < poses:
        raise ValueError(
            f"subject {subject} has fewer than {poses} test instants in views"
            f" {shown.tolist()} together"
        )
    pose_of = {f: p.truth[row_of[f, shown[0]]] for f in complete}
    chosen = [complete[0]]
    while len(chosen) < poses:  # next, the pose that is farthest from all chosen
        far = [
            min(mpjpe(pose_of[f], pose_of[c]).item() for c in chosen) for f in complete
        ]
        chosen.append(complete[int(np.argmax(far))])
    rows = [row_of[f, v] for f in chosen for v in shown]
    distances = torch.cdist(p.embeddings[rows], p.embeddings[rows])
    return {
        "subject": subject,
        "frames": [int(f) for f in chosen],
        "views": shown.tolist(),
        "distances": [[round(float(d), 3) for d in row] for row in distances],
    }
