"""Penn Action's clips: both layouts give the same, nothing that was not labelled comes out as a position."""

from pathlib import Path

import numpy as np
import pytest

from models.domain.errors import KnownError
from models.train.penn_sequences import ACTIONS, load_penn_sequences

PACKED = "data/penn_action/penn_action_labels.npz"


def test_the_original_files_give_what_the_packed_ones_give(shared_dir: Path) -> None:
    packed = {clip.id: clip for clip in load_penn_sequences(shared_dir / PACKED, "all")}
    original = load_penn_sequences(shared_dir / "data/formats/penn_action", "all")
    assert [clip.id for clip in original] == ["0129", "0485", "0881", "1114", "1806", "2230"]
    for clip in original:
        same = packed[clip.id]
        assert (clip.action, clip.view, clip.train) == (same.action, same.view, same.train)
        assert (clip.width, clip.height) == (same.width, same.height)
        np.testing.assert_allclose(clip.xyc, same.xyc, atol=1e-3)


def test_the_official_split_has_thirteen_actions_and_shares_no_clip(shared_dir: Path) -> None:
    train = load_penn_sequences(shared_dir / PACKED, "train")
    test = load_penn_sequences(shared_dir / PACKED, "test")
    assert {c.action for c in train} == {c.action for c in test} == set(ACTIONS)
    assert len(train) == 1172 and len(test) == 978
    assert not {c.id for c in train} & {c.id for c in test}


def test_joints_without_a_label_are_nan_and_never_the_placeholder(shared_dir: Path) -> None:
    for clip in load_penn_sequences(shared_dir / PACKED, "test", ["squats", "golf_swing"]):
        seen = clip.xyc[..., 2] > 0
        assert np.isnan(clip.xyc[~seen][:, :2]).all()
        assert np.isfinite(clip.xyc[seen]).all()
        assert not (np.abs(clip.xyc[seen][:, :2]) < 0.3).all(axis=1).any()  # where the placeholder lies


@pytest.mark.parametrize(
    ("split", "actions", "words"),
    [("test", ["juggling"], "juggling"), ("dev", ["squats"], "dev")],
)
def test_what_does_not_exist_is_named(shared_dir: Path, split: str, actions: list[str], words: str) -> None:
    with pytest.raises(KnownError, match=words):
        load_penn_sequences(shared_dir / PACKED, split, actions)


def test_a_folder_or_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="no label files"):
        load_penn_sequences(tmp_path)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(KnownError, match="does not hold Penn Action"):
        load_penn_sequences(tmp_path / "other.npz")
