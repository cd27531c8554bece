"""What the paper's choices are compared with: other losses and other batches.

Not needed to follow the method. The losses take the same batches and return the same
figures as `mcss.mining.contrastive_loss`.
"""

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from .batches import PairBatch, SameSubjectPairs
from .mining import (
    ContrastiveLoss,
    check_pairs,
    contrastive_loss,
    mean_of_others,
    pairwise_distances,
)


def semi_hard_loss(anchor, positive, margin=0.6, beta=0.3):
    """Eq. 2 with semi-hard negatives (Schroff et al., CVPR 2015): the nearest that is
    farther than the positive.

    Arguments and result as in `contrastive_loss`; beta is not used.
    """
    distances = _distances(anchor, positive)
    pull = distances.diagonal()
    nearer = distances <= pull[:, None], distances <= pull
    nearest = torch.minimum(
        distances.masked_fill(nearer[0], torch.inf).amin(dim=1),
        distances.masked_fill(nearer[1], torch.inf).amin(dim=0),
    )
    loss = (pull + (margin - nearest).clamp_min(0)).mean()
    return _with_figures(loss, distances, torch.isfinite(nearest))


def random_loss(anchor, positive, margin=0.6, beta=0.3):
    """Eq. 2 with a negative drawn at random, in expectation: the mean push of all j !=
    i. beta is not used.
    """
    distances = _distances(anchor, positive)
    pull = distances.diagonal()
    push = (margin - distances).clamp_min(0)
    push = (push.sum(1) - push.diagonal()) / (len(distances) - 1)
    return _with_figures((pull + push).mean(), distances, torch.ones_like(pull))


def info_nce_loss(anchor, positive, margin=0.6, beta=0.3, temperature=0.1):
    """InfoNCE (van den Oord et al., 2018) in both directions over cosine similarity;
    margin and beta are not used.

    temperature 0.1 is SimCLR's (Chen et al., ICML 2020).
    """
    distances = _distances(anchor, positive)
    similarity = (1 - distances.square() / 2) / temperature  # of unit vectors
    own = torch.arange(len(distances), device=distances.device)
    loss = cross_entropy(similarity, own) + cross_entropy(similarity.T, own)
    return _with_figures(loss / 2, distances, torch.ones_like(own))


#: The metric losses by name; the first is the paper's.
LOSSES = {
    "hardest": contrastive_loss,
    "semi-hard": semi_hard_loss,
    "random": random_loss,
    "infonce": info_nce_loss,
}


def _distances(anchor, positive):
    check_pairs(anchor, positive, least=2)
    return pairwise_distances(anchor, positive)


def _with_figures(loss, distances, found):
    pull = distances.detach().diagonal().mean()
    share = found.to(distances.dtype).mean()
    return ContrastiveLoss(loss, share, pull, mean_of_others(distances))


class MixedSubjectPairs(SameSubjectPairs):
    """What Section 3.1.1 advises against: every subject in every batch, so that most
    negatives are other people.

    Arguments and result as of `SameSubjectPairs`, and as many batches an epoch; but
    `PairBatch.subject` holds the subject of each pair, and a batch may have a few pairs
    more or less, since every subject is dealt out evenly.
    """

    def epoch(self, number=0):
        """The batches of one epoch: a list of `PairBatch`."""
        rng = np.random.default_rng([self.seed, number])
        shares = [[*self.deal(subject, rng, len(self))] for subject in self._subjects]
        order = [rng.permutation(len(self)) for _ in shares]
        batches = []
        for k in range(len(self)):
            parts = [share[places[k]] for share, places in zip(shares, order)]
            sizes = [len(part.frames) for part in parts]
            subjects = np.repeat([part.subject for part in parts], sizes)
            columns = [np.concatenate(column) for column in list(zip(*parts))[1:]]
            batches.append(PairBatch(subjects, *columns))
        return batches
