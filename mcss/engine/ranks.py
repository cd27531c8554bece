"""Processes that train together under `torchrun`."""

import torch
from torch import distributed


def ranks():
    """(rank, world size) of this process: (0, 1) outside `torchrun`."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def barrier():
    """Waits for all ranks."""
    if ranks()[1] > 1:
        distributed.barrier()


def average_gradients(parameters):
    """Replaces each gradient by its mean over all ranks."""
    world = ranks()[1]
    if world == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    together = torch.cat([gradient.flatten() for gradient in gradients]) / world
    distributed.all_reduce(together)
    parts = together.split([gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, parts):
        gradient.copy_(mean.view_as(gradient))
