"""VideoPose3D: temporal convolutions that lift 2D joints to 3D (Pavllo et al., CVPR 2019, section 3 and
figure 2).

Two forms share one set of parameters (keys and shapes are those of the published checkpoints):

* `TemporalModel` slides over a sequence: all convolutions are *valid*, so T frames in give T - R + 1 frames
  out, where R is the receptive field; it needs the caller to pad.
* `TemporalModelStrided` sees windows of exactly R frames and gives one frame each. The dilated convolutions
  become strided ones that never overlap, hence plain matrix products; this is the form for training and for
  window-wise inference.

Shapes: input (N, T, J_in, F), output (N, T_out, J_out, 3), float32. Missing values must be replaced before
the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.nets.edge_popup import weight_in_use


@dataclass(frozen=True, slots=True)
class VideoPose3DConfig:
    """Shape of the network; `filter_widths` are odd, their product is the receptive field in frames."""

    filter_widths: tuple[int, ...] = (3, 3, 3, 3, 3)
    channels: int = 1024
    joints_in: int = 17
    features_in: int = 2
    joints_out: int = 17
    causal: bool = False
    dense: bool = False
    dropout: float = 0.25

    def __post_init__(self) -> None:
        if not self.filter_widths or any(width < 1 or width % 2 == 0 for width in self.filter_widths):
            raise ValueError(f"filter widths must be odd and positive, not {self.filter_widths}")

    @property
    def dilations(self) -> tuple[int, ...]:
        """Dilation of each stage: the product of the widths before it."""
        values = [1]
        for width in self.filter_widths[:-1]:
            values.append(values[-1] * width)
        return tuple(values)

    @property
    def pads(self) -> tuple[int, ...]:
        """Frames each stage takes away on either side."""
        return tuple(
            (width - 1) * step // 2 for width, step in zip(self.filter_widths, self.dilations, strict=True)
        )

    @property
    def causal_shifts(self) -> tuple[int, ...]:
        """How far each stage's residual is moved towards the present; zeros unless causal."""
        return tuple(
            (width // 2) * step if self.causal else 0
            for width, step in zip(self.filter_widths, self.dilations, strict=True)
        )

    @property
    def receptive_field(self) -> int:
        """Frames that one output frame depends on."""
        return 1 + 2 * sum(self.pads)

    @property
    def padding(self) -> tuple[int, int]:
        """Frames to add (left, right) so that the output is as long as the input."""
        pad = sum(self.pads)
        return (2 * pad, 0) if self.causal else (pad, pad)


class _Lifting(nn.Module):
    """The parameters common to both forms, under the published names."""

    def __init__(self, config: VideoPose3DConfig) -> None:
        super().__init__()
        self.config = config
        width, channels = config.filter_widths, config.channels
        self.expand_conv = nn.Conv1d(config.joints_in * config.features_in, channels, width[0], bias=False)
        self.expand_bn = nn.BatchNorm1d(channels, momentum=0.1)
        convs: list[nn.Module] = []
        for i in range(1, len(width)):
            kernel = 2 * config.pads[i] + 1 if config.dense else width[i]
            step = 1 if config.dense else config.dilations[i]
            convs.append(nn.Conv1d(channels, channels, kernel, dilation=step, bias=False))
            convs.append(nn.Conv1d(channels, channels, 1, bias=False))
        self.layers_conv = nn.ModuleList(convs)
        self.layers_bn = nn.ModuleList(nn.BatchNorm1d(channels, momentum=0.1) for _ in convs)
        self.shrink = nn.Conv1d(channels, config.joints_out * 3, 1)
        self.drop = nn.Dropout(config.dropout)

    @property
    def receptive_field(self) -> int:
        """Frames that one output frame depends on."""
        return self.config.receptive_field

    def set_bn_momentum(self, momentum: float) -> None:
        """Set the momentum of every batch norm (it decays during training, section 5)."""
        for layer in [self.expand_bn, *self.layers_bn]:
            assert isinstance(layer, nn.BatchNorm1d)
            layer.momentum = momentum

    def _check(self, poses: Tensor) -> None:
        expected = (self.config.joints_in, self.config.features_in)
        if poses.ndim != 4 or tuple(poses.shape[2:]) != expected:
            raise ValueError(f"expected (N, T, {expected[0]}, {expected[1]}), got {tuple(poses.shape)}")
        if poses.shape[1] < self.receptive_field:
            raise ValueError(
                f"{poses.shape[1]} frames are fewer than the receptive field {self.receptive_field}"
            )


class TemporalModel(_Lifting):
    """Dilated form: (N, T, J_in, F) -> (N, T - receptive_field + 1, J_out, 3)."""

    def forward(self, poses: Tensor) -> Tensor:
        self._check(poses)
        x = poses.flatten(2).transpose(1, 2)
        x = self.drop(torch.relu(self.expand_bn(self.expand_conv(x))))
        for block in range(len(self.layers_conv) // 2):
            pad, shift = self.config.pads[block + 1], self.config.causal_shifts[block + 1]
            residual = x[:, :, pad + shift : x.shape[2] - pad + shift]
            for layer in (2 * block, 2 * block + 1):
                x = self.drop(torch.relu(self.layers_bn[layer](self.layers_conv[layer](x))))
            x = residual + x
        x = self.shrink(x).transpose(1, 2)
        return x.unflatten(2, (self.config.joints_out, 3))


class TemporalModelStrided(_Lifting):
    """Strided form: windows (N, R, J_in, F) -> (N, 1, J_out, 3), equal to the dilated form on each window."""

    def __init__(self, config: VideoPose3DConfig) -> None:
        if config.dense:
            raise ValueError("the strided form has no dense variant")
        super().__init__(config)

    def forward(self, poses: Tensor) -> Tensor:
        self._check(poses)
        if poses.shape[1] != self.receptive_field:
            raise ValueError(f"a window has exactly {self.receptive_field} frames, got {poses.shape[1]}")
        x = self._stage(poses.flatten(2), self.expand_conv, self.expand_bn)
        for block in range(len(self.layers_conv) // 2):
            width = self.config.filter_widths[block + 1]
            residual = x[:, (width - 1 if self.config.causal else width // 2) :: width]
            for layer in (2 * block, 2 * block + 1):
                x = self._stage(x, self.layers_conv[layer], self.layers_bn[layer])
            x = residual + x
        x = nn.functional.linear(x, weight_in_use(self.shrink)[:, :, 0], self.shrink.bias)
        return x.unflatten(2, (self.config.joints_out, 3))

    def _stage(self, x: Tensor, conv: nn.Module, norm: nn.Module) -> Tensor:
        """A convolution of stride = width as one matrix product, then norm, ReLU, dropout; x (N, T, C)."""
        weight = weight_in_use(conv)
        frames = x.shape[1] // weight.shape[2]
        rows = x.reshape(x.shape[0] * frames, -1) @ weight.permute(2, 1, 0).reshape(-1, weight.shape[0])
        return self.drop(torch.relu(norm(rows))).view(x.shape[0], frames, -1)


def config_from_tensors(
    tensors: Mapping[str, Tensor], joints_in: int = 17, *, causal: bool = False
) -> VideoPose3DConfig:
    """The configuration that fits a state dict (not the dense form; causal networks have the same tensors).

    Raises ValueError when the tensors are not those of this network.
    """
    try:
        expand, shrink = tensors["expand_conv.weight"], tensors["shrink.weight"]
        blocks = sum(key.startswith("layers_conv.") for key in tensors) // 2
        widths = [expand.shape[2], *(tensors[f"layers_conv.{2 * i}.weight"].shape[2] for i in range(blocks))]
    except (KeyError, IndexError) as error:
        raise ValueError(f"not a VideoPose3D network: {error}") from error
    if expand.shape[1] % joints_in:
        raise ValueError(f"{expand.shape[1]} inputs do not divide among {joints_in} joints")
    return VideoPose3DConfig(
        filter_widths=tuple(widths),
        channels=expand.shape[0],
        joints_in=joints_in,
        features_in=expand.shape[1] // joints_in,
        joints_out=shrink.shape[0] // 3,
        causal=causal,
    )
