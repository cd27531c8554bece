"""Novel-view synthesis: draw what another camera sees (Rhodin, Salzmann and Fua,
"Unsupervised Geometry-Aware Representation for 3D Human Pose Estimation", ECCV 2018;
[39] of the paper).

An encoder describes a picture by points in space, X, and by a vector a of how the
person looks. X is turned as the cameras are, a is taken from another instant, and a
decoder draws the other camera's picture before its empty room. So X can only hold what
turns and moves: the pose.
"""

import numpy as np
import torch

from .base import Rival, head, latent_layer
from .cameras import relative, rotate, rotations
from .decoder import Decoder

#: A pixel that differs from the empty room by more than this share of the range, in any
#: colour, belongs to the person or the shadow.
DIFFERENT = 0.1


class NovelView(Rival):
    """Encoder (X, a) = G(F(I)), decoder D, and H on X (Fig. 2 and 3 there).

    points: how many, 200 there. width: channels of the decoder and numbers of a, 128
    there. hidden: width of H, 2048 there. foreground: how many times more a pixel of
    the person counts; ours, in place of their loss on ImageNet features, which has no
    place in a training from scratch. itself: the share of pictures that are to draw
    themselves, half there. Their dropout is left out.
    """

    name = "novel_view"
    title = "Novel-view synthesis (Rhodin, ECCV 2018)"
    source = "rhodin2018geometry"
    needs = ("two views", "rotations", "background")
    figures = ("pretext_loss", "person's L1", "source's L1")
    frozen = ("F", "G")
    points = True

    def __init__(
        self,
        image_size=224,
        points=200,
        width=128,
        hidden=2048,
        foreground=5.0,
        itself=0.5,
        **more,
    ):
        own = {"points": points, "width": width, "hidden": hidden, "itself": itself}
        super().__init__(image_size, 3 * points, **more, foreground=foreground, **own)
        del self.settings["embedding_dim"]
        self.foreground = foreground
        self.G = latent_layer(self.features, 3 * points + width)
        self.D = Decoder(3 * points, 3, image_size, width, look=width, behind=3)
        self.H = head(3 * points, hidden)

    def latent(self, images):
        """(X `(n, points, 3)`, a `(n, width)`) of pictures `(n, 3, h, w)`."""
        numbers = self.G(self.look(images)).float()
        X = numbers[:, : 3 * self.settings["points"]].unflatten(1, (-1, 3))
        return X, numbers[:, 3 * self.settings["points"] :]

    def embed(self, images):
        """X as one row, `(n, 3 * points)`, in the frame of each picture's camera."""
        return self.latent(images)[0].flatten(1)

    def synthesise(self, X, a, R, background):
        """D(X R^T, a, background): the picture after a turn by R `(n, 3, 3)`, `(n, 3,
        h, w)` in [0, 1]. background: uint8 or in [0, 1].
        """
        if not background.is_floating_point():
            background = background.float() / 255
        return self.D(rotate(X, R).flatten(1), a, background - 0.5).float() + 0.5

    def draw(self, feeder, batch, rng):
        """R from each picture's camera to its target's, the target's empty room, and
        whose looks to take.

        Some pictures have themselves as target (autoencoding), the others the other
        view. Looks come from another instant of the person.
        """
        frames, views, _ = super().draw(feeder, batch, rng)
        m = len(batch.frames)
        partner = np.roll(np.arange(2 * m), m)
        itself = np.tile(rng.random(m) < self.settings["itself"], 2)
        target = np.where(itself, np.arange(2 * m), partner)
        R = rotations(feeder.store, batch.subject, frames, views)
        room = feeder.backgrounds.of(batch.subject, frames[target], views[target])
        other = (np.arange(m) + rng.integers(1, m)) % m  # another instant, any view
        return (
            frames,
            views,
            {
                "target": torch.from_numpy(target),
                "R": relative(R, R[target]),
                "background": room,
                "looks_of": torch.from_numpy(
                    np.tile(other, 2) + m * rng.integers(0, 2, 2 * m)
                ),
            },
        )

    def pretext(self, images, given):
        """The L1 between the drawn and the true picture, the person counted more."""
        X, a = self.latent(images)
        drawn = self.synthesise(
            X, a[given["looks_of"]], given["R"], given["background"]
        )
        images, room = images.float() / 255, given["background"].float() / 255
        true = images[given["target"]]
        person = foreground(true, room)
        weight = 1 + (self.foreground - 1) * person
        error = (drawn - true).abs()
        loss = (weight * error).sum() / weight.expand_as(error).sum()
        moved = given["target"] != torch.arange(len(images), device=images.device)
        with torch.no_grad():
            of_person = over(error[moved], person[moved])
            copied = over((images - true).abs()[moved], person[moved])
        return loss, torch.stack([loss.detach(), of_person, copied])


def foreground(images, room):
    """1.0 where pictures in [0, 1] differ from the empty room, `(n, 1, h, w)`."""
    different = (images - room).abs().amax(1, keepdim=True) > DIFFERENT
    return different.to(images.dtype)


def over(error, mask):
    """The mean of errors `(n, 3, h, w)` over the pixels of a mask `(n, 1, h, w)`."""
    return (error * mask).sum() / (3 * mask.sum()).clamp_min(1)
