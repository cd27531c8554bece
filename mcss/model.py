"""The network (Section 3 and 4, Fig. 1a): F extracts features, G embeds, H turns an
embedding into a pose.
"""

from collections import OrderedDict
from typing import NamedTuple

import torch
import torchvision
from torch import nn

from .fast.unit import unit_length
from .skeleton import JOINTS

BACKBONES = {
    "resnet18": (
        torchvision.models.resnet18,
        torchvision.models.ResNet18_Weights.IMAGENET1K_V1,
    ),
    "resnet34": (
        torchvision.models.resnet34,
        torchvision.models.ResNet34_Weights.IMAGENET1K_V1,
    ),
}
#: What normalises F's features, from their number to a layer, by name.
NORMS = {
    "batch": lambda channels: nn.BatchNorm2d(channels, affine=False),
    "group": lambda channels: nn.GroupNorm(32, channels, affine=False),
}
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Output(NamedTuple):
    embedding: torch.Tensor  #: phi (n, d), unit norm
    pose: torch.Tensor  #: p-hat (n, 16, 3), millimetres


class MCSS(nn.Module):
    """F, G and H of the paper.

    F: torchvision's ResNet up to `layer4`, every BatchNorm without affine parameters,
    then max-pooling by 2 with ceil_mode (so that 224 and 256 pixels both give Psi in
    R^{512 x 4 x 4}). G: FC -> BatchNorm without affine -> L2 normalisation, as in
    HardNet and L2-Net; that BatchNorm keeps training from collapsing. H: one linear
    layer to 48 = 16 x 3 normalised coordinates, turned back into millimetres by the
    buffers `pose_mean` and `pose_std`.

    backbone: 'resnet18' or 'resnet34'. image_size: pixels of the square images.
    embedding_dim: d.
    pretrained: start F from torchvision's ImageNet weights (their BatchNorm gamma and
    beta are thrown away).
    batch_norm: False leaves out the BatchNorm of G, to see the collapse it prevents.
    norm: 'batch', or 'group': GroupNorm in F, whose statistics are each image's own.

    Images are `(n, 3, image_size, image_size)`: uint8, or floats in [0, 1]; the network
    normalises them itself.
    """

    def __init__(
        self,
        backbone="resnet18",
        image_size=224,
        embedding_dim=128,
        pretrained=False,
        batch_norm=True,
        norm="batch",
    ):
        super().__init__()
        if backbone not in BACKBONES:
            raise ValueError(
                f"backbone must be one of {', '.join(BACKBONES)}, not {backbone!r}"
            )
        if image_size < 32:
            raise ValueError(
                f"image_size must be at least 32 pixels, not {image_size}: F shrinks"
                " images 32 times"
            )
        #: what to build this network again with
        self.settings = {
            "backbone": backbone,
            "image_size": image_size,
            "embedding_dim": embedding_dim,
            "batch_norm": batch_norm,
            "norm": norm,
        }
        side = -(
            -image_size // 32
        )  # each of the five halvings of F rounds up, and so does the max-pooling
        self.F = nn.Sequential(
            feature_extractor(backbone, pretrained, norm),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Flatten(),
        )
        self.G = nn.Sequential(
            nn.Linear(512 * (-(-side // 2)) ** 2, embedding_dim),
            (
                nn.BatchNorm1d(embedding_dim, affine=False)
                if batch_norm
                else nn.Identity()
            ),
        )
        self.H = nn.Linear(embedding_dim, 3 * (len(JOINTS) - 1))
        self.register_buffer("pose_mean", torch.zeros(len(JOINTS) - 1, 3))
        self.register_buffer("pose_std", torch.ones(len(JOINTS) - 1, 3))
        self.register_buffer(
            "image_mean", torch.tensor(IMAGENET_MEAN)[:, None, None], persistent=False
        )
        self.register_buffer(
            "image_std", torch.tensor(IMAGENET_STD)[:, None, None], persistent=False
        )

    def check_store(self, store):
        """Raises `ValueError` for a store whose pictures have another size."""
        size = self.settings["image_size"]
        if store.image_size != size:
            raise ValueError(
                f"{store.path} has pictures of {store.image_size} px, this network"
                f" takes {size} px: take a store of that size (the published networks:"
                " book/data/show), or convert the data again with this image_size"
            )

    def embed(self, images):
        """phi = G(F(images)): `(n, 3, h, w)` -> `(n, d)`, unit norm. Raises
        `ValueError` for other sizes or types.
        """
        size = self.settings["image_size"]
        if images.ndim != 4 or images.shape[1:] != (3, size, size):
            raise ValueError(
                f"images must be (n, 3, {size}, {size}), not {tuple(images.shape)}; set"
                " image_size, or resize them"
            )
        if self.training and len(images) < 2:
            raise ValueError(
                "one image is not a batch: BatchNorm has no statistics in training;"
                " call model.eval(), or pass more"
            )
        if images.dtype == torch.uint8:
            images = images.to(self.image_mean.dtype) / 255
        elif not images.is_floating_point():
            raise ValueError(
                f"images must be uint8, or floats in [0, 1], not {images.dtype}"
            )
        images = (images - self.image_mean) / self.image_std
        if self.F[0].conv1.weight.is_contiguous(memory_format=torch.channels_last):
            images = images.contiguous(memory_format=torch.channels_last)
        # Distances near 0 and the margin of 0.6 need float32, whatever precision the
        # convolutions run in.
        return unit_length(self.G(self.F(images)).float())

    def regress(self, embedding):
        """H before de-normalisation: `(n, d)` -> `(n, 16, 3)`, standard deviations from
        the mean pose.
        """
        return self.H(embedding).float().unflatten(1, (-1, 3))

    def forward(self, images):
        """`Output(embedding (n, d), pose (n, 16, 3) in mm)`."""
        embedding = self.embed(images)
        return Output(
            embedding, self.regress(embedding) * self.pose_std + self.pose_mean
        )


def feature_extractor(backbone, pretrained, norm="batch"):
    """torchvision's ResNet without its head, its BatchNorm layers without affine
    parameters.
    """
    build, weights = BACKBONES[backbone]
    try:
        network = build(weights=weights if pretrained else None)
    except (
        OSError,
        RuntimeError,
    ) as error:  # no network, a closed network, a broken download
        raise RuntimeError(
            f"the ImageNet weights of {backbone} cannot be had ({error}). Download"
            f" {weights.url} elsewhere and put the file into"
            f" {torch.hub.get_dir()}/checkpoints, or train from scratch with"
            " pretrained=False"
        ) from error
    layers = [
        (name, layer)
        for name, layer in network.named_modules()
        if isinstance(layer, nn.BatchNorm2d)
    ]
    for (
        name,
        layer,
    ) in (
        layers
    ):  # afterwards: torchvision's own initialisation fails without the weights
        parent, _, child = name.rpartition(".")
        network.get_submodule(parent).register_module(
            child, NORMS[norm](layer.num_features)
        )
    order = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
    return nn.Sequential(OrderedDict((name, getattr(network, name)) for name in order))
