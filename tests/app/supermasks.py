"""Small supermask networks of every kind that the program runs, for tests."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from models.nets.edge_popup import convert
from models.nets.hrnet import HRNet, HRNetConfig
from models.nets.pose_encoder import PoseEncoder, PoseEncoderConfig
from models.nets.random_weights import Init
from models.nets.videopose3d import TemporalModelStrided, VideoPose3DConfig
from models.run.encoder_input import FEATURES
from models.run.lift_features import FEATURES_IN, JOINTS_IN
from models.run.supermask import pack

POSE = HRNetConfig(joints=17, width=8, modules=(1, 1, 1), blocks=(1, 1, 1), layer1_blocks=1)
LIFTER = VideoPose3DConfig((3, 3), 32, JOINTS_IN, FEATURES_IN, 17)
ENCODER = PoseEncoderConfig(FEATURES, channels=16, dimensions=8, dilations=(1, 2))
SEED, KEEP = 3, 0.5

DESCRIPTIONS: dict[str, dict[str, object]] = {
    "pose2d": {"kind": "pose2d", "skeleton": "coco17", "input_wh": [64, 64]},
    "lift3d": {"kind": "lift3d"},
    "pose-encoder": {"kind": "pose-encoder", **asdict(ENCODER), "dilations": list(ENCODER.dilations)},
}
INPUTS = {"pose2d": (2, 3, 64, 64), "lift3d": (4, 9, JOINTS_IN, FEATURES_IN), "pose-encoder": (20, FEATURES)}


def plain(kind: str) -> nn.Module:
    """The ordinary network of a kind, with weights of its own."""
    torch.manual_seed(1)
    return {
        "pose2d": lambda: HRNet(POSE),
        "lift3d": lambda: TemporalModelStrided(LIFTER),
        "pose-encoder": lambda: PoseEncoder(ENCODER),
    }[kind]()


def subnetwork(
    kind: str, *, keep: float = KEEP, init: Init = "signed_constant", signed: bool = False
) -> nn.Module:
    """The subnet form of a network, with running statistics of its own, in eval mode."""
    net = convert(plain(kind), keep=keep, init=init, seed=SEED, signed=signed)
    torch.manual_seed(2)
    with torch.no_grad():
        net(torch.randn(INPUTS[kind]))
    return net.eval()


def supermask(
    kind: str, path: Path, *, keep: float = KEEP, init: Init = "signed_constant", signed: bool = False
) -> Path:
    """Write such a network to `path`."""
    net = subnetwork(kind, keep=keep, init=init, signed=signed)
    pack(net, path, seed=SEED, init=init, keep=keep, description=DESCRIPTIONS[kind])
    return path
