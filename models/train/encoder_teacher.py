"""A trained pose encoder that teaches another one: its vectors are what the other's are to point at."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor, nn

from models.domain.errors import KnownError
from models.nets.pose_encoder import PoseEncoder, PoseEncoderConfig
from models.run.embed import Encoder


class Teacher:
    """Raises KnownError for an encoder whose vectors cannot be compared with those of `network`."""

    def __init__(self, encoder: Encoder, network: PoseEncoderConfig, device: torch.device) -> None:
        net = encoder.net
        if not isinstance(net, PoseEncoder):
            raise KnownError(f"'{encoder.name}' embeds pictures; it cannot teach an encoder of poses.")
        if (net.config.dimensions, net.config.rate_hz) != (network.dimensions, network.rate_hz):
            raise KnownError(
                f"'{encoder.name}' cannot teach: it has {_said(net.config)}, the network {_said(network)}."
            )
        self.net = net.eval().requires_grad_(False).to(device)

    @property
    def radius(self) -> int:
        """Frames on each side that a vector depends on."""
        return self.net.config.radius

    @property
    def checksum(self) -> int:
        """CRC-32 of the weights."""
        return network_checksum(self.net)

    def loss(self, vectors: Tensor, frames: Tensor, seen: Tensor) -> Tensor:
        """Mean over the frames in which somebody is seen of 1 − the cosine of both vectors; 0-dimensional.

        vectors (S, D): of the network that learns. frames (S, features). seen bool (S,).
        """
        with torch.no_grad():
            taught = self.net(nn.functional.pad(frames, (0, 0, self.radius, self.radius)))
        return (1 - nn.functional.cosine_similarity(vectors[seen], taught[seen].float(), dim=1)).mean()


def _said(network: PoseEncoderConfig) -> str:
    return f"{network.dimensions} dimensions at {network.rate_hz:g} frames/s"


def network_checksum(net: nn.Module) -> int:
    """CRC-32 over all tensors of a network."""
    crc = 0
    for value in net.state_dict().values():
        crc = zlib.crc32(value.cpu().numpy().tobytes(), crc)
    return crc
