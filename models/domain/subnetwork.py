"""What is seen of a subnetwork: its layers, scores, filters, how it agrees with another, and what it does.

Plain numbers for the window that shows them. Shares of weights are counted in sixteenths (`LEVELS`), because
that is how finely a supermask's scores are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVELS = 16
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LayerRow:
    """A layer of a network. shape: out, in, kernel. kept: share of its weights in use. inverted: share of
    those that have another sign than they were drawn with, None where signs are not chosen. channels,
    empty: outputs, and those without a single weight in use. thinned: False where it is left whole."""

    name: str
    shape: tuple[int, ...]
    kept: float
    inverted: float | None
    channels: int
    empty: int
    thinned: bool = True

    @property
    def weights(self) -> int:
        return int(np.prod(self.shape))


@dataclass(frozen=True, eq=False, slots=True)
class ScoreHistogram:
    """Scores of one layer. edges: (n + 1,), rising. parts: name → int (n,), one on the other. threshold: what
    has a score from there on is in use; None where all are. axis: what is counted. note: for people; alone
    where there is nothing to draw (no edges)."""

    layer: str
    edges: Floats
    parts: Mapping[str, NDArray[np.int64]]
    threshold: float | None
    axis: str
    note: str


@dataclass(frozen=True, slots=True)
class LayerOverlap:
    """How far two masks of a layer agree. overlap: Jaccard index, weights in both by weights in either;
    chance: what masks that keep these shares have when they are drawn independently."""

    layer: str
    overlap: float
    chance: float


@dataclass(frozen=True, eq=False, slots=True)
class FilterPicture:
    """The filters of a first layer as grids of named rows and columns.

    blocks: names of groups of columns, and how many columns each has. cells: int (R, C), which of a filter's
    weights stands in a cell, −1 for none. weights: (F, n); kept: bool (F, n). colour: the blocks are red,
    green and blue of a picture. note: how to read it. step: what a column is, such as "frame"; "" where
    its name says it.
    """

    layer: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    blocks: tuple[tuple[str, int], ...]
    cells: NDArray[np.int64]
    weights: Floats
    kept: NDArray[np.bool_]
    colour: bool
    note: str
    step: str = ""

    def text(self, filter_: int, row: int, column: int) -> str:
        """What a cell is: its row, column and weight."""
        at = int(self.cells[row, column])
        if at < 0:
            return ""
        place = f"{self.step} {self.columns[column]}".strip()
        names = [name for name in (self.rows[row], self._block(column), place) if name]
        use = "in use" if self.kept[filter_, at] else "left out"
        return f"{', '.join(names)}\n{self.weights[filter_, at]:+.3g} · {use}"

    def _block(self, column: int) -> str:
        for name, width in self.blocks:
            if column < width:
                return name
            column -= width
        return ""


@dataclass(frozen=True, eq=False, slots=True)
class KeepCurve:
    """Accuracy over the share of weights. points: (n, 2) share 0..1, value; shares rise. trained_keep: None
    where nothing was left out in training. data: where it was measured."""

    score: str
    unit: str
    better: str
    points: NDArray[np.float64]
    trained_keep: float | None
    data: str = ""

    @classmethod
    def from_scores(cls, scores: Mapping[str, Any]) -> KeepCurve | None:
        """The curve among the scores of a model; None where there is none that can be read."""
        try:
            found = scores["accuracy_over_keep"]
            points = np.array(sorted((float(k), float(v)) for k, v in found["points"]), np.float64)
            keep = found.get("trained_keep")
            known = cls(
                str(found["score"]),
                str(found["unit"]),
                str(found["better"]),
                points.reshape(-1, 2),
                None if keep is None else float(keep),
                str(found.get("data", "")),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return known if len(points) and np.isfinite(points).all() else None

    def at(self, keep: float) -> float | None:
        """The value at a share, between two points on the line; None outside of what was measured."""
        shares, values = self.points.T
        if not shares[0] - 1e-6 <= keep <= shares[-1] + 1e-6:
            return None
        return float(np.interp(keep, shares, values))

    def said(self, value: float) -> str:
        """A value with its unit."""
        number = f"{value:.3f}" if abs(value) < 2 else f"{value:.1f}"
        return f"{number} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class NoEffect:
    """Nothing to show, and why."""

    text: str


@dataclass(frozen=True, eq=False, slots=True)
class PoseChange:
    """A pose in a frame by two networks. image: uint8 (H, W, 3) RGB around the person. whole, thinned: (J, 3)
    px of that image, confidence. percent: mean distance of the joints by the longer side of the person."""

    image: NDArray[np.uint8]
    whole: Floats
    thinned: Floats
    skeleton: str
    percent: float


@dataclass(frozen=True, eq=False, slots=True)
class BodyChange:
    """A body by two lifters. whole, thinned: (17, 3) metres, z up, of the frame. here_mm, clip_mm: mean
    distance of the joints in this frame, and over the clip around it of `clip_s` seconds."""

    whole: Floats
    thinned: Floats
    skeleton: str
    here_mm: float
    clip_mm: float
    clip_s: float


@dataclass(frozen=True, eq=False, slots=True)
class DistanceChange:
    """Distances between the frames of a take by two encoders. whole, thinned: (n, n); frames: int (n,), which
    of the take they are. correlation: of the distances. same: share of frames whose nearest frame, half a
    second away or more, stays the same within a tenth of a second; None where the take is too short."""

    whole: Floats
    thinned: Floats
    frames: NDArray[np.int64]
    correlation: float
    same: float | None


@dataclass(frozen=True, eq=False, slots=True)
class BoxChange:
    """People found in a frame by two detectors. image: uint8 (H, W, 3) RGB. whole, thinned: (n, 5) x1, y1,
    x2, y2 px, score. same: how many boxes of the whole network the thinned one has, too."""

    image: NDArray[np.uint8]
    whole: Floats
    thinned: Floats
    same: int


Effect = NoEffect | PoseChange | BodyChange | DistanceChange | BoxChange
