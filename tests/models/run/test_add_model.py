"""Files in the layouts in which networks are published become models of the program, or nothing at all."""

from __future__ import annotations

import collections
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from models.domain.errors import KnownError
from models.nets.hrnet import COMPACT, HRNet, HRNetConfig
from models.nets.videopose3d import TemporalModel, VideoPose3DConfig
from models.run import add_model as module
from models.run.add_model import add_model, remove_model
from models.run.library import added_folder, added_models, resolve
from models.run.pose2d import PoseEstimator
from models.run.weights import load_entry

THIN = HRNetConfig(joints=17, width=8, modules=(1, 1, 1), blocks=(1, 1, 1), layer1_blocks=1)
GOLDEN = Path(__file__).parents[2] / "golden"


def published(config: HRNetConfig) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return dict(HRNet(config).state_dict())


def official_layout(name: str) -> dict[str, torch.Tensor]:
    """Zeros under the keys and in the shapes of the official network, as the golden list has them."""
    tensors = {}
    with np.load(GOLDEN / "hrnet_keys.npz") as golden:
        for row in golden[name]:
            key, _, shape = str(row).partition(" ")
            sizes = [size for size in shape.strip("[]").split(",") if size and '"' not in size]
            counter = '"int64"' in shape
            tensors[key] = torch.zeros(
                [int(s) for s in sizes], dtype=torch.int64 if counter else torch.float32
            )
    return tensors


def nothing_was_added() -> bool:
    return not added_folder().exists() or not list(added_folder().iterdir())


@pytest.mark.parametrize(
    ("file", "golden", "skeleton", "size"),
    [
        ("pose_hrnet_w32_256x192.pth", "w32_coco17", "coco17", (192, 256)),
        ("pose_hrnet_w48_384x288.pth", "w48_coco17", "coco17", (288, 384)),
        ("pose_hrnet_w32_256x256.pth", "w32_mpii16", "mpii16", (256, 256)),
    ],
)
def test_official_pose_checkpoints(
    tmp_path: Path, file: str, golden: str, skeleton: str, size: tuple[int, int]
) -> None:
    torch.save(official_layout(golden), tmp_path / file, _use_new_zipfile_serialization=False)  # as in 2019
    entry = add_model(tmp_path / file)
    assert (entry.name, entry.kind) == (Path(file).stem, "pose2d")
    assert (entry.skeleton, entry.input_size) == (skeleton, size)
    (tmp_path / file).unlink()
    estimator = PoseEstimator.load(entry.name, "cpu")
    assert (estimator.skeleton.name, estimator.input_wh) == (skeleton, size)
    assert estimator.decoder == "peak" and not estimator.kind.distribution


@pytest.mark.parametrize(
    "wrap",
    [
        lambda t: t,
        lambda t: {f"module.{key}": value for key, value in t.items()},
        lambda t: {"epoch": 210, "model": "pose_hrnet", "perf": np.float64(0.744), "best_state_dict": t,
                   "state_dict": {f"module.{k}": v for k, v in t.items()},
                   "optimizer": {"state": {}, "param_groups": []}},
        lambda t: {"model": t},
        lambda t: {"best_state_dict": t},
        lambda t: collections.OrderedDict((k, torch.nn.Parameter(v) if v.is_floating_point() else v)
                                          for k, v in t.items()),
    ],
)  # fmt: skip
def test_every_wrapping_gives_the_same_network(tmp_path: Path, wrap: Any) -> None:
    tensors = published(THIN)
    torch.save(wrap(tensors), tmp_path / "net.pth.tar")
    entry = add_model(tmp_path / "net.pth.tar", name="mine", input_wh=(96, 128))
    found = load_entry(entry)
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[key], tensors[key]) for key in tensors)
    assert resolve("mine", "pose2d").input_size == (96, 128)


