"""Corrections by people survive; boxes enclose what is seen."""

import numpy as np

from models.domain.track import KeypointTrack, Origin, boxes_of


def track(frames: int = 6, people: int = 1) -> KeypointTrack:
    empty = KeypointTrack.empty("lsp14", frames, people, 14)
    empty.values[:] = 1
    empty.origin[:] = Origin.MODEL
    return empty


def test_a_new_run_never_overwrites_a_correction():
    old, new = track(), track()
    old.values[2, 0, 3] = [50, 60, 1]
    old.origin[2, 0, 3] = Origin.HUMAN
    new.values[:] = 7
    merged = new.keeping_corrections_of(old)
    assert merged.values[2, 0, 3].tolist() == [50, 60, 1] and merged.origin[2, 0, 3] == Origin.HUMAN
    assert merged.values[1, 0, 3].tolist() == [7, 7, 7]
    assert new.origin[2, 0, 3] == Origin.MODEL  # the run itself is as it was


def test_corrections_of_a_person_the_run_missed_are_kept():
    old, new = track(people=2), track(people=1)
    old.origin[4, 1, 0] = Origin.HUMAN
    assert new.keeping_corrections_of(old).origin[4, 1, 0] == Origin.HUMAN


def test_boxes_enclose_what_is_seen():
    values = np.array(
        [[[10, 20, 1], [30, 60, 1], [np.nan, np.nan, 0]], [[np.nan, np.nan, 0]] * 3], dtype=np.float32
    )
    boxes = boxes_of(values, margin=0.1)
    assert boxes[0].tolist() == [6, 16, 34, 64]
    assert np.isnan(boxes[1]).all()
