"""The pose estimator as its callers use it: boxes in, keypoints in picture pixels out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models.domain.errors import KnownError
from models.nets.hrnet import HRNet, HRNetConfig
from models.run.device import choose_device
from models.run.pose2d import Decoder, MapKind, PoseEstimator
from models.run.weights import (
    ModelEntry,
    add_to_manifest,
    file_sha256,
    load_entry,
    load_manifest,
    load_tensors,
    resolve,
    weights_folder,
)

CPU = torch.device("cpu")
SMALL = HRNetConfig(
    joints=14, width=8, modules=(1, 1, 1), blocks=(1, 1, 1), stem=8, layer1_planes=4, layer1_blocks=1
)


class BrightSpot(HRNet):
    """A network that "sees" every joint where the crop is brightest: it tells whether geometry holds."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        light = x.mean(1, keepdim=True)[..., ::4, ::4]
        light = (light - light.amin()) / (light.amax() - light.amin()).clamp_min(1e-6)
        return light.expand(-1, 14, -1, -1)


def spot(x: float, y: float, size: int = 400) -> np.ndarray:
    ys, xs = np.mgrid[0:size, 0 : size + 80]
    picture = 255 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * 12**2))
    return np.repeat(picture.astype(np.uint8)[..., None], 3, 2)


def estimator(net: HRNet | None = None, *, flip_test: bool = False) -> PoseEstimator:
    torch.manual_seed(0)
    return PoseEstimator.of(net or HRNet(SMALL), "lsp14", (96, 96), CPU, flip_test=flip_test)


@pytest.mark.parametrize("flip_test", [False, True])
def test_keypoints_are_in_picture_pixels(flip_test: bool) -> None:
    pose = estimator(BrightSpot(SMALL), flip_test=flip_test).predict(
        spot(230, 170), np.array([[150.0, 100.0, 300.0, 260.0]])
    )
    assert pose.shape == (1, 14, 3) and pose.dtype == np.float32
    np.testing.assert_allclose(pose[0, :, :2], np.tile([230, 170], (14, 1)), atol=4)
    assert ((pose[..., 2] >= 0) & (pose[..., 2] <= 1)).all()