def test_official_lifters_with_what_their_training_keeps_beside(tmp_path: Path) -> None:
    config = VideoPose3DConfig((3, 3), channels=16)
    pose = TemporalModel(config).state_dict()
    root = TemporalModel(VideoPose3DConfig((3, 3), channels=16, joints_out=1)).state_dict()
    random_state = np.random.RandomState(1234)
    saved = {"epoch": 80, "lr": 1e-3, "random_state": random_state, "optimizer": {"state": {}},
             "model_pos": pose, "model_traj": root, "random_state_semi": random_state}  # fmt: skip
    path = tmp_path / "pretrained_h36m_detectron_coco.bin"
    torch.save(saved, path)
    entry = add_model(path)
    assert (entry.kind, entry.skeleton) == ("lift3d", "h36m17")
    assert entry.config == {"filter_widths": [3, 3], "channels": 16, "features_in": 2}
    found = load_entry(entry)
    assert all(torch.equal(found[key], pose[key]) for key in pose)
    assert all(torch.equal(found[f"trajectory.{key}"], root[key]) for key in root)


def test_what_a_model_says_of_itself_is_kept(tmp_path: Path) -> None:
    about = '{"decoder": "softmax", "padding": 1.1, "skeleton": "lsp14", "input_wh": [64, 96]}'
    halves = {k: v.half() if v.is_floating_point() else v for k, v in HRNet(COMPACT).state_dict().items()}
    save_file(halves, tmp_path / "my net.safetensors", {"keyphase": about})
    entry = add_model(tmp_path / "my net.safetensors", licence="CC BY 4.0")
    assert (entry.name, entry.licence) == ("my-net", "CC BY 4.0")
    assert load_file(entry.path)["conv1.weight"].dtype == torch.float32
    found = PoseEstimator.load("my-net", "cpu")
    assert (found.decoder, found.padding, found.input_wh) == ("softmax", 1.1, (64, 96))


def test_everything_that_does_not_fit_is_listed_and_nothing_is_added(tmp_path: Path) -> None:
    tensors = published(THIN)
    del tensors["stage2.0.branches.0.0.bn1.weight"], tensors["stage2.0.branches.0.0.bn1.bias"]
    tensors["extra.bias"] = torch.zeros(3)
    tensors["layer1.0.conv2.weight"] = torch.zeros(64, 64, 5, 5)
    torch.save(tensors, tmp_path / "bad.pth")
    with pytest.raises(KnownError) as refused:
        add_model(tmp_path / "bad.pth")
    text = str(refused.value)
    assert "lacks 2 tensors: stage2.0.branches.0.0.bn1 (weight, bias)" in text
    assert "has unknown 1 tensors: extra (bias)" in text
    assert "has other shapes for 1 tensors: layer1.0.conv2.weight (64×64×5×5 for 64×64×3×3)" in text
    assert nothing_was_added()


def test_a_long_list_is_shortened_by_parts(tmp_path: Path) -> None:
    whole = published(THIN)
    tensors = {
        key: value for key, value in whole.items() if not key.startswith(("stage3.0.fuse", "transition2"))
    }
    torch.save(tensors, tmp_path / "bad.pth")
    with pytest.raises(
        KnownError, match=r"lacks \d+ tensors: transition2.* and \d+ more in stage3"
    ) as refused:
        add_model(tmp_path / "bad.pth")
    assert len(str(refused.value)) < 900


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda t: {k: v for k, v in t.items() if "final" not in k}, "without a pose head"),
        (lambda t: {"fc.weight": torch.zeros(2, 2)}, "neither an HRNet .* nor a VideoPose3D"),
        (lambda t: {"expand_conv.weight": torch.zeros(4, 34, 3)}, "no VideoPose3D network"),
        (lambda t: {"expand_conv.weight": torch.zeros(4, 34, 3), "shrink.weight": torch.zeros(51, 4, 1)},
         "lacks"),
        (lambda t: {}, "does not hold"),
        (lambda t: {"state_dict": "elsewhere"}, "does not hold"),
        (lambda t: {**t, "final_layer.weight": torch.zeros(11, 8, 1, 1), "final_layer.bias": torch.zeros(11)},
         "11 joints"),
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path: Path, change: Any, what: str) -> None:
    torch.save(change(published(THIN)), tmp_path / "other.pth")
    with pytest.raises(KnownError, match=what):
        add_model(tmp_path / "other.pth")
    assert nothing_was_added()


