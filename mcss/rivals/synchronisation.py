"""Synchronisation: do these two cameras see the same moment, and is one picture
mirrored? (Jenni and Favaro, "Self-Supervised Multi-View Synchronization Learning for 3D
Pose Estimation", ACCV 2020.)

Only the pose tells whether two views of one person are of one instant; and only a pose
with a left and a right tells whether one of them was mirrored. No camera is known.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize, softplus

from .base import Rival

SYNCHRONOUS, SHIFTED, FLIPPED = 0, 1, 2


class Synchronisation(Rival):
    """Logits of (synchronous, mirrored) = T(relu(G(F(I_1)) * G(F(I_2)))), the product
    element by element.

    A third of the pairs is synchronous, of a third one picture is `shift` seconds off
    (4 to 128 frames of 50 a second there), of a third one is mirrored. Whether a
    mirrored pair also counts as synchronous is not said there; here it does not count.
    others: also learn that an anchor and the partners of all other pairs of the batch
    are not synchronous; ours, as is what T begins with: thirds alone teach too little
    in a short training.
    Their backgrounds are removed, ours are as the store has them. Pairs with little
    motion, which they leave out, stay.
    """

    name = "synchronisation"
    title = "Synchronisation (Jenni and Favaro, ACCV 2020)"
    source = "jenni2020multiview"
    needs = ("two views",)
    figures = ("pretext_loss", "synchronous: accuracy", "mirrored: accuracy")
    # the first three residual stages, as there
    frozen = ("F.0.conv1", "F.0.bn1", "F.0.layer1", "F.0.layer2", "F.0.layer3")
    pose_lr_factor = None  # the configuration's

    def __init__(self, image_size=224, shift=(0.08, 2.56), others=True, **more):
        super().__init__(image_size, **more, shift=list(shift), others=others)
        d = self.settings["embedding_dim"]
        self.T = nn.Linear(d, 2)
        # T begins as a likeness: features of unit variance that agree have a product of
        # 1, others one of about a third
        nn.init.constant_(self.T.weight[0], 8 / d)
        nn.init.constant_(self.T.bias[0], -4.0)

    def feature(self, images):
        """G(F(I)), `(n, d)`, what is multiplied."""
        return self.G(self.look(images)).float()

    def embed(self, images):
        """What H reads: the feature, of unit length as in MCSS."""
        return normalize(self.feature(images), dim=1)

    def logits(self, first, second):
        """(synchronous, mirrored) of pictures `(m, 3, h, w)` twice: `(m, 2)`, the same
        if they change places.
        """
        return self.fused(*self.feature(torch.cat([first, second])).chunk(2))

    def fused(self, first, second):
        """T of two features `(m, d)`."""
        return self.T((first * second).relu())

    def draw(self, feeder, batch, rng):
        """The kind of each pair; the partner of a shifted one is of another instant of
        its clip.
        """
        frames, views, _ = super().draw(feeder, batch, rng)
        m = len(batch.frames)
        kinds = rng.permutation(m) % 3
        for i in np.flatnonzero(kinds == SHIFTED):
            twins = self.twins(feeder, batch.subject, frames[i], views[m + i])
            if len(twins):
                frames[m + i] = rng.choice(twins)
            else:  # too short a clip
                kinds[i] = SYNCHRONOUS
        mirrored = np.zeros(2 * m, bool)
        mirrored[np.arange(m) + m * rng.integers(0, 2, m)] = kinds == FLIPPED
        given = {
            "kinds": torch.from_numpy(kinds),
            "mirrored": torch.from_numpy(mirrored),
        }
        return frames, views, given

    def twins(self, feeder, subject, frame, view):
        """The frames of the same clip and view that lie `shift` seconds off."""
        store, (low, high) = feeder.store, self.settings["shift"]
        clip = next(c for c in store.clips(subject) if c.start <= frame < c.stop)
        frames = feeder.split.frames[subject]
        seconds = np.abs(frames - frame) / store.fps
        fits = (frames >= clip.start) & (frames < clip.stop)
        fits &= (seconds > low) & (seconds < high)
        return frames[fits & store.present(subject)[frames, view]]

    def pretext(self, images, given):
        """Both binary cross-entropies, and the share of right answers of each."""
        mirrored = given["mirrored"][:, None, None, None]
        images = torch.where(mirrored, images.flip(-1), images)
        first, second = self.feature(images).chunk(2)
        logits = self.fused(first, second)
        truth = given["kinds"][:, None] == logits.new_tensor([SYNCHRONOUS, FLIPPED])
        answers = (logits > 0) == truth
        asked = given["kinds"] != FLIPPED
        bce = binary_cross_entropy_with_logits(
            logits, truth.to(logits.dtype), reduction="none"
        )
        loss = bce[asked, 0].mean() + bce[:, 1].mean()
        if self.settings["others"]:
            # the next instant's partner, and so on: none is of the anchor's own moment
            turns = range(1, len(first))
            unlike = torch.cat([second.roll(k, 0) for k in turns])
            synchronous = self.fused(first.repeat(len(turns), 1), unlike)[:, 0]
            loss = loss + softplus(synchronous).mean()
        accuracies = answers[asked, 0].float().mean(), answers[:, 1].float().mean()
        return loss, torch.stack([loss.detach(), *accuracies])
