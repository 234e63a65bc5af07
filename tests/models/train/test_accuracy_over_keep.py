"""The curve of a model: what it was measured on, its points, and where it is kept."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.services.models import add_model, keep_curve, model_entry
from models.domain.errors import KnownError
from models.domain.subnetwork import KeepCurve
from models.run.library import added_models, resolve
from models.train.accuracy_over_keep import accuracy_over_keep
from tests.models.run.test_thinned import packed


def curve(name: str, data: Path, shares: tuple[int, ...], limit: int) -> dict[str, object]:
    job = accuracy_over_keep(model_entry(name), data, shares, limit=limit)
    while True:
        try:
            next(job)
        except StopIteration as end:
            return dict(end.value)


def test_a_lifter_loses_accuracy_with_its_weights(shared_dir: Path) -> None:
    found = curve("videopose3d-mocap-27", shared_dir / "data/mocap/cmu.npz", (2, 8), 4)
    (low, worst), (half, middle), (whole, best) = found["points"]  # type: ignore[misc]
    assert (low, half, whole) == (0.125, 0.5, 1.0), "the share of the training is measured in any case"
    assert worst > 2 * best and worst > middle > best > 20
    assert (found["score"], found["unit"], found["trained_keep"]) == ("P-MPJPE", "mm", None)
    assert "first 4 sequences" in str(found["data"])


def test_a_supermask_without_ranks_has_one_point(shared_dir: Path, tmp_path: Path) -> None:
    packed(tmp_path, keep=0.3, ranks=False)
    found = curve(str(tmp_path / "s.kpm"), shared_dir / "data/mocap/cmu.npz", (2, 8), 2)
    assert [keep for keep, _ in found["points"]] == [0.3]  # type: ignore[attr-defined]
    assert found["trained_keep"] == 0.3


def test_the_bundled_curves_pass_through_the_scores_of_their_cards() -> None:
    cards = {
        "videopose3d-mocap-27": "p_mpjpe_mm",
        "pose-encoder-penn": "event_error_percent_1_reference",
        "pose-encoder-penn-supermask": "event_error_percent_1_reference",
        "hrnet-body19": "lspet_val_pck02",
    }
    for name, score in cards.items():
        entry = resolve(name)
        known = KeepCurve.from_scores(entry.scores)
        assert known is not None and known.points[-1, 0] == 1
        assert known.at(known.trained_keep or 1.0) == pytest.approx(entry.scores[score], abs=0.01)


def test_kinds_without_a_measure_say_so(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="no accuracy over keep"):
        curve("person-detector", tmp_path, (8,), 2)


def test_a_curve_is_kept_with_an_added_model_but_not_with_a_file(tmp_path: Path) -> None:
    found = {
        "score": "P-MPJPE",
        "unit": "mm",
        "better": "lower",
        "trained_keep": None,
        "points": [[1.0, 40.0]],
    }
    file = tmp_path / "elsewhere.safetensors"
    shutil.copy(resolve("videopose3d-mocap-27").path, file)
    with pytest.raises(KnownError, match="no model that Keyphase knows"):
        keep_curve(model_entry(str(file)), found)
    add_model(file, name="mine")
    keep_curve(model_entry("mine"), found)
    assert added_models()["mine"].scores["accuracy_over_keep"] == found


def test_damaged_curves_are_no_curves() -> None:
    whole = {"score": "s", "unit": "", "better": "higher", "trained_keep": 0.5, "points": [[1, 3], [0.5, 2]]}
    known = KeepCurve.from_scores({"accuracy_over_keep": whole})
    assert known is not None and known.at(0.75) == 2.5 and known.at(0.4) is None and known.trained_keep == 0.5
    for broken in (
        {},
        {"points": []},
        {"points": [[1]]},
        {"points": "none"},
        {"points": [[1, float("nan")]]},
    ):
        scores = {"accuracy_over_keep": {**whole, **broken} if broken else None}
        assert KeepCurve.from_scores(scores) is None
    assert KeepCurve.from_scores({}) is None
