"""Networks with a share of their weights: by magnitude, by ranks of scores, or with their one mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.domain.errors import KnownError
from models.nets.edge_popup import adopt, convert, set_keep, subnet_layers, top_mask
from models.nets.videopose3d import TemporalModel, VideoPose3DConfig
from models.run.add_model import recognise
from models.run.library import resolve
from models.run.lift import Lifter
from models.run.score_ranks import write_ranks
from models.run.supermask import pack
from models.run.thinned import expected_overlap, load_at, open_thinnable, overlap

CONFIG = VideoPose3DConfig((3, 3), 32, 18, 3, 17)


def packed(folder: Path, *, signed: bool = False, keep: float = 0.5, ranks: bool = True) -> nn.Module:
    """A supermask lifter `folder/s.kpm`, with its ranks beside it."""
    torch.manual_seed(1)
    dense = TemporalModel(CONFIG)
    net = convert(TemporalModel(CONFIG), keep=keep, seed=4, signed=signed, affine=signed, train_biases=signed)
    if signed:
        adopt(net, dense.state_dict())
    about = {"kind": "lift3d"}
    pack(net, folder / "s.kpm", seed=4, init="signed_constant", keep=keep, description=about)
    if ranks:
        write_ranks(net, folder / "s.ranks")
    return net


def test_a_dense_network_keeps_the_largest_weights_of_each_layer_and_everything_else() -> None:
    model = open_thinnable(resolve("videopose3d-mocap-27"))
    thinned = model.at(5)
    for name, weight in model.everything.items():
        expected = torch.from_numpy(weight) * top_mask(torch.from_numpy(weight), 5 / 16)
        assert torch.equal(thinned[f"{name}.weight"], expected)
        assert abs(np.count_nonzero(thinned[f"{name}.weight"]) / weight.size - 5 / 16) < 1e-3
    layers = {f"{name}.weight" for name in model.everything}
    rest = [key for key in model.tensors if key not in layers]
    assert rest and all(torch.equal(thinned[key], model.tensors[key]) for key in rest)
    assert all(torch.equal(a, model.tensors[key]) for key, a in model.at(16).items())
    Lifter.from_entry(model.entry, thinned)  # it is a whole network


@pytest.mark.parametrize("signed", [False, True])
def test_a_supermask_network_with_ranks_is_what_other_shares_of_it_give(tmp_path: Path, signed: bool) -> None:
    net = packed(tmp_path, signed=signed)
    model = open_thinnable(recognise(tmp_path / "s.kpm"))
    assert model.keep == 0.5 and model.trained_sixteenths == 8 and model.has_scores
    for sixteenths in (2, 8, 13):
        set_keep(net, sixteenths / 16)
        tensors = load_at(model.entry, sixteenths)
        for name, layer in subnet_layers(net):
            assert torch.equal(tensors[f"{name}.weight"], layer.effective_weight().detach()), name
            assert np.array_equal(model.masks_at(sixteenths)[name], layer.mask().numpy() > 0)
    assert set(model.inverted) == (set(model.everything) if signed else set())
    if signed:  # signs were chosen by a network that knows nothing of the drawn ones
        assert all(0.3 < share < 0.7 for share in model.inverted.values())


def test_a_supermask_without_ranks_says_that_it_holds_one_mask(tmp_path: Path) -> None:
    packed(tmp_path, keep=0.3, ranks=False)
    model = open_thinnable(recognise(tmp_path / "s.kpm"))
    assert not model.has_scores and model.trained_sixteenths == 5
    kept = [float(mask.mean()) for mask in model.masks_at(5).values()]
    assert np.allclose(kept, 0.3, atol=0.01)
    assert load_at(model.entry, 5).keys() == model.tensors.keys()
    with pytest.raises(KnownError, match="one mask and no scores"):
        model.at(6)
    for share in (0, 17):
        with pytest.raises(ValueError, match="sixteenths"):
            model.masks_at(share)


def test_ranks_of_another_network_are_refused(tmp_path: Path) -> None:
    packed(tmp_path)
    other = convert(TemporalModel(VideoPose3DConfig((3, 3), 16, 18, 3, 17)), keep=0.5)
    write_ranks(other, tmp_path / "s.ranks")
    with pytest.raises(KnownError, match="another network"):
        open_thinnable(recognise(tmp_path / "s.kpm"))


def test_layers_come_from_input_to_output_whatever_their_names() -> None:
    encoder = list(open_thinnable(resolve("pose-encoder-penn")).everything)
    assert (encoder[0], encoder[-1]) == ("expand", "shrink")
    pose = list(open_thinnable(resolve("hrnet-body19")).everything)
    assert (pose[0], pose[-1]) == ("conv1", "final_layer")


def test_overlap_of_random_masks_is_what_chance_gives() -> None:
    random = np.random.default_rng(0)
    a, b = random.random((2, 200_000)) < np.array([[0.5], [0.3]])
    assert abs(overlap(a, b) - expected_overlap(0.5, 0.3)) < 0.01
    assert overlap(a, a) == 1 and overlap(a, ~a) == 0 and expected_overlap(1, 1) == 1
