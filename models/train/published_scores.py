"""The figures that the published HRNet code prints, number for number.

`heatmap_accuracy` is its progress metric during training, `pckh` MPII's score (Andriluka et al., CVPR 2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.domain.skeleton import Skeleton
from models.run.heatmap import peaks

Floats = NDArray[np.floating]

_PARTS = {
    "head": ("head top",),
    "shoulder": ("left shoulder", "right shoulder"),
    "elbow": ("left elbow", "right elbow"),
    "wrist": ("left wrist", "right wrist"),
    "hip": ("left hip", "right hip"),
    "knee": ("left knee", "right knee"),
    "ankle": ("left ankle", "right ankle"),
}
_NOT_IN_MEAN = ("pelvis", "thorax")
HEAD_SHARE = 0.5
FINE_HEAD_SHARE = 0.11  # printed as "Mean@0.1": the code takes the 12th of the thresholds 0, 0.01, …


def heatmap_accuracy(output: Floats, target: Floats, threshold: float = 0.5) -> tuple[Floats, float, int]:
    """Shares (J,) of peaks near the target's, -1 where no target counts; their mean; how many joints count.

    output, target: (N, J, h, w). Near: closer than `threshold` when x is divided by h / 10 and y by w / 10
    (axes exchanged, as published). Targets on the first two rows or columns do not count.
    """
    height, width = target.shape[-2:]
    unit = np.array([height, width]) / 10
    found, truth = (peaks(maps)[0] / unit for maps in (output, target))
    counted = (truth * unit > 1).all(-1)
    near = (np.linalg.norm(found - truth, axis=-1) < threshold) & counted
    n = counted.sum(0)
    shares = np.where(n > 0, near.sum(0) / np.maximum(n, 1), -1.0)
    known = shares >= 0
    return shares, float(shares[known].mean()) if known.any() else 0.0, int(known.sum())


def pckh(error_px: Floats, heads_px: Floats, skeleton: Skeleton) -> dict[str, float | None]:
    """Shares 0..1 of joints within half a head, per part, their mean weighted by count, the same at 0.11.

    error_px: (N, J) distance, NaN = not labelled. heads_px: (N,) size of the head, NaN = not known. The mean
    leaves out pelvis and thorax. A part without labels is None.
    """
    counted = np.isfinite(error_px) & (heads_px > 0)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        in_heads = error_px / heads_px[:, None]
    n = counted.sum(0)

    def shares(threshold: float) -> Floats:
        with np.errstate(invalid="ignore"):
            return ((in_heads <= threshold) & counted).sum(0) / np.maximum(n, 1)

    def mean(threshold: float) -> float | None:
        inner = np.array([name not in _NOT_IN_MEAN for name in skeleton.joints])
        total = n[inner].sum()
        return float((shares(threshold) * n)[inner].sum() / total) if total else None

    per_joint = shares(HEAD_SHARE)
    parts: dict[str, float | None] = {}
    for part, names in _PARTS.items():
        own = [skeleton.index(name) for name in names if name in skeleton.joints]
        if own:
            own = [j for j in own if n[j]]
            parts[part] = float(np.mean(per_joint[own])) if own else None
    return {**parts, "mean": mean(HEAD_SHARE), "mean_at_0.1": mean(FINE_HEAD_SHARE)}
