"""A network for predicting only: each BatchNorm folded into the convolution before it.

With running statistics BatchNorm is a factor and a term for each channel, and so is
part of any convolution: (W x - mean) / std = (W / std) x - mean / std.
"""

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(network):
    """A copy of the network, in evaluation mode, with as many operations as it has
    convolutions, ReLUs and sums. In float32 it gives the same to 1e-4.

    network: one whose submodules run in the order in which they are named, as
    torchvision's ResNets do. It stays as it was; other kinds of norm stay, too.
    """
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        for (name, layer), (after, norm) in pairwise(list(module.named_children())):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                module.register_module(name, fuse_conv_bn_eval(layer, norm))
                module.register_module(after, nn.Identity())
    return network
