"""Curves over a clip from joints that come and go, and the moments that can be read off them.

Why it exists: key events of Penn Action are *derived* from its joints (`derived_events`). Joints are hidden
for a while or for good, and jitter by some pixels; a rule must work on what was seen and give no answer
where that does not decide. Convention: positions in limb lengths of the person (so that thresholds hold for
everybody), x to the right, **height upwards**; NaN = not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import find_peaks

from models.domain.skeleton import load_skeleton

SKELETON = load_skeleton("penn13")
FEWEST_FRAMES = 5  # in which a joint is seen, or it is not used
LONGEST_GAP = 6  # frames over which a joint that was not seen is drawn through
SEEN_NEAR = 2  # a moment counts only if its joints were seen within so many frames of it
BRIM = 2  # frames on both sides of an extreme in which the joints must be seen
SAME_HEIGHT = 0.06  # of a peak's prominence: frames as good as the peak; the moment is their middle
RIVAL = 0.65  # a second peak with this share of the first one's prominence: the joints do not decide

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Body:
    """A person over a clip. place: float64 (T, 13, 2), x and height in limb lengths; NaN = not seen."""

    place: Floats

    def __len__(self) -> int:
        return len(self.place)

    def at(self, joint: str) -> Floats:
        """float64 (T, 2) of one joint, or of the middle of a pair ("hips", "wrists", …)."""
        if joint in SKELETON.joints:
            return self.place[:, SKELETON.index(joint)]
        left, right = (self.at(f"{side} {joint.removesuffix('s')}") for side in ("left", "right"))
        return _middle(left, right)

    def height(self, joint: str) -> Floats:
        """float64 (T,) of a joint or a pair."""
        return self.at(joint)[:, 1]


def body_of(values: NDArray[np.floating]) -> Body | None:
    """A clip's joints (T, 13, 3) px, NaN = not seen, as smooth curves; None when no limb is ever seen."""
    xy = np.array(values[..., :2], np.float64)
    limb = limb_px(xy)
    if limb is None:
        return None
    xy[..., 1] *= -1
    return Body(smooth(xy.reshape(len(xy), -1)).reshape(xy.shape) / limb)


def limb_px(xy: Floats) -> float | None:
    """Typical length of a limb: each limb at its longest (turned towards the camera it looks shorter), then
    the median of the limbs. None when there is none."""
    a, b = np.array(SKELETON.edges).T
    lengths = np.linalg.norm(xy[:, a] - xy[:, b], axis=-1)
    known = np.isfinite(lengths).sum(axis=0) >= 3
    if not known.any():
        return None
    return max(float(np.median(np.nanpercentile(lengths[:, known], 90, axis=0))), 1e-6)


def smooth(curves: Floats) -> Floats:
    """Curves (T, N) without single outliers and jitter; gaps up to `LONGEST_GAP` frames are drawn through."""
    frames = np.arange(len(curves))
    filled = np.full(curves.shape, np.nan)
    shown = np.zeros(curves.shape, np.bool_)
    for column in range(curves.shape[1]):
        known = np.nonzero(np.isfinite(curves[:, column]))[0]
        if len(known) < FEWEST_FRAMES:
            continue
        filled[:, column] = np.interp(frames, known, curves[known, column])
        before = known[np.clip(np.searchsorted(known, frames, side="right") - 1, 0, None)]
        after = known[np.clip(np.searchsorted(known, frames), None, len(known) - 1)]
        inside = (frames >= known[0]) & (frames <= known[-1])
        near = np.minimum(np.abs(frames - before), np.abs(frames - after)) <= 1
        shown[:, column] = (inside & (after - before <= LONGEST_GAP + 1)) | near
    calm = gaussian_filter1d(median_filter(filled, (3, 1), mode="nearest"), 1.0, axis=0, mode="nearest")
    return np.where(shown, calm, np.nan)


def peak(curve: Floats, least: float, *, first: int = 0, last: int | None = None) -> int | None:
    """Frame of *the* peak of a curve between two frames (both included), or None.

    least: how far the curve must fall on both sides. None also when another peak is nearly as prominent, or
    when the curve still rises at an end of the clip: then the moment may lie outside.
    """
    last = len(curve) - 1 if last is None else last
    part = curve[first : last + 1]
    known = np.isfinite(part)
    if known.sum() < 5:
        return None
    low = float(np.min(part[known]))
    values = np.where(known, part, low)
    found, about = find_peaks(values, prominence=least, plateau_size=1)
    if len(found) == 0:
        return None
    prominence = about["prominences"]
    best = int(np.argmax(values[found] + 1e-9 * prominence))
    rivals = (prominence >= RIVAL * prominence[best]) & (np.arange(len(found)) != best)
    if rivals.any():
        return None
    top = first + int(found[best])
    if not known_around(curve, top):
        return None
    return first + _middle_of_top(values, int(found[best]), SAME_HEIGHT * float(prominence[best]))


def known_around(curve: Floats, frame: int, brim: int = BRIM) -> bool:
    """Whether the curve is known for `brim` frames on both sides: a peak beside a gap may go on inside it."""
    return bool(np.isfinite(curve[max(0, frame - brim) : frame + brim + 1]).all())


def highest(curve: Floats, first: int, last: int, brim: int = BRIM) -> int | None:
    """The frame of the highest value in [first, last]; None where it lies at either or beside a gap."""
    part = curve[first : last + 1]
    if np.isfinite(part).sum() < 3:
        return None
    at = first + int(np.nanargmax(part))
    return at if first < at < last and known_around(curve, at, brim) else None


def first_crossing(curve: Floats, level: float, *, first: int, last: int) -> int | None:
    """The first frame in [first, last] at which the curve rises through `level`, or None."""
    back = crossing(curve[first : last + 1][::-1], level, first=0, last=last - first, upwards=False)
    return None if back is None else last - back


def crossing(curve: Floats, level: float, *, first: int, last: int, upwards: bool) -> int | None:
    """The last frame in [first, last] at which the curve passes `level` in the given direction, or None."""
    part = curve[first : last + 1] - level
    part = part if upwards else -part
    with np.errstate(invalid="ignore"):
        passes = np.nonzero((part[:-1] < 0) & (part[1:] >= 0))[0]
    if len(passes) == 0:
        return None
    at = int(passes[-1])
    share = -part[at] / (part[at + 1] - part[at])
    return first + int(np.floor(at + share + 0.5))


def speed(track: Floats) -> Floats:
    """float64 (T,) limb lengths per frame of a point (T, 2), by central differences."""
    if len(track) < 3:
        return np.full(len(track), np.nan)
    return np.asarray(np.linalg.norm(np.gradient(track, axis=0), axis=1))


def _middle(left: Floats, right: Floats) -> Floats:
    """The middle of two joints; where only one is seen, that one moved by half of how far they are apart in
    the frames around in which both are seen."""
    both = np.isfinite(left).all(axis=1) & np.isfinite(right).all(axis=1)
    apart = np.zeros_like(left)
    if both.any():
        frames, known = np.arange(len(left)), np.nonzero(both)[0]
        apart = np.stack([np.interp(frames, known, column[known]) for column in (left - right).T], axis=1)
    middle = (left + right) / 2
    middle = np.where(np.isfinite(middle), middle, left - apart / 2)
    return np.where(np.isfinite(middle), middle, right + apart / 2)


def _middle_of_top(values: Floats, top: int, depth: float) -> int:
    low = high = top
    while low > 0 and values[low - 1] >= values[top] - depth:
        low -= 1
    while high < len(values) - 1 and values[high + 1] >= values[top] - depth:
        high += 1
    return (low + high) // 2
