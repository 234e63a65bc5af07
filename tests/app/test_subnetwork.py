"""What the subnetwork window is told of a network: shares, thresholds, and which weight sees what."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from app.services.subnetwork import described, first_filters, histogram, look_at, open_model, overlaps
from models.domain.skeleton import load_skeleton
from models.nets.edge_popup import convert
from models.nets.pose_encoder import PoseEncoder
from models.run import encoder_input
from models.run.embed import pose_config
from models.run.encoder_input import frame_features
from models.run.lift_features import frame_features as lift_features
from models.run.supermask import pack


def test_the_threshold_of_a_layer_cuts_off_what_is_left_out() -> None:
    look = look_at(open_model("videopose3d-mocap-27"), 5)
    assert all(abs(row.kept - 5 / 16) < 1e-2 for row in look.rows)
    shown = histogram(look, "layers_conv.1")
    weight = np.abs(look.model.everything["layers_conv.1"])
    mask = look.masks["layers_conv.1"]
    assert shown.threshold is not None
    assert weight[~mask].max() <= shown.threshold <= weight[mask].min(), "weights may tie"
    assert shown.parts["weights"].sum() == weight.size
    whole = histogram(look_at(look.model, 16), "layers_conv.1")
    assert whole.threshold is None, "nothing is left out"


def test_empty_channels_are_outputs_without_a_weight() -> None:
    look = look_at(open_model("pose-encoder-penn"), 1)
    for row in look.rows:
        rows = look.masks[row.name].reshape(row.channels, -1).any(axis=1)
        assert row.empty == int((~rows).sum())
    assert "10 layers" in described(look.model)


def test_cells_of_a_lifter_name_the_number_that_its_weight_sees() -> None:
    picture = first_filters(look_at(open_model("videopose3d-mocap-27"), 16))
    assert picture is not None and picture.cells.shape == (18, 9) and picture.rows[-1] == "place in the view"
    assert sorted(picture.cells.ravel()) == list(range(18 * 3 * 3))
    rays, seen = torch.zeros(1, 2, 17, 2), torch.ones(1, 2, 17)
    rays[..., 1:, :] = torch.rand(16, 2)
    rays[0, 1, 5, 1] += 0.3  # the left knee, down
    before = lift_features(torch.zeros_like(rays) + rays[:, :1], seen).values
    number = lift_features(rays, seen).values.flatten(2)[0, 0]
    knee = picture.rows.index("left knee")
    assert picture.text(0, knee, 4).startswith("left knee, y, frame 0\n")
    at = int(picture.cells[knee, 4])
    assert at // 3 == knee * 3 + 1 and at % 3 == 1, "input (knee, y), the frame in the middle"
    assert number[at // 3] > before.flatten(2)[0, 0][at // 3]


def test_cells_of_an_encoder_name_the_number_that_its_weight_sees() -> None:
    picture = first_filters(look_at(open_model("pose-encoder-penn"), 16))
    assert picture is not None and picture.rows == load_skeleton(encoder_input.SKELETON).joints
    used = picture.cells[picture.cells >= 0]
    assert sorted(used) == list(range(encoder_input.FEATURES))
    generator = torch.Generator().manual_seed(0)
    xy, seen = torch.rand(1, 3, 13, 2, generator=generator), torch.ones(1, 3, 13)
    features = frame_features(xy, seen, 20.0)[0, 1]
    apart = xy[0, 1, 2] - xy[0, 1, 6]  # joints 2 and 6
    across, down = features[int(picture.cells[2, 6])], features[int(picture.cells[6, 2])]
    assert torch.allclose(across / down, apart[0] / apart[1])
    moved = xy[0, 2, 4] - xy[0, 0, 4]
    ways = [features[int(picture.cells[4, column])] for column in (13, 14)]
    assert torch.sign(ways[0]) == torch.sign(moved[0]) and torch.sign(ways[1]) == torch.sign(moved[1])
    assert features[int(picture.cells[4, 15])] == 1
    assert picture.text(0, 4, 13).split("\n")[0] == f"{picture.rows[4]}, moves, across"


def test_filters_of_pictures_are_laid_out_by_colour() -> None:
    picture = first_filters(look_at(open_model("hrnet-body19"), 16))
    assert picture is not None and picture.colour and picture.cells.shape == (3, 9)
    weight = open_model("hrnet-body19").everything["conv1"]
    assert picture.weights[7, picture.cells[2, 3 + 1]] == weight[7, 1, 2, 1], "green, row 3, column 2"
    assert picture.text(7, 2, 4).startswith("row 3, green, column 2\n")


def test_a_layer_that_one_network_left_whole_is_not_compared(tmp_path: Path) -> None:
    dense = open_model("pose-encoder-penn")
    net = convert(PoseEncoder(pose_config(dense.entry.config, "")), keep=0.5, dense=["shrink"])
    about = {"kind": "pose-encoder", **dense.entry.config}
    pack(net, tmp_path / "a.kpm", seed=0, init="signed_constant", keep=0.5, description=about)
    look = look_at(open_model(str(tmp_path / "a.kpm")), 8)
    assert [row.thinned for row in look.rows] == [True] * 9 + [False] and look.rows[-1].name == "shrink"
    rows = overlaps(look, dense)
    assert [row.layer for row in rows] == [row.name for row in look.rows[:-1]]
    assert all(abs(row.overlap - 1 / 3) < 0.02 and abs(row.chance - 1 / 3) < 1e-3 for row in rows)
    assert len(overlaps(look_at(dense, 8), look.model)) == 9
    assert "left whole" in histogram(look, "shrink").note
