"""VideoPose3D against the published network: keys, receptive fields, outputs, one training step."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.nets.videopose3d import (
    TemporalModel,
    TemporalModelStrided,
    VideoPose3DConfig,
    config_from_tensors,
)

GOLDEN = Path(__file__).parents[2] / "golden"
KEYS: dict[str, Any] = json.loads((GOLDEN / "vp3d_keys.json").read_text())
NETS: dict[str, Any] = json.loads((GOLDEN / "vp3d_forward_meta.json").read_text())
ARCHITECTURES = [name for name, row in KEYS.items() if "keys" in row]
FIELDS = [name for name, row in KEYS.items() if "receptive_field" in row]
SMALL = VideoPose3DConfig((3, 5), channels=8, joints_in=4, joints_out=3)


def fill(net: torch.nn.Module, seed: int) -> None:
    """The weight rule of the golden data: each tensor from its own generator, named by its key."""
    for key, tensor in net.state_dict().items():
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
        tensor.copy_(torch.from_numpy(values))


def config_of(row: dict[str, Any]) -> VideoPose3DConfig:
    return VideoPose3DConfig(
        tuple(row["filter_widths"]),
        row["channels"],
        joints_out=row.get("joints_out", 17),
        causal=row.get("causal", False),
        dense=row.get("dense", False),
        dropout=0.0,
    )


def noise(seed: list[int], shape: list[int]) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_keys_and_shapes_are_the_published_ones(name: str) -> None:
    row = KEYS[name]
    config = config_of({**row, "dense": name.startswith("dense")})
    with torch.device("meta"):
        net = TemporalModel(config)
    shapes = {
        key: list(value.shape) if value.is_floating_point() else ["int64"]
        for key, value in net.state_dict().items()
    }
    assert shapes == row["keys"]
    assert sum(p.numel() for p in net.parameters()) == row["parameters"]


@pytest.mark.parametrize("name", FIELDS)
def test_receptive_field_pads_and_shifts(name: str) -> None:
    row = KEYS[name]
    config = VideoPose3DConfig(tuple(row["filter_widths"]))
    assert config.receptive_field == row["receptive_field"]
    if "pad" in row:
        assert list(config.pads) == row["pad"]
    if "causal_shift_list_if_causal" in row:
        causal = VideoPose3DConfig(tuple(row["filter_widths"]), causal=True)
        assert list(causal.causal_shifts) == row["causal_shift_list_if_causal"]
        assert causal.padding == (2 * sum(row["pad"]), 0)


@pytest.mark.parametrize("name", NETS)
def test_outputs_match_the_published_network(name: str) -> None:
    row, golden = NETS[name], np.load(GOLDEN / "vp3d_forward.npz")
    config = config_of(row)
    net = TemporalModel(config).eval()
    fill(net, row["weight_seed"])
    poses = noise(row["input_seed"], row["input_shape"])
    with torch.no_grad():
        answer = net(poses).numpy()
    expected = golden[f"{name}_out"]
    assert np.abs(answer - expected).max() / np.abs(expected).max() < 1e-5
    if config.dense:
        return
    strided = TemporalModelStrided(config).eval()
    strided.load_state_dict(net.state_dict())
    with torch.no_grad():
        first = strided(poses[:, : config.receptive_field]).numpy()
    expected = golden[f"{name}_opt1f_first_window_out"]
    assert np.abs(first - expected).max() / np.abs(expected).max() < 1e-5


@pytest.mark.parametrize("name", ["nc_333", "causal_333"])
def test_one_training_step_matches_the_published_network(name: str) -> None:
    row, golden = NETS[name], np.load(GOLDEN / "vp3d_forward.npz")
    config = config_of(row)
    net = TemporalModelStrided(config).train()
    fill(net, row["weight_seed"])
    seed = row["weight_seed"] + 1
    poses = noise([seed, 1234], [16, config.receptive_field, 17, 2])
    target = noise([seed, 4321], [16, 1, 17, 3])
    loss = (net(poses) - target).norm(dim=-1).mean()
    loss.backward()
    assert loss.item() == pytest.approx(float(golden[f"{name}_train_loss"]), rel=1e-4)
    parameters = dict(net.named_parameters())
    names, norms = golden[f"{name}_train_grad_norm_names"], golden[f"{name}_train_grad_norms"]
    for key, norm in zip(names, norms, strict=True):
        assert parameters[str(key)].grad.norm().item() == pytest.approx(float(norm), rel=2e-4)  # type: ignore[union-attr]
    for statistic in ("mean", "var"):
        ours = net.state_dict()[f"expand_bn.running_{statistic}"].numpy()
        np.testing.assert_allclose(ours, golden[f"{name}_train_running_{statistic}_expand_bn"], atol=1e-4)


@pytest.mark.parametrize("causal", [False, True])
def test_strided_windows_equal_the_sliding_form(causal: bool) -> None:
    config = VideoPose3DConfig((3, 5), channels=8, joints_in=4, joints_out=3, causal=causal)
    sliding = TemporalModel(config).eval()
    fill(sliding, 3)
    windows = TemporalModelStrided(config).eval()
    windows.load_state_dict(sliding.state_dict())
    poses = torch.randn(1, 40, 4, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = sliding(poses)[0]
        cut = torch.cat([poses[:, t : t + config.receptive_field] for t in range(len(whole))])
        assert torch.allclose(windows(cut)[:, 0], whole, atol=1e-5)


def test_a_causal_network_ignores_the_future() -> None:
    config = VideoPose3DConfig((3, 3), channels=8, joints_in=4, joints_out=3, causal=True)
    net = TemporalModel(config).eval()
    poses = torch.randn(1, 20, 4, 2, generator=torch.Generator().manual_seed(0))
    left, right = config.padding
    padded = torch.nn.functional.pad(poses, (0, 0, 0, 0, left, right))
    changed = padded.clone()
    changed[:, left + 10 :] += 1
    with torch.no_grad():
        same = (net(padded) == net(changed)).all(-1).all(-1)[0]
    assert same.tolist() == [True] * 10 + [False] * 10


def test_configuration_is_read_off_the_tensors() -> None:
    config = VideoPose3DConfig((3, 5, 1), channels=8, joints_in=17, features_in=3, joints_out=17)
    assert config_from_tensors(TemporalModel(config).state_dict()) == config
    with pytest.raises(ValueError, match="not a VideoPose3D"):
        config_from_tensors({"conv1.weight": torch.zeros(1)})


def test_wrong_input_is_named() -> None:
    net = TemporalModelStrided(SMALL)
    with pytest.raises(ValueError, match="fewer than the receptive field"):
        net(torch.zeros(1, 3, 4, 2))
    with pytest.raises(ValueError, match=r"expected \(N, T, 4, 2\)"):
        net(torch.zeros(1, 15, 5, 2))
    with pytest.raises(ValueError, match="odd"):
        VideoPose3DConfig((2, 3))
