"""HRNet against the published network: keys, parameter counts, outputs."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from models.domain.errors import KnownError
from models.nets.hrnet import COMPACT, W32, W48, HRNet, HRNetConfig, config_from_tensors
from models.run.fold import fold_batch_norm
from models.run.weights import load_strictly

GOLDEN = Path(__file__).parents[2] / "golden"
NETS = {"w32_coco17": W32, "w48_coco17": W48, "w32_mpii16": W32.with_joints(16)}
SMALL = HRNetConfig(
    joints=5, width=8, modules=(1, 1, 1), blocks=(1, 1, 1), stem=8, layer1_planes=4, layer1_blocks=1
)


def fill(net: torch.nn.Module, seed: int) -> None:
    """The weight rule of the golden data: each tensor from its own generator, named by its key."""
    state = net.state_dict()
    for key, tensor in state.items():
        if not tensor.is_floating_point():
            continue
        rng = np.random.default_rng([seed, zlib.crc32(key.encode())])
        shape = tuple(tensor.shape)
        if key.endswith("running_mean"):
            values = 0.1 * rng.standard_normal(shape)
        elif key.endswith("running_var"):
            values = 1 + 0.2 * rng.uniform(0, 1, shape)
        elif key.endswith(".bias"):
            values = 0.1 * rng.standard_normal(shape)
        elif len(shape) == 1:
            values = 1 + 0.1 * rng.standard_normal(shape)
        else:
            values = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        state[key] = torch.from_numpy(values.astype(np.float32))
    net.load_state_dict(state)


@pytest.mark.parametrize("name", NETS)
def test_keys_shapes_and_parameters_are_the_published_ones(name: str) -> None:
    with torch.device("meta"):
        net = HRNet(NETS[name])
    with np.load(GOLDEN / "hrnet_keys.npz") as golden:
        published, parameters = set(golden[name]), int(golden[f"{name}_parameters"])
    ours = set()
    for key, tensor in net.state_dict().items():
        shape = list(tensor.shape) if tensor.dtype == torch.float32 else [*tensor.shape, "int64"]
        ours.add(f"{key} {shape}".replace("'", '"').replace(", ", ","))
    assert ours == published
    assert sum(p.numel() for p in net.parameters()) == parameters


@pytest.mark.parametrize(("name", "height", "width"), [("w32_coco17", 256, 192), ("w48_coco17", 128, 96)])
def test_output_equals_the_published_network(name: str, height: int, width: int) -> None:
    net = HRNet(NETS[name]).eval()
    fill(net, 7)
    inputs = np.random.default_rng([7, 1234]).standard_normal((1, 3, height, width)).astype(np.float32)
    with torch.inference_mode():
        ours = net(torch.from_numpy(inputs)).numpy()
        folded = fold_batch_norm(net)(torch.from_numpy(inputs)).numpy()
    with np.load(GOLDEN / "hrnet_forward.npz") as golden:
        expected = golden[name]
    largest = np.abs(expected).max()
    assert np.abs(ours - expected).max() / largest < 1e-5
    assert np.abs(folded - expected).max() / largest < 2e-5


def test_stages_and_mirrored_input_equal_the_published_network(shared_dir: Path) -> None:
    net = HRNet(W48).eval()
    fill(net, 7)
    seen: dict[str, torch.Tensor] = {}
    net.layer1.register_forward_hook(lambda _m, _i, out: seen.__setitem__("layer1", out))
    for stage in (2, 3, 4):
        module = getattr(net, f"stage{stage}")
        module.register_forward_hook(
            lambda _m, _i, out, name=f"stage{stage}_hr": seen.__setitem__(name, out[0])
        )
    inputs = np.random.default_rng([7, 1234]).standard_normal((1, 3, 128, 96)).astype(np.float32)
    with torch.inference_mode():
        mirrored = net(torch.from_numpy(inputs).flip(-1)).numpy()
    with np.load(shared_dir / "golden" / "hrnet_forward_w48_coco17.npz") as golden:
        # the golden stage outputs were recorded in the last run, which is that of the mirrored input
        for name, features in seen.items():
            assert features.shape == tuple(golden[f"{name}_shape"])
            assert float(features.double().mean()) == pytest.approx(float(golden[f"{name}_mean"]), rel=1e-4)
            assert float(features.double().std(correction=0)) == pytest.approx(
                float(golden[f"{name}_std"]), rel=1e-4
            )
            np.testing.assert_allclose(
                features[0, :4, :4, :4], golden[f"{name}_corner"], rtol=1e-3, atol=1e-3
            )
        expected = golden["heatmaps_of_flipped_input"]
    assert np.abs(mirrored - expected).max() / np.abs(expected).max() < 1e-5


@pytest.mark.parametrize("config", [W32, W48, COMPACT, SMALL])
def test_configuration_is_read_back_from_tensors(config: HRNetConfig) -> None:
    with torch.device("meta"):
        net = HRNet(config)
    assert config_from_tensors(net.state_dict()) == config


def test_tensors_of_another_network_are_refused() -> None:
    with pytest.raises(KnownError, match="not an HRNet"):
        config_from_tensors({"weight": torch.zeros(3)})


def test_loading_is_strict_by_key_and_shape() -> None:
    net = HRNet(SMALL)
    tensors = dict(net.state_dict())
    load_strictly(net, tensors)
    with pytest.raises(KnownError, match="lacks 1"):
        load_strictly(net, {k: v for k, v in tensors.items() if k != "conv1.weight"})
    with pytest.raises(KnownError, match="unknown 1"):
        load_strictly(net, {**tensors, "extra": torch.zeros(1)})
    with pytest.raises(KnownError, match="other shapes for 1"):
        load_strictly(net, {**tensors, "conv1.weight": torch.zeros(1)})


def test_output_is_a_quarter_of_the_input() -> None:
    assert HRNet(SMALL).eval()(torch.zeros(2, 3, 96, 64)).shape == (2, 5, 24, 16)
