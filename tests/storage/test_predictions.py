"""What the model had said stays known when people set joints over it, and goes when it comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection

from models.domain.track import KeypointTrack, Origin
from storage import predictions, snapshots, tracks
from storage.project import Project
from storage.tracks import TrackInfo
from tests.example_project import full_project

JOINT = 9


@pytest.fixture
def project(tmp_path: Path):  # type: ignore[no-untyped-def]
    with full_project(tmp_path) as made:
        with made.transaction() as tx:
            tracks.create(tx, TrackInfo("t", "left", None, "coco17", 2, 2, 40, False))
            values = np.arange(40 * 2 * 17 * 3, dtype=np.float32).reshape(40, 2, 17, 3)
            tracks.write_frames(tx, "t", 0, values, np.full((40, 2, 17), Origin.MODEL, np.uint8))
        yield made


def put(tx: Connection, frame: int, origin: Origin, x: float = 7.0, person: int = 0):  # type: ignore[no-untyped-def]
    places = np.array([[frame, person, JOINT]])
    return tracks.put_joints(tx, "t", places, np.array([[x, 8, 1]], np.float32), np.array([origin], np.uint8))


def kept(project: Project) -> list[list[int]]:
    with project.reading() as tx:
        return predictions.read(tx, "t")[0].tolist()


def test_the_first_value_that_was_set_over_counts(project: Project) -> None:
    with project.reading() as tx:
        before = tracks.read(tx, "t")
    with project.transaction() as tx:
        put(tx, 5, Origin.HUMAN)
        put(tx, 5, Origin.HUMAN, 9.0)
        put(tx, 6, Origin.INTERPOLATED)
    assert kept(project) == [[5, 0, JOINT], [6, 0, JOINT]]
    with project.reading() as tx:
        model = predictions.predicted(tx, "t", tracks.read(tx, "t"))
    np.testing.assert_array_equal(model.values, before.values)
    assert (model.origin == Origin.MODEL).all()


def test_what_is_put_back_is_forgotten(project: Project) -> None:
    with project.transaction() as tx:
        old = put(tx, 5, Origin.HUMAN)
        tracks.put_joints(tx, "t", np.array([[5, 0, JOINT]]), *old)
    assert kept(project) == []


def test_where_the_model_saw_nothing_there_is_no_prediction(project: Project) -> None:
    with project.transaction() as tx:
        empty = KeypointTrack.empty("coco17", 1, 2, 17)
        tracks.put_frames(tx, "t", 3, empty)
        put(tx, 3, Origin.HUMAN)
    assert kept(project) == []
    with project.reading() as tx:
        model = predictions.predicted(tx, "t", tracks.read(tx, "t"))
    assert np.isnan(model.values[3, 0, JOINT, 0]) and model.origin[3, 0, JOINT] == Origin.NONE


def test_predictions_go_along_when_people_change_places(project: Project) -> None:
    with project.transaction() as tx:
        put(tx, 5, Origin.HUMAN)
        put(tx, 20, Origin.HUMAN)
        part = tracks.read_frames(tx, "t", 0, 10)
        swapped = KeypointTrack("coco17", part.values[:, ::-1], part.origin[:, ::-1])
        tracks.put_frames(tx, "t", 0, swapped)
    assert kept(project) == [[5, 1, JOINT], [20, 0, JOINT]]
    with project.transaction() as tx:
        tracks.put_frames(tx, "t", 0, part)
    assert kept(project) == [[5, 0, JOINT], [20, 0, JOINT]]


def test_they_go_with_their_track_and_come_back_with_it(project: Project) -> None:
    with project.transaction() as tx:
        put(tx, 5, Origin.HUMAN)
        taken = snapshots.of_track(tx, "t")
        tracks.remove(tx, "t")
    assert kept(project) == []
    with project.transaction() as tx:
        snapshots.restore(tx, taken)
    assert kept(project) == [[5, 0, JOINT]]
