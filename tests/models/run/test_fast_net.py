"""What runs in place of a network gives the network's numbers, whatever it is made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.nets.hrnet import COMPACT, W32, HRNet
from models.run.fast_net import SLICE, _OnnxNet, _TorchNet, fast_net
from models.run.onnx_graph import UnknownOperationError, onnx_bytes
from tests.models.nets.test_hrnet import GOLDEN, SMALL, fill

CPU = torch.device("cpu")


def far_apart(ours: torch.Tensor, expected: torch.Tensor) -> float:
    return float((ours - expected).abs().max() / expected.abs().max())


def test_the_published_network_gives_its_published_numbers() -> None:
    net = HRNet(W32).eval()
    fill(net, 7)
    inputs = np.random.default_rng([7, 1234]).standard_normal((1, 3, 256, 192)).astype(np.float32)
    fast = fast_net(net, CPU)
    assert isinstance(fast, _OnnxNet)
    with np.load(GOLDEN / "hrnet_forward.npz") as golden:
        assert far_apart(fast(torch.from_numpy(inputs)), torch.from_numpy(golden["w32_coco17"])) < 2e-5


@pytest.mark.parametrize("count", [1, SLICE, SLICE + 3])
def test_any_number_of_inputs(count: int) -> None:
    net = HRNet(COMPACT).eval()
    fill(net, 1)
    inputs = torch.randn(count, 3, 128, 96, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = net(inputs)
    assert far_apart(fast_net(net, CPU)(inputs), expected) < 1e-5


class Odd(nn.Module):
    """Grouped, dilated, biased convolutions with uneven padding; names reused; sums in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, (3, 1), (2, 1), (1, 0), bias=False)
        self.bn1 = nn.BatchNorm2d(6)
        self.wide = nn.Conv2d(6, 6, 3, padding=2, dilation=2, groups=3)
        self.up = nn.Upsample(scale_factor=(2.0, 1.0), mode="nearest")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn1(self.conv1(x))
        y += torch.relu(self.wide(self.wide(y)))
        return self.up(y)


def test_other_shapes_of_convolutions() -> None:
    net = Odd().eval()
    fill(net, 2)
    inputs = torch.randn(2, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = net(inputs)
    fast = fast_net(net, CPU)
    assert isinstance(fast, _OnnxNet)
    assert far_apart(fast(inputs), expected) < 1e-5


@pytest.mark.parametrize(
    ("net", "what"),
    [
        (nn.Sequential(nn.Conv2d(3, 3, 3), nn.Sigmoid()), "has a Sigmoid"),
        (nn.Sequential(nn.BatchNorm2d(3)), "has a BatchNorm2d"),
        (nn.Sequential(nn.Conv2d(3, 3, 3, padding="same")), "padded by 'same'"),
        (nn.Sequential(nn.Upsample(scale_factor=2.0, mode="bilinear")), "has a Upsample"),
    ],
)
def test_what_cannot_be_written_runs_in_torch(net: nn.Module, what: str) -> None:
    with pytest.raises(UnknownOperationError, match=what):
        onnx_bytes(net)
    inputs = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    fast = fast_net(net, CPU)
    assert isinstance(fast, _TorchNet)
    with torch.inference_mode():
        torch.testing.assert_close(fast(inputs), net.eval()(inputs))


def test_training_goes_on_with_the_network_that_was_made_fast() -> None:
    net = HRNet(SMALL).train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    fast_net(net, CPU)
    assert net.training and net.conv1.weight.requires_grad
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_the_onnx_package_is_not_needed(tmp_path: Path) -> None:
    """People install the runtime alone; the packages that write and check ONNX files stay with developers."""
    code = """
import sys
sys.modules["onnx"] = sys.modules["onnxscript"] = None
import torch
from models.nets.hrnet import COMPACT, HRNet
from models.run.fast_net import fast_net
print(tuple(fast_net(HRNet(COMPACT), torch.device("cpu"))(torch.zeros(1, 3, 64, 64)).shape))
"""
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(1, 14, 16, 16)"
