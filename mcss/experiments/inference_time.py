"""How long an image takes: the one experiment that needs no training."""

import statistics
import time

import torch
import torchvision

from ..model import MCSS

WARMING_UP = 2  #: first passes that are not timed


def inference_time(device, image_size=224, batches=(1, 32), repeats=10):
    """Milliseconds an image takes, by batch size, in float32: MCSS beside torchvision's
    ResNet-18 and ResNet-50, a dict of dicts. Medians over `repeats`.

    The networks take turns, so that whatever else slows the machine slows all of them.
    """
    networks = {
        "MCSS (ResNet-18)": MCSS(image_size=image_size),
        "bare ResNet-18": torchvision.models.resnet18(),
        "bare ResNet-50": torchvision.models.resnet50(),
    }
    medians = {name: {} for name in networks}
    with torch.inference_mode():
        for network in networks.values():
            network.to(device).eval()
        for n in batches:
            images = torch.rand(n, 3, image_size, image_size, device=device)
            times = {name: [] for name in networks}
            for _ in range(WARMING_UP + repeats):
                for name, network in networks.items():
                    began = time.perf_counter()
                    # reading a number waits for the device
                    network(images)[0].sum().item()
                    times[name].append((time.perf_counter() - began) / n * 1000)
            for name, values in times.items():
                medians[name][f"batch of {n}"] = statistics.median(values[WARMING_UP:])
    return medians
