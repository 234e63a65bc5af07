"""Labels carried between people: exact on made-up sequences, better than chance on the real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.domain.errors import KnownError
from models.train.label_transfer import LabelledSequence, cross_subject_transfer, load_labelled_sequences


def sequence(subject: str, labels: list[int]) -> LabelledSequence:
    return LabelledSequence(
        subject, subject, 50.0, np.zeros((len(labels), 17, 3), np.float32), np.array(labels, np.int64)
    )


def test_what_others_do_is_found_and_what_they_do_not_is_not() -> None:
    takes = [sequence("1", [1, 1, 2, 3]), sequence("2", [1, 2, 2, 2])]
    found = cross_subject_transfer(takes, lambda s: s.labels[:, None].astype(float))
    assert found.frames == 8 and found.accuracy == found.possible == pytest.approx(7 / 8)
    assert found.balanced == 1 and found.per_subject == {"1": 0.75, "2": 1.0}
    assert found.chance == pytest.approx((1 + 1) / 8)


def test_one_person_alone_is_refused() -> None:
    with pytest.raises(KnownError, match="needs two"):
        cross_subject_transfer([sequence("1", [1, 2])], lambda s: s.labels[:, None].astype(float))


def test_another_file_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(KnownError, match="no labelled sequences"):
        load_labelled_sequences(tmp_path / "other.npz")


def test_bare_distances_of_joints_beat_chance_on_the_real_sequences(shared_dir: Path) -> None:
    found = load_labelled_sequences(shared_dir / "data" / "mocap" / "mocap6_labels" / "labels.npz")
    assert len(found) == 5 and len({s.subject for s in found}) == 2

    def distances(take: LabelledSequence) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        a, b = np.triu_indices(17, 1)
        return np.linalg.norm(take.positions[:, a] - take.positions[:, b], axis=-1)

    scores = cross_subject_transfer(found, distances)
    assert scores.frames == 8071 and scores.accuracy > 2 * scores.chance
