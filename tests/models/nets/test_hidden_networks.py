"""The networks of the edge-popup paper: official keys, sizes, answers, gradients and running statistics."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from models.nets.edge_popup import convert, subnet_layers
from models.nets.hidden_networks import NETWORKS, ConvNet

GOLDEN = Path(__file__).parents[2] / "golden"
META = json.loads((GOLDEN / "edge_forward_meta.json").read_text())


def fill(net: nn.Module, seed: int) -> nn.Module:
    """Every floating-point entry from its key, as the golden numbers were made."""
    state = net.state_dict()
    for key, value in state.items():
        if not value.is_floating_point():
            continue
        rng, shape = np.random.default_rng([seed, zlib.crc32(key.encode())]), tuple(value.shape)
        if key.endswith("running_mean"):
            drawn = 0.1 * rng.standard_normal(shape)
        elif key.endswith("running_var"):
            drawn = 1 + 0.2 * rng.uniform(0, 1, shape)
        else:
            drawn = rng.standard_normal(shape) * (1 / np.sqrt(np.prod(shape[1:])))
        state[key] = torch.from_numpy(drawn.astype(np.float32))
    net.load_state_dict(state)
    return net


@pytest.mark.parametrize("case", sorted(META))
def test_answers_and_gradients_equal_those_of_the_official_code(case: str) -> None:
    golden = {
        key.removeprefix(f"{case}_"): value
        for key, value in np.load(GOLDEN / "edge_forward.npz").items()
        if key.startswith(f"{case}_")
    }
    about = META[case]
    net = fill(convert(NETWORKS[case.partition("_k")[0]](), keep=about["k"], init=None), about["weight_seed"])
    x = torch.from_numpy(
        np.random.default_rng(about["input_seed"]).standard_normal(about["input_shape"]).astype(np.float32)
    )
    net.eval()
    logits = net(x)
    scale = about["logit_absmax"]
    assert float((logits.detach() - torch.from_numpy(golden["logits"])).abs().max()) < 1e-4 * scale
    loss = functional.cross_entropy(logits, torch.from_numpy(golden["labels"]))
    assert loss.item() == pytest.approx(float(golden["ce_loss"]), rel=1e-5)
    loss.backward()
    layers = dict(subnet_layers(net))
    names = [name.removesuffix(".scores") for name in golden["score_grad_names"].tolist()]
    assert set(names) == set(layers)
    for k, name in enumerate(names):
        gradient = layers[name].scores.grad
        assert gradient is not None
        assert float(gradient.norm()) == pytest.approx(float(golden["score_grad_norm"][k]), rel=1e-3)
        assert int(layers[name].mask().sum()) == int(golden["mask_ones"][k])
    trained = [key for key in golden if key.startswith("train_")]
    if trained:
        batch = np.random.default_rng(about["train_batch_seed"]).standard_normal(about["train_batch_shape"])
        net.train()
        net(torch.from_numpy(batch.astype(np.float32)))
        state = net.state_dict()
        for key in trained:
            found = state[key.removeprefix("train_").replace("_running", ".running")].numpy()
            np.testing.assert_allclose(found, golden[key], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["ResNet50", "ResNet18", "cResNet18", "Conv4", "FC"])
def test_keys_shapes_and_counts_are_the_official_ones(name: str) -> None:
    official = json.loads((GOLDEN / "edge_keys.json").read_text())[name]
    with torch.device("meta"):
        plain = NETWORKS[name]()
    assert sum(p.numel() for p in plain.parameters() if p.ndim > 1) == official["weights"]
    net = convert(NETWORKS[name](), keep=0.3, init=None)
    shapes = {key: list(value.shape) for key, value in net.state_dict().items()}
    wanted = {key: shape for key, shape in official["keys"].items() if shape != ["int64"]}
    assert {key: shape for key, shape in shapes.items() if not key.endswith("num_batches_tracked")} == wanted


def test_width_multiplies_what_is_hidden() -> None:
    assert ConvNet(4, 0.5).linear[0].weight.shape == (128, 4096, 1, 1)
    with pytest.raises(ValueError, match="2, 4, 6 or 8"):
        ConvNet(5)
