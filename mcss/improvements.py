"""What this book adds to the paper's recipe: each a few lines, switched on by a field
of `mcss.configuration.Method` and judged in the chapter 'Better than the paper'.
"""

import torch

from .mining import ContrastiveLoss


def loss_within(groups, loss_of, anchor, positive):
    """A metric loss whose negatives are of the anchor's own subject, in a batch of
    several.

    groups: how many pairs each subject has, in the order of the rows. loss_of: from
    (anchor, positive) to a `ContrastiveLoss`. Returns their mean, each weighted by its
    pairs. A subject with a single pair has no negative and is left out.
    """
    sizes, losses = [], []
    for a, p in zip(anchor.split(groups), positive.split(groups)):
        if len(a) > 1:
            sizes.append(len(a))
            losses.append(torch.stack(loss_of(a, p)))
    if not sizes:
        raise ValueError(
            "no subject has two pairs in this batch, so there is no negative: take more"
            " pairs"
        )
    # no copy from main memory, for which a GPU would wait
    weights = torch.stack([losses[0].new_full((), size) for size in sizes])
    return ContrastiveLoss(*(torch.stack(losses).T @ weights / weights.sum()))


def disagreement(model, anchor, positive):
    """How far apart the poses are that H reads from two views of one instant: a scalar,
    L1, in standard deviations of the labelled poses.

    The canonical pose is the same from every side, so no label and no camera is needed.
    anchor, positive: embeddings `(m, d)`.
    """
    return (model.regress(anchor) - model.regress(positive)).abs().mean()


def misalignment(embedding, groups):
    """How far the subjects' mean embeddings lie from their common mean: a scalar, the
    mean squared distance.

    embedding: `(m, d)`, rows of one subject together; groups: how many each has.
    """
    means = torch.stack([part.mean(0) for part in embedding.split(groups)])
    return (means - means.mean(0)).square().sum(1).mean()
