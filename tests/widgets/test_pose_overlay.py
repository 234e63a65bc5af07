"""Poses over video: what lies under the cursor, and that no state is told by colour alone."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from models.domain.skeleton import load_skeleton
from models.domain.track import Origin
from widgets.pose_overlay import edge_side, handle_radius, hit_joint, hit_limb, joint_text, paint_person

COCO = load_skeleton("coco17")


def people(*places: tuple[float, float]) -> np.ndarray:
    """Persons with two joints 100 px apart, all else unseen."""
    xy = np.full((len(places), 17, 2), np.nan)
    for i, (x, y) in enumerate(places):
        xy[i, COCO.index("left knee")] = x, y
        xy[i, COCO.index("left ankle")] = x, y + 100
    return xy


def test_the_nearest_joint_among_several_people_is_hit() -> None:
    xy = people((100, 100), (112, 100), (300, 100))
    knee = COCO.index("left knee")
    assert hit_joint(xy, (102, 100), 12) == (0, knee)
    assert hit_joint(xy, (110, 100), 12) == (1, knee)
    assert hit_joint(xy, (300, 205), 12) == (2, COCO.index("left ankle"))
    assert hit_joint(xy, (200, 100), 12) is None


def test_the_selected_person_wins_a_tie_but_not_more() -> None:
    xy = people((100, 100), (106, 100))
    assert hit_joint(xy, (103, 100), 12, prefer=1) == (1, COCO.index("left knee"))
    assert hit_joint(xy, (100.5, 100), 12, prefer=1) == (0, COCO.index("left knee"))


def test_no_people_or_nobody_seen_is_no_hit() -> None:
    assert hit_joint(np.zeros((0, 17, 2)), (0, 0), 12) is None
    assert hit_joint(np.full((1, 17, 2), np.nan), (0, 0), 12) is None
    assert hit_limb(np.full((1, 17, 2), np.nan), COCO, (0, 0), 12) is None


def test_a_limb_belongs_to_its_person() -> None:
    xy = people((100, 100), (200, 100))
    assert hit_limb(xy, COCO, (203, 150), 6) == 1
    assert hit_limb(xy, COCO, (150, 150), 6) is None
    assert hit_limb(xy, COCO, (100, 215), 6) is None, "past the end of the limb"


def test_limbs_take_the_side_of_their_ends() -> None:
    h36m = load_skeleton("h36m17")
    assert edge_side(COCO, COCO.index("left knee"), COCO.index("left ankle")) == "left"
    assert edge_side(COCO, COCO.index("left hip"), COCO.index("right hip")) == "middle"
    assert edge_side(h36m, h36m.index("pelvis"), h36m.index("right hip")) == "right"


def test_handles_shrink_only_on_tiny_people() -> None:
    near, far = people((0, 0))[0] * 10, people((0, 0))[0] * 0.5
    assert handle_radius(near) == handle_radius(near * 3)
    assert handle_radius(far) < handle_radius(near)
    assert handle_radius(near, 2.0) == 2 * handle_radius(near)


@pytest.mark.parametrize(
    ("confidence", "origin", "text"),
    [
        (0.94, Origin.MODEL, "left wrist .94"),
        (1.0, Origin.HUMAN, "left wrist · corrected"),
        (0.5, Origin.HUMAN, "left wrist · occluded"),
        (0.0, Origin.HUMAN, "left wrist · absent"),
        (0.3, Origin.INTERPOLATED, "left wrist .30 · interpolated"),
        (1.0, Origin.TRANSFERRED, "left wrist 1.00 · transferred"),
    ],
)
def test_the_chip_says_where_a_joint_comes_from(confidence: float, origin: Origin, text: str) -> None:
    assert joint_text(COCO, COCO.index("left wrist"), confidence, origin) == text


def painted(side: str, origin: Origin, confidence: float) -> np.ndarray:
    """Alpha of one painted joint: its shape without its colour."""
    image = QImage(40, 40, QImage.Format.Format_ARGB32)
    image.fill(QColor(0, 0, 0, 0))
    xy = np.full((17, 2), np.nan)
    joint = {"left": "left hip", "right": "right hip", "middle": "nose"}[side]
    xy[COCO.index(joint)] = 20, 20
    painter = QPainter(image)
    values = np.full(17, confidence)
    paint_person(painter, xy, values, np.full(17, origin), COCO, radius=6)
    painter.end()
    return np.frombuffer(image.convertToFormat(QImage.Format.Format_Grayscale8).constBits(), np.uint8).copy()


def test_every_state_looks_different_without_colour(qtbot: QtBot) -> None:
    states = [(side, Origin.HUMAN, 1.0) for side in ("left", "right", "middle")]
    states += [("left", origin, 0.9) for origin in (Origin.MODEL, Origin.INTERPOLATED, Origin.TRANSFERRED)]
    states += [("left", Origin.HUMAN, 0.5), ("left", Origin.HUMAN, 0.0), ("left", Origin.MODEL, 0.2)]
    pictures = [painted(*state) for state in states]
    for i, a in enumerate(pictures):
        assert a.any(), states[i]
        for b in pictures[i + 1 :]:
            assert (np.abs(a.astype(int) - b) > 40).sum() > 10, states[i]