class GaussianSpot(HRNet):
    """Sees every joint as a Gaussian (σ 2) exactly where the crop's light has its centre."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        light = (x.mean(1) - x.mean(1).amin()) ** 2
        total = light.sum((1, 2))
        height, width = light.shape[1:]
        px = (light.sum(1) * torch.arange(width)).sum(1) / total
        py = (light.sum(2) * torch.arange(height)).sum(1) / total
        stride = ((width - 1) / (width // 4 - 1), (height - 1) / (height // 4 - 1)) if self.udp else (4, 4)
        gx = torch.exp(-((torch.arange(width // 4) - px[:, None] / stride[0]) ** 2) / 8)
        gy = torch.exp(-((torch.arange(height // 4) - py[:, None] / stride[1]) ** 2) / 8)
        return (gy[:, None, :, None] * gx[:, None, None, :]).expand(-1, 14, -1, -1)

    udp = False


@pytest.mark.parametrize(
    ("decoder", "pixel_centres", "within_px"),
    [("peak", False, 2.6), ("dark", False, 1.15), ("udp", False, 0.12), ("udp", True, 0.12)],
)
def test_unbiased_decoders_hit_the_spot(decoder: Decoder, pixel_centres: bool, within_px: float) -> None:
    """The crop is 2 picture pixels per input pixel; the published flip test is half an input pixel off."""
    net = GaussianSpot(SMALL)
    net.udp = pixel_centres
    kind = MapKind(pixel_centres=pixel_centres, sigma=2.0)
    pose = PoseEstimator.of(net, "lsp14", (96, 128), CPU, decoder=decoder, padding=1.0, kind=kind)
    errors = []
    for x, y in ((230.3, 170.2), (211.6, 195.9), (246.0, 150.4)):
        found = pose.predict(spot(x, y), np.array([[150.0, 60, 342, 316]]))[0]
        errors.append(found[0, :2] - [x, y])
    assert np.abs(errors).max() < within_px
    assert (np.abs(np.mean(errors, 0)[0]) > 0.5) == (decoder in ("peak", "dark"))  # the bias lies in x


def test_decoders_are_chosen_by_name(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "pose_hrnet_udp.pth"
    torch.save(HRNet(SMALL).state_dict(), path)
    crops = np.random.default_rng(0).integers(0, 255, (1, 96, 96, 3), np.uint8)
    loaded = {
        d: PoseEstimator.load(path, "cpu", input_wh=(96, 96), decoder=d) for d in ("peak", "dark", "udp")
    }
    assert all(net.kind.pixel_centres for net in loaded.values())  # the name says so
    torch.testing.assert_close(loaded["peak"].heatmaps(crops), loaded["udp"].heatmaps(crops))
    with pytest.raises(KnownError, match="no distributions, which 'softmax' reads"):
        PoseEstimator.load(path, "cpu", decoder="softmax")
    with pytest.raises(KnownError, match="no decoder 'best'"):
        PoseEstimator.load(path, "cpu", decoder="best")
    about = {
        "decoder": "udp",
        "maps": "distribution",
        "sigma": 1.5,
        "skeleton": "lsp14",
        "input_wh": [64, 96],
    }
    save_file(HRNet(SMALL).state_dict(), tmp_path / "mine.safetensors", {"keyphase": json.dumps(about)})
    mine = PoseEstimator.load(tmp_path / "mine.safetensors", "cpu")
    assert (mine.decoder, mine.kind) == ("udp", MapKind(distribution=True, sigma=1.5))
    assert PoseEstimator.load(tmp_path / "mine.safetensors", "cpu", decoder="softmax").decoder == "softmax"
    maps = mine.heatmaps(crops[:, :, :64])
    torch.testing.assert_close(maps.sum((-1, -2)), torch.ones(1, 14))


def test_batches_equal_single_frames() -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (200, 300, 3), np.uint8) for _ in range(3)]
    boxes = [
        np.array([[10.0, 20, 150, 190], [100, 0, 290, 180]]),
        np.empty((0, 4)),
        np.array([[5.0, 5, 90, 120]]),
    ]
    net = estimator(flip_test=True)
    together = net.predict_batch(frames, boxes)
    assert [len(p) for p in together] == [2, 0, 1]
    for pose, frame, box in zip(together, frames, boxes, strict=True):
        np.testing.assert_allclose(pose, net.predict(frame, box), rtol=1e-3, atol=1e-3)


def test_no_people_and_empty_boxes() -> None:
    frame = np.zeros((50, 60, 3), np.uint8)
    assert estimator().predict(frame, np.empty((0, 4))).shape == (0, 14, 3)
    assert estimator().predict_batch([], []) == []
    assert np.isfinite(estimator().predict(frame, np.array([[10.0, 10, 10, 10]]))).all()
    assert np.isfinite(estimator().predict(frame, np.array([[-500.0, -500, -400, -400]]))).all()


def test_published_checkpoint_loads_by_path(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = HRNet(HRNetConfig(joints=17, width=8, modules=(1, 1, 1), blocks=(1, 1, 1), layer1_blocks=1))
    bare = {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in bare.items()}}, tmp_path / "checkpoint.pth"
    )
    torch.save(net.state_dict(), tmp_path / "pose_hrnet_384x288.pth")
    wrapped = PoseEstimator.load(tmp_path / "checkpoint.pth", "cpu", flip_test=False)
    assert wrapped.skeleton.name == "coco17" and wrapped.input_wh == (192, 256)
    named = PoseEstimator.load(tmp_path / "pose_hrnet_384x288.pth", "cpu", flip_test=False)
    assert named.input_wh == (288, 384) and named.decoder == "peak"
    crops = np.random.default_rng(0).integers(0, 255, (1, 256, 192, 3), np.uint8)
    torch.testing.assert_close(wrapped.heatmaps(crops), named.heatmaps(crops))


def test_weights_in_half_precision_run_in_single_precision(tmp_path: Path) -> None:
    """Half the size on disk; what the file says about itself holds, for pictures of any shape."""
    torch.manual_seed(0)
    net = HRNet(SMALL)
    halves = {k: v.half() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    about = {"decoder": "softmax", "padding": 1.1, "skeleton": "lsp14", "input_wh": [64, 96]}
    save_file(halves, tmp_path / "mine.safetensors", {"keyphase": json.dumps(about)})
    found = PoseEstimator.load(tmp_path / "mine.safetensors", "cpu")
    assert (found.decoder, found.padding, found.input_wh) == ("softmax", 1.1, (64, 96))
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in halves.items()})
    same = PoseEstimator.of(net, "lsp14", (64, 96), CPU, decoder="softmax", padding=1.1)
    crops = np.random.default_rng(0).integers(0, 255, (2, 96, 64, 3), np.uint8)
    maps = found.heatmaps(crops)
    assert maps.dtype == torch.float32 and maps.shape == (2, 14, 24, 16)
    torch.testing.assert_close(maps, same.heatmaps(crops))


@pytest.mark.parametrize("size", [3, ["a", "b"], [64]])
def test_a_file_that_describes_itself_wrongly_is_refused(tmp_path: Path, size: object) -> None:
    path = tmp_path / "mine.safetensors"
    save_file(HRNet(SMALL).state_dict(), path, {"keyphase": json.dumps({"input_wh": size})})
    with pytest.raises(KnownError, match="describes itself wrongly"):
        PoseEstimator.load(path, "cpu")


def test_names_of_tensors_do_not_make_a_network_of_any_size(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_file({**HRNet(SMALL).state_dict(), "stage2.99999999.x": torch.zeros(1)}, path)
    with pytest.raises(KnownError, match="not an HRNet"):
        PoseEstimator.load(path, "cpu")


def test_files_that_are_not_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="no weights file"):
        load_tensors(tmp_path / "missing.pth")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(KnownError, match="cannot be read as plain tensors"):
        load_tensors(tmp_path / "text.safetensors")
    torch.save({"code": choose_device}, tmp_path / "code.pth")  # a pickle that names a function
    with pytest.raises(KnownError, match="cannot be read as plain tensors"):
        load_tensors(tmp_path / "code.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(KnownError, match="does not hold"):
        load_tensors(tmp_path / "list.pth")
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(KnownError, match="not an HRNet"):
        PoseEstimator.load(tmp_path / "other.safetensors", "cpu")


def test_manifest_keeps_entries_and_checksums(tmp_path: Path) -> None:
    save_file({"a": torch.arange(3.0)}, tmp_path / "x.safetensors")
    entry = ModelEntry(
        "x", "pose2d", "x.safetensors", file_sha256(tmp_path / "x.safetensors"), "lsp14", (96, 96), "MIT"
    )
    add_to_manifest(entry, tmp_path)
    add_to_manifest(entry, tmp_path)
    assert load_manifest(tmp_path) == {"x": entry}
    assert load_entry(entry, tmp_path)["a"].tolist() == [0, 1, 2]
    save_file({"a": torch.zeros(3)}, tmp_path / "x.safetensors")
    with pytest.raises(KnownError, match="not the one that was shipped"):
        load_entry(entry, tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(KnownError, match="damaged"):
        load_manifest(tmp_path)


def test_unknown_names_and_devices_get_one_clear_line() -> None:
    with pytest.raises(KnownError, match="no weights called 'nobody'"):
        resolve("nobody")
    with pytest.raises(KnownError, match="Unknown device"):
        choose_device("tpu")
    with pytest.raises(KnownError, match="not a multiple of 32"):
        PoseEstimator.of(HRNet(SMALL), "lsp14", (100, 96), CPU)
    with pytest.raises(KnownError, match="17"):
        PoseEstimator.of(HRNet(SMALL), "coco17", (96, 96), CPU)


def test_bundled_network_is_whole_and_small() -> None:
    pose = PoseEstimator.load(None, "cpu")
    entry = next(e for e in load_manifest().values() if e.kind == "pose2d")
    assert pose.skeleton.name == entry.skeleton == "body19"
    assert (weights_folder() / entry.file).stat().st_size <= 16 * 2**20
    assert (weights_folder() / f"{entry.name}.md").is_file()


def test_bundled_network_finds_people(shared_dir: Path) -> None:
    from models.train.evaluate_pose import evaluate_pose

    scores = evaluate_pose(shared_dir / "data" / "lspet", "val", PoseEstimator.load(None, "cpu"), limit=100)
    assert scores["mean"] > 0.65  # the whole split is in the model card
