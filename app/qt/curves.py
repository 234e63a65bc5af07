"""Curves over the take: under the timeline those one chose, in the plots all about the selected joint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from app.qt.playback import Playback
from app.qt.posing import Posing
from app.qt.preferences import Preferences
from app.qt.workspace import Workspace
from models.domain.angles import angle_deg, angle_joints
from models.domain.motion import speed_per_s
from models.domain.skeleton import load_skeleton
from widgets.canvas_gestures import Selection
from widgets.curve_menu import CurveChoice, CurveMenu
from widgets.curve_plot import CurvePlot
from widgets.theme import current
from widgets.timeline import Timeline
from widgets.timeline_lanes import Curve

Floats = NDArray[np.float32]
ANGLES = tuple(
    f"{side} {part}" for part in ("shoulder", "elbow", "hip", "knee") for side in ("left", "right")
)
CHOICES = (
    CurveChoice("confidence", "Confidence"),
    CurveChoice("speed", "Speed"),
    CurveChoice("x", "Place: x"),
    CurveChoice("y", "Place: y"),
    CurveChoice("error", "Error against the truth"),
    CurveChoice("angle", "Angle at the chosen joint (else the left knee)"),
    *(CurveChoice(f"angle/{name}", name.capitalize(), "Angles") for name in ANGLES),
)
DEFAULT = ("confidence", "angle")


class Curves(QObject):
    """Controller of the curve lanes, their menu and the plots."""

    def __init__(
        self,
        workspace: Workspace,
        playback: Playback,
        posing: Posing,
        preferences: Preferences,
        timeline: Timeline,
        plot: CurvePlot,
        menu: CurveMenu,
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.posing, self.preferences = workspace, posing, preferences
        self.timeline, self.plot, self.menu = timeline, plot, menu
        self._error: tuple[str, Floats] | None = None
        saved = preferences.get("curves")
        menu.set_ids([str(id_) for id_ in saved] if isinstance(saved, list) else DEFAULT)
        menu.chosen.connect(self._on_chosen)
        plot.scrubbed.connect(playback.scrub)
        playback.frame_shown.connect(plot.set_playhead)
        posing.poses_changed.connect(self.show_curves)
        posing.selection_changed.connect(lambda _selection: self.show_curves())
        workspace.take_changed.connect(self._on_take_changed)

    def set_error(self, error: tuple[str, Floats] | None) -> None:
        """Title and values (T,) of the error of the shown poses, where there is a truth to compare with."""
        self._error = error
        self.menu.set_possible("error", error is not None)
        self.show_curves()

    def show_curves(self) -> None:
        """Compute the chosen curves anew; a choice that has nothing to show here has no lane."""
        lanes = [curve for id_ in self.menu.ids if (curve := self._curve(id_)) is not None]
        self.timeline.set_curves(list({curve.name: curve for curve in lanes}.values()))  # one lane each
        chosen = self.posing.selection
        everything = ("x", "y", "confidence", "speed", "angle")
        about = everything if chosen is not None and chosen.joint is not None else ("angle",)
        self.plot.set_curves([curve for id_ in about if (curve := self._curve(id_)) is not None])

    def _on_chosen(self, ids: list[str]) -> None:
        self.preferences.put("curves", ids)
        self.show_curves()

    def _on_take_changed(self) -> None:
        take = self.workspace.take
        self.plot.set_times(take.info.times if take else None)

    def _curve(self, id_: str) -> Curve | None:
        track, skeleton, take = self.posing.track, self.posing.skeleton, self.workspace.take
        chosen = self.posing.selection or Selection(0)
        if track is None or skeleton is None or take is None or chosen.person >= track.people:
            return None
        theme, joint = current(), chosen.joint
        joints: slice | list[int] = slice(None) if joint is None else [joint]
        values = track.values[:, chosen.person, joints]
        if id_ == "confidence":
            seen = np.where(np.isfinite(values[..., 0]), values[..., 2], np.nan)
            return Curve.of("confidence", _mean(seen), limits=(0.0, 1.0))
        if id_ in ("x", "y") and joint is not None:
            return Curve.of(f"{id_} px", values[:, 0, "xy".index(id_)], theme.left.name())
        if id_ == "speed":
            times = take.info.times
            seconds = times.pts.astype(np.float64) * float(times.time_base)
            speed = _mean(speed_per_s(values[..., :2], seconds))
            return Curve.of("speed px/s", speed, theme.right.name(), (0.0, _top(speed)))
        if id_ == "error" and self._error is not None:
            title, error = self._error
            return Curve.of(title, error, theme.warning.name(), (0.0, _top(error)))
        if id_.startswith("angle"):
            return self._angle(id_, chosen)
        return None

    def _angle(self, id_: str, chosen: Selection) -> Curve | None:
        """In 3D where the person has a skeleton there, else in the picture."""
        _, _, wanted = id_.partition("/")
        for name in [wanted] if wanted else self._angles_of(chosen):
            for points, skeleton_name, unit in self._points(chosen.person):
                at = angle_joints(load_skeleton(skeleton_name)).get(name)
                if at is not None:
                    values = angle_deg(*(points[:, joint] for joint in at))
                    return Curve.of(f"{name} {unit}", values, current().accent.name())
        return None

    def _angles_of(self, chosen: Selection) -> Sequence[str]:
        skeleton = self.posing.skeleton
        if chosen.joint is not None and skeleton is not None and skeleton.joints[chosen.joint] in ANGLES:
            return (skeleton.joints[chosen.joint],)
        return ("left knee", "left elbow", "right knee")

    def _points(self, person: int) -> Iterator[tuple[Floats, str, str]]:
        """Positions (T, J, 2 or 3), their skeleton and the unit to write; 3D first."""
        track_3d, track = self.posing.track_3d, self.posing.track
        if track_3d is not None and person < track_3d.people:
            yield track_3d.values[:, person, :, :3], "h36m17", "°"
        if track is not None:
            yield track.values[:, person, :, :2], track.skeleton, "° 2D"


def _mean(values: Floats) -> Floats:
    """Mean over the joints (T, J) that are known: (T,), NaN where none is."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    total = np.where(known, values, 0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _top(values: Floats) -> float:
    """A top that single outliers do not stretch: twice what 98 % of the frames stay under."""
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return 1.0
    return float(min(finite.max(), 2 * np.quantile(finite, 0.98))) or 1.0
