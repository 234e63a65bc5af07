"""Ranks of scores rebuild a supermask network at every share of its weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.domain.errors import KnownError
from models.nets.edge_popup import convert, set_keep, subnet_layers
from models.nets.videopose3d import TemporalModel, VideoPose3DConfig
from models.run.score_ranks import read_ranks, weights_at, write_ranks
from models.run.supermask import pack, read_info, unpack

CONFIG = VideoPose3DConfig((3, 3), 33, 17, 2, 17)


def saved(folder: Path, signed: bool) -> tuple[nn.Module, Path, Path]:
    net = convert(TemporalModel(CONFIG), keep=0.5, seed=2, signed=signed)
    pack(net, folder / "a.kpm", seed=2, init="signed_constant", keep=0.5)
    write_ranks(net, folder / "a.ranks")
    return net, folder / "a.kpm", folder / "a.ranks"


@pytest.mark.parametrize("signed", [False, True])
def test_every_share_is_the_network_with_that_keep(tmp_path: Path, signed: bool) -> None:
    net, supermask, ranks = saved(tmp_path, signed)
    for key, value in unpack(supermask).items():
        assert torch.equal(weights_at(supermask, ranks, 8)[key], value), key
    for sixteenths in (1, 3, 11, 16):
        set_keep(net, sixteenths / 16)
        rebuilt = weights_at(supermask, ranks, sixteenths)
        for name, layer in subnet_layers(net):
            assert torch.equal(rebuilt[f"{name}.weight"], layer.effective_weight()), (name, sixteenths)


def test_ranks_follow_the_sizes_of_the_scores(tmp_path: Path) -> None:
    net, supermask, ranks = saved(tmp_path, False)
    for name, of_layer in read_ranks(ranks, read_info(supermask)).items():
        scores = dict(subnet_layers(net))[name].scores.detach().abs().numpy()
        order = np.argsort(scores.ravel(), kind="stable")
        assert (np.diff(of_layer.ravel()[order].astype(int)) >= 0).all()
        assert set(np.unique(of_layer)) == set(range(16))


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    _, supermask, ranks = saved(tmp_path, True)
    with pytest.raises(KnownError, match="cannot be read"):
        weights_at(supermask, tmp_path / "none.ranks", 8)
    ranks.write_bytes(ranks.read_bytes()[:-5])
    with pytest.raises(KnownError, match="cannot be read"):
        weights_at(supermask, ranks, 8)
    other = convert(TemporalModel(VideoPose3DConfig((3, 3), 40, 17, 2, 17)), keep=0.5)
    write_ranks(other, ranks)
    with pytest.raises(KnownError, match="another network"):
        weights_at(supermask, ranks, 8)
    _, twin, _ = saved(tmp_path, True)
    same_form = convert(TemporalModel(CONFIG), keep=0.5, seed=3, signed=True)
    write_ranks(same_form, ranks)
    with pytest.raises(KnownError, match="another network"):
        weights_at(twin, ranks, 16)
    with pytest.raises(ValueError, match="sixteenths"):
        weights_at(supermask, ranks, 0)


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_an_altered_rank_is_refused(tmp_path: Path, place: float) -> None:
    _, supermask, ranks = saved(tmp_path, False)
    data = bytearray(ranks.read_bytes())
    data[round(place * len(data))] ^= 0x10
    ranks.write_bytes(data)
    with pytest.raises(KnownError, match="altered"):
        read_ranks(ranks, read_info(supermask))
    with pytest.raises(KnownError, match="altered"):
        weights_at(supermask, ranks, 12)
