"""VideoPose3D for inference: the dilated form with batch normalisation folded in, as plain matrix products.

Every stage is a sum of products of shifted rows of one (frames, channels) matrix, so nothing is copied and
all windows share their work. Channels of a thinned network that do nothing are skipped (see `compact`). Equal
to `models.nets.videopose3d.TemporalModel` in eval mode up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.nets.videopose3d import TemporalModel, TemporalModelStrided, VideoPose3DConfig
from models.run.compact import Layer, compact_stream


@dataclass(frozen=True, slots=True)
class _Stage:
    """weights: one (C_in, C_out) matrix for each of the filter's taps; bias (C_out,)."""

    weights: tuple[Tensor, ...]
    bias: Tensor
    dilation: int = 1

    def __call__(self, rows: Tensor) -> Tensor:
        """(T, C_in) -> (T - (taps - 1) * dilation, C_out)."""
        left = len(rows) - (len(self.weights) - 1) * self.dilation
        answer = torch.addmm(self.bias, rows[:left], self.weights[0])
        for tap, weight in enumerate(self.weights[1:], start=1):
            shift = tap * self.dilation
            answer.addmm_(rows[shift : shift + left], weight)
        return answer


class FoldedTemporalModel:
    """(N, T, J_in, F) -> (N, T - receptive_field + 1, J_out, 3); not for training."""

    def __init__(self, net: TemporalModel | TemporalModelStrided) -> None:
        config = self.config = net.config
        if config.dense:
            raise ValueError("the dense form has no folded variant")
        shrink = net.shrink
        assert shrink.bias is not None
        layers = [_fold(conv, norm) for conv, norm in zip(net.layers_conv, net.layers_bn, strict=True)]
        first, blocks, last = compact_stream(
            _fold(net.expand_conv, net.expand_bn),
            list(zip(layers[::2], layers[1::2], strict=True)),
            Layer(shrink.weight.detach(), shrink.bias.detach().clone()),
        )
        self._expand, self._shrink = _stage(first), _stage(last)
        self._blocks = [
            (_stage(wide, dilation), _stage(narrow))
            for (wide, narrow), dilation in zip(blocks, config.dilations[1:], strict=True)
        ]

    @property
    def receptive_field(self) -> int:
        return self.config.receptive_field

    @torch.inference_mode()
    def __call__(self, poses: Tensor) -> Tensor:
        return torch.stack([self._sequence(rows) for rows in poses.flatten(2)])

    def _sequence(self, rows: Tensor) -> Tensor:
        config: VideoPose3DConfig = self.config
        x = self._expand(rows).relu_()
        for block, (wide, narrow) in enumerate(self._blocks, start=1):
            start = config.pads[block] + config.causal_shifts[block]
            residual = x[start : start + len(x) - 2 * config.pads[block]]
            x = narrow(wide(x).relu_()).relu_().add_(residual)
        return self._shrink(x).unflatten(1, (config.joints_out, 3))


@torch.no_grad()
def _fold(conv: nn.Module, norm: nn.Module) -> Layer:
    assert isinstance(conv, nn.Conv1d) and isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None and norm.running_var is not None
    gain = norm.weight / (norm.running_var + norm.eps).sqrt()
    return Layer(conv.weight * gain[:, None, None], (norm.bias - norm.running_mean * gain).clone())


def _stage(layer: Layer, dilation: int = 1) -> _Stage:
    taps = layer.weight.permute(2, 1, 0)  # (taps, C_in, C_out)
    return _Stage(tuple(tap.contiguous() for tap in taps), layer.bias, dilation)
