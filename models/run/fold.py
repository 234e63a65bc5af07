"""Batch normalisation folded into the convolution before it: the same function with a third fewer passes."""

from __future__ import annotations

import copy
from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norm(net: nn.Module) -> nn.Module:
    """A copy of `net` for inference, in eval mode, without the normalisations that follow a convolution.

    Pairs are found by this project's naming: `convX` with `bnX`, and neighbours in a Sequential.
    """
    net = copy.deepcopy(net).eval()
    for module in list(net.modules()):
        children = list(module.named_children())
        if isinstance(module, nn.Sequential):
            pairs = [(a, b) for (a, _), (b, _) in pairwise(children)]
        else:
            pairs = [(name, name.replace("conv", "bn")) for name, _ in children if name.startswith("conv")]
        for conv_name, bn_name in pairs:
            conv, bn = getattr(module, conv_name), getattr(module, bn_name, None)
            if isinstance(conv, nn.Conv2d) and isinstance(bn, nn.BatchNorm2d):
                setattr(module, conv_name, fuse_conv_bn_eval(conv, bn))
                setattr(module, bn_name, nn.Identity())
    return net
