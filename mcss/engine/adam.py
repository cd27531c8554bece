"""Adam as a GPU likes it: in one operation a group, and nothing of it in Python."""

import torch


def adam(groups, lr, betas):
    """Adam over groups of parameters, fused. On a GPU the learning rates lie there,
    too, so that a step can be replayed.
    """
    device = groups[0][0].device
    on_gpu = groups[0][0].is_cuda

    def rate():
        return torch.tensor(lr, device=device) if on_gpu else lr

    groups = [{"params": group, "lr": rate()} for group in groups]
    return torch.optim.Adam(groups, betas=betas, fused=True, capturable=on_gpu)


def set_rates(optimizer, rates):
    """Sets the learning rate of each group."""
    for group, rate in zip(optimizer.param_groups, rates):
        if torch.is_tensor(group["lr"]):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
