"""The published scores equal those of the official code on stored embeddings (tests/golden/tcc_eval*)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.train.phase_scores import (
    LabelledVideo,
    classification,
    few_shot,
    first_share,
    kendalls_tau,
    progress_targets,
    progression,
    retrieval,
)

GOLDEN = Path(__file__).parents[2] / "golden"
CLASSES = 5


@pytest.fixture(scope="module")
def official() -> dict[str, Any]:
    return dict(json.loads((GOLDEN / "tcc_eval.json").read_text("utf-8")))


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    with np.load(GOLDEN / "tcc_eval_data.npz", allow_pickle=False) as data:
        return {key: data[key] for key in data.files}


def videos(arrays: dict[str, Any], split: str) -> list[LabelledVideo]:
    count = int(arrays[f"{split}_count"])
    return [LabelledVideo(arrays[f"{split}{i}_embs"], arrays[f"{split}{i}_labels"]) for i in range(count)]


@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("split", ["train", "val"])
def test_kendalls_tau_is_the_official_one(
    official: dict[str, Any], arrays: dict[str, Any], split: str, stride: int
) -> None:
    ours = kendalls_tau([video.embeddings for video in videos(arrays, split)], stride)
    assert ours == pytest.approx(official["kendalls_tau"][str(stride)][split], abs=1e-9)


def test_pairs_without_order_are_dropped(official: dict[str, Any], arrays: dict[str, Any]) -> None:
    val = [video.embeddings for video in videos(arrays, "val")]
    still = np.repeat(val[1][:1], 6, axis=0)
    expected = official["kendalls_tau"]["degenerate_list_[val0, 6 copies of val1 frame 0, val2]_stride1"]
    assert kendalls_tau([val[0], still, val[2]], 1) == pytest.approx(expected, abs=1e-9)
    assert kendalls_tau([still, still], 1) is None


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_phase_classification_is_the_official_one(
    official: dict[str, Any], arrays: dict[str, Any], share: float
) -> None:
    train = first_share(videos(arrays, "train"), share)
    expected = official["classification"]
    assert classification(train, train) == pytest.approx(
        expected[f"classification/train_pouring_{share}_accuracy"], abs=1e-12
    )
    val = videos(arrays, "val")
    assert classification(train, val) == pytest.approx(
        expected[f"classification/val_pouring_{share}_accuracy"], abs=1e-12
    )
    auto = official["classification_extra_gamma_auto"][str(share)]
    assert classification(train, val, gamma="auto") == pytest.approx(auto, abs=1e-12)


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_phase_progression_is_the_official_one(
    official: dict[str, Any], arrays: dict[str, Any], share: float
) -> None:
    train, val = first_share(videos(arrays, "train"), share), videos(arrays, "val")
    expected = official["event_completion"]
    assert progression(train, train, CLASSES) == pytest.approx(
        expected[f"event_completion/train_pouring_{share}_score"], abs=1e-5
    )
    assert progression(train, val, CLASSES) == pytest.approx(
        expected[f"event_completion/val_pouring_{share}_score"], abs=1e-5
    )


def test_progress_targets_are_the_official_ones(arrays: dict[str, Any]) -> None:
    for split in ("train", "val"):
        for i, video in enumerate(videos(arrays, split)):
            np.testing.assert_allclose(
                progress_targets(video.labels, CLASSES), arrays[f"{split}{i}_progress_targets"], atol=1e-12
            )


def test_a_missing_phase_counts_from_where_it_would_be() -> None:
    with_gap = progress_targets(np.array([0, 0, 2, 2]), 3)
    np.testing.assert_allclose(with_gap[:, 1], with_gap[:, 0])
    np.testing.assert_allclose(progress_targets(np.array([1, 1]), 3)[:, 0], [0.5, 1.0])


def test_few_shot_is_the_official_one(official: dict[str, Any], arrays: dict[str, Any]) -> None:
    counts = official["few_shot_num_labeled"]
    scores = few_shot(
        videos(arrays, "train"), videos(arrays, "val"), counts, chosen=official["few_shot_episodes"]
    )
    assert [score.videos for score in scores] == counts
    for score in scores:
        expected = official["few_shot"]
        name = f"few_shot_cxn/val_pouring_{score.videos}"
        assert score.accuracy == pytest.approx(expected[f"{name}_accuracy"], abs=1e-12)
        assert score.interval == pytest.approx(expected[f"{name}_ci"], rel=1e-9)


def test_random_episodes_repeat(arrays: dict[str, Any]) -> None:
    train, val = videos(arrays, "train"), videos(arrays, "val")
    assert few_shot(train, val, (1, 20), episodes=3) == few_shot(train, val, (1,), episodes=3)


def test_retrieval_counts_same_phases_among_the_nearest_frames_of_other_videos() -> None:
    def line(labels: list[int]) -> LabelledVideo:
        y = np.array(labels)
        return LabelledVideo(y[:, None] * 10.0 + np.arange(len(y))[:, None] * 0.01, y)

    same = [line([0] * 6 + [1] * 6) for _ in range(3)]
    assert retrieval(same, (5, 10)) == {5: 1.0, 10: 1.0}
    mixed = retrieval([*same[:2], LabelledVideo(same[2].embeddings, 1 - same[2].labels)], (5,))
    assert mixed is not None and mixed[5] < 0.7
    assert retrieval(same[:1], (5,)) is None


def test_frames_without_an_embedding_are_left_out(arrays: dict[str, Any]) -> None:
    val = videos(arrays, "val")
    padded = [
        LabelledVideo(
            np.concatenate([np.full((3, 16), np.nan), video.embeddings]),
            np.concatenate([np.zeros(3, np.int64), video.labels]),
        )
        for video in val
    ]
    assert classification(val, padded) == classification(val, val)
    assert kendalls_tau([v.embeddings for v in padded], 1) == kendalls_tau([v.embeddings for v in val], 1)
