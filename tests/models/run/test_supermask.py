"""Supermask files: exact, small, and nothing altered or cut short is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from models.domain.errors import KnownError
from models.nets.edge_popup import adopt, convert, subnet_layers
from models.nets.hrnet import W32, HRNet
from models.nets.random_weights import INITS, Init
from models.nets.videopose3d import TemporalModel, VideoPose3DConfig
from models.run.supermask import KEY, pack, read_info, unpack, verify

CONFIG = VideoPose3DConfig((3, 3), 64, 17, 2, 17)


def thinned(init: Init = "signed_constant", keep: float = 0.3, seed: int = 5) -> nn.Module:
    torch.manual_seed(0)
    net = convert(TemporalModel(CONFIG), keep=keep, init=init, seed=seed)
    net(torch.randn(16, 9, 17, 2))  # running statistics of its own
    return net.eval()


def dense(tensors: dict[str, torch.Tensor]) -> nn.Module:
    """The ordinary network with these tensors, but for the counters of norms all of them."""
    net = TemporalModel(CONFIG)
    counters = {k: v for k, v in net.state_dict().items() if k.endswith("num_batches_tracked")}
    net.load_state_dict(counters | tensors)
    return net.eval()


@pytest.mark.parametrize("init", INITS)
def test_the_rebuilt_network_answers_bit_for_bit_like_the_one_packed(tmp_path: Path, init: Init) -> None:
    net = thinned(init)
    path = tmp_path / "lifter.kpm"
    info = pack(net, path, seed=5, init=init, keep=0.3, description={"kind": "lift3d"})
    x = torch.randn(2, 9, 17, 2)
    with torch.inference_mode():
        assert torch.equal(dense(unpack(path))(x), net(x))
    assert verify(path) and read_info(path) == info and not info.signed
    weights = 4 * info.weights
    assert path.stat().st_size < weights / 8  # float32 to about a bit each, statistics and header included


def test_signs_from_elsewhere_are_kept_in_the_file(tmp_path: Path) -> None:
    net = thinned()
    for _, layer in subnet_layers(net):
        layer.weight.data *= torch.from_numpy(
            np.random.default_rng(1).choice([-1.0, 1.0], layer.weight.shape)
        ).float()
    info = pack(net, tmp_path / "a.kpm", seed=5, init="signed_constant", keep=0.3)
    assert info.signed == set(info.layers)
    x = torch.randn(2, 9, 17, 2)
    with torch.inference_mode():
        assert torch.equal(dense(unpack(tmp_path / "a.kpm"))(x), net(x))


def test_inverted_weights_and_dense_layers_come_back_bit_for_bit(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = TemporalModel(CONFIG)
    net = convert(
        TemporalModel(CONFIG),
        keep=0.5,
        seed=5,
        signed=True,
        affine=True,
        train_biases=True,
        dense=("shrink",),
    )
    adopt(net, trained.state_dict())
    net(torch.randn(16, 9, 17, 2))
    net.eval()
    info = pack(net, tmp_path / "a.kpm", seed=5, init="signed_constant", keep=0.5)
    assert info.signed == set(info.layers) and "shrink" not in info.layers
    x = torch.randn(2, 9, 17, 2)
    with torch.inference_mode():
        assert torch.equal(dense(unpack(tmp_path / "a.kpm"))(x), net(x))


def test_weights_of_another_rule_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rule"):
        pack(thinned("kaiming_normal"), tmp_path / "a.kpm", seed=6, init="kaiming_normal", keep=0.3)
    with pytest.raises(ValueError, match="convert"):
        pack(TemporalModel(CONFIG), tmp_path / "a.kpm", seed=5, init="signed_constant", keep=0.3)
    assert not list(tmp_path.iterdir())


def test_every_changed_byte_of_the_content_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.kpm"
    pack(thinned(), path, seed=5, init="signed_constant", keep=0.3)
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    for at in np.random.default_rng(0).integers(start, len(whole), 12).tolist():
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(KnownError, match="altered"):
            unpack(path)
    for length in (0, 7, start - 3, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(KnownError):
            unpack(path)


def change(path: Path, **changes: object) -> None:
    with safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        header = dict(file.metadata())
    header[KEY] = json.dumps(json.loads(header[KEY]) | changes)
    save_file(tensors, path, header)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"generator": "philox-9"}, "another version"),
        ({"version": 2}, "another version"),
        ({"init": "magic"}, "damaged"),
        ({"layers": {"x": [2**40, 2**40]}}, "damaged"),
        ({"layers": {"x": [3, 3]}}, "altered"),
        ({"seed": 6}, "altered"),
        ({"keep": 0.4}, "altered"),
        ({"seed": "many"}, "damaged"),
        ({"layers": None}, "damaged"),
    ],
)
def test_headers_that_make_no_sense_are_refused(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    path = tmp_path / "a.kpm"
    pack(thinned(), path, seed=5, init="signed_constant", keep=0.3)
    change(path, **changes)
    with pytest.raises(KnownError, match=said):
        unpack(path)


def test_another_file_is_told_from_a_supermask(tmp_path: Path) -> None:
    path = tmp_path / "plain.kpm"
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(KnownError, match="no supermask file"):
        read_info(path)


def test_hrnet_w32_fits_in_the_size_that_is_promised(tmp_path: Path) -> None:
    net = convert(HRNet(W32), keep=0.5)
    pack(net, tmp_path / "w32.kpm", seed=0, init="signed_constant", keep=0.5)
    assert (tmp_path / "w32.kpm").stat().st_size <= 4_500_000