class Bomb:
    """A pickle that would write a file when it is read by the ordinary unpickler."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"open({str(self.trace)!r}, 'w')",)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, zipped: bool) -> None:
    trace, path = tmp_path / "trace", tmp_path / "evil.pth"
    saved = {"state_dict": published(THIN), "random_state": Bomb(trace)}
    torch.save(saved, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(KnownError, match=r"it names \S*exec, and no code in a file is ever run"):
        add_model(path)
    (tmp_path / "plain.pkl").write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(KnownError, match="cannot be read as plain tensors"):
        add_model(tmp_path / "plain.pkl")
    assert not trace.exists() and nothing_was_added()


def test_numpy_objects_are_left_unread(tmp_path: Path) -> None:
    """What stands for them does nothing, whatever a file says about them."""
    sneaky = np.empty(1, object)
    sneaky[0] = Bomb(tmp_path / "trace")
    torch.save({"state_dict": published(THIN), "perf": sneaky}, tmp_path / "evil.pth")
    with pytest.raises(KnownError, match="no code in a file is ever run"):
        add_model(tmp_path / "evil.pth")
    assert not (tmp_path / "trace").exists()


def test_any_garbage_gets_one_clear_line(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "net.pth", _use_new_zipfile_serialization=False)
    whole, rng = (tmp_path / "net.pth").read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 3):
            data[place] = rng.integers(256)
        (tmp_path / "bad.pth").write_bytes(data)
        with pytest.raises(KnownError, match=r"cannot be read|does not hold|neither"):
            add_model(tmp_path / "bad.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated_files_are_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    tensors = published(THIN)
    torch.save(tensors, path) if suffix == ".pth" else save_file(tensors, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(KnownError, match=r"cannot be read as plain tensors.*downloaded or copied to its end"):
        add_model(path)
    assert nothing_was_added()


def test_a_damaged_model_is_told_and_can_be_added_again(tmp_path: Path) -> None:
    torch.save(published(THIN), tmp_path / "net.pth")
    entry = add_model(tmp_path / "net.pth")
    data = bytearray(entry.path.read_bytes())
    data[-1] ^= 1
    entry.path.write_bytes(data)
    with pytest.raises(KnownError, match=r"not the one that was added.*models remove net"):
        PoseEstimator.load("net", "cpu")
    remove_model("net")
    assert added_models() == {} and nothing_was_added()
    add_model(tmp_path / "net.pth")
    PoseEstimator.load("net", "cpu")


def test_names_are_unique_and_bundled_models_stay(tmp_path: Path) -> None:
    torch.save(published(THIN), tmp_path / "net.pth")
    add_model(tmp_path / "net.pth")
    with pytest.raises(KnownError, match="a model called 'net' already"):
        add_model(tmp_path / "net.pth")
    bundled = next(iter(module.load_manifest()))
    with pytest.raises(KnownError, match="already"):
        add_model(tmp_path / "net.pth", name=bundled)
    for name in ("../evil", "a/b", ".hidden", "a b", "net.pth"):
        with pytest.raises(KnownError, match="cannot be the name"):
            add_model(tmp_path / "net.pth", name=name)
    with pytest.raises(KnownError, match="ships with Keyphase"):
        remove_model(bundled)
    with pytest.raises(KnownError, match=r"No model called 'nobody'.*net"):
        remove_model("nobody")
    assert list(added_models()) == ["net"]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(published(THIN), tmp_path / "net.pth")

    def half_written(_tensors: object, path: Path, _about: object) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "save_file", half_written)
        with pytest.raises(KnownError, match=r"could not be written.*No space left"):
            add_model(tmp_path / "net.pth")
    assert nothing_was_added()


def test_an_unreadable_description_does_not_hide_the_others(tmp_path: Path) -> None:
    torch.save(published(THIN), tmp_path / "net.pth")
    add_model(tmp_path / "net.pth")
    (added_folder() / "other.json").write_text("{")
    (added_folder() / "third.json").write_text('{"name": "third", "file": "../../etc/passwd"}')
    assert list(added_models()) == ["net"]
    assert resolve("net").kind == "pose2d"


def test_sizes_of_inputs_must_fit(tmp_path: Path) -> None:
    torch.save(published(THIN), tmp_path / "net.pth")
    with pytest.raises(KnownError, match="250x190 is not possible"):
        add_model(tmp_path / "net.pth", input_wh=(190, 250))
    with pytest.raises(KnownError, match="17 joints, which are not those of mpii16"):
        add_model(tmp_path / "net.pth", skeleton="mpii16")
    assert nothing_was_added()
