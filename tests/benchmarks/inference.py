"""An image's embedding and pose, as `mcss.inference.predict` finds them, against torchvision's bare
ResNet-18, and ResNet-50, which the compared method used.
"""

import torch
import torchvision

from mcss.fast.folded import folded
from mcss.model import MCSS

from .timing import interleaved, row


def rows(device, rounds, size=224):
    networks = {
        "ours": folded(MCSS(image_size=size)),
        "bare ResNet-18": torchvision.models.resnet18(),
        "bare ResNet-50": torchvision.models.resnet50(),
    }
    for network in networks.values():
        network.to(device).eval()
    for n in (1, 8, 32):
        images = torch.rand(n, 3, size, size, device=device)

        def run(network):
            with torch.inference_mode():
                network(images)

        seconds = interleaved(
            {name: lambda network=network: run(network) for name, network in networks.items()},
            max(rounds, 7) if n == 1 else rounds,
        )
        faster = min(seconds["bare ResNet-50"]) / min(seconds["ours"])
        yield row(
            "inference at 224 px",
            n,
            "images in a batch",
            seconds,
            "bare ResNet-18",
            faster=False,
            target=0.9,
            note=(
                f"{faster:.1f} times as fast as ResNet-50; {n / min(seconds['ours']):.1f} images a"
                " second; float32"
            ),
        )
