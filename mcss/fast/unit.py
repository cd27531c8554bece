"""Vectors of unit length, forward and backward in a third of the operations."""

import torch
from torch.nn.functional import normalize


def unit_length(x):
    """x / |x| of each row of `(n, d)`: `torch.nn.functional.normalize`, on a GPU as
    `Unit`.
    """
    return Unit.apply(x) if x.is_cuda else normalize(x, dim=1)


class Unit(torch.autograd.Function):
    """u = x / |x| of each row, and its gradient (g - u <u, g>) / |x|."""

    @staticmethod
    def forward(ctx, x):
        length = torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp_min_(1e-12)
        unit = x / length
        ctx.save_for_backward(unit, length)
        return unit

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        unit, length = ctx.saved_tensors
        along = (unit * gradient).sum(1, keepdim=True)
        return torch.addcmul(gradient, unit, along, value=-1) / length
