"""A take's poses judged against the truth: who is who, and how far each joint lies off.

Both sides are in one skeleton. Where they are not known to have the same people in the same order, each
person of the truth gets the prediction most like it by OKS, frame by frame, the best pairs first (COCO's
matching). A person of the truth whom nobody matches counts with every joint as missed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.domain.scores import body_area_px, correct_joints, joint_errors_px, oks, oks_sigmas, torso_px
from models.domain.skeleton import Skeleton

Floats = NDArray[np.float32]
LEAST_OKS = 1e-3  # a pair less alike than this is no pair
_BLOCK = 2048  # frames that are matched at once: every pair of people costs memory


@dataclass(frozen=True, slots=True)
class Scores:
    """Numbers of a frame or a take; None = nothing to count.

    pck, oks: 0..1. error_px: mean of what was found. joints: labelled joints that count; missed: those of
    them without a prediction.
    """

    pck: float | None
    oks: float | None
    error_px: float | None
    joints: int
    missed: int


@dataclass(frozen=True, eq=False, slots=True)
class Judgement:
    """truth: (T, Q, J, 3) px. match: int64 (T, Q), the predicted person of each true one, -1 = nobody.

    error_px: (T, Q, J) as `joint_errors_px` tells it. torso_px, oks: (T, Q), NaN = not known.
    """

    skeleton: Skeleton
    truth: Floats
    match: NDArray[np.int64]
    error_px: NDArray[np.float64]
    torso_px: NDArray[np.float64]
    oks: NDArray[np.float64]

    def scores(self, frames: slice = slice(None), joint: int | None = None) -> Scores:
        """Numbers over some frames; joint: of it alone (it has no OKS)."""
        joints = slice(None) if joint is None else slice(joint, joint + 1)
        error = self.error_px[frames, :, joints]
        correct, counted = correct_joints(error, self.torso_px[frames])
        labelled, found = ~np.isnan(error), np.isfinite(error)
        like = self.oks[frames][np.isfinite(self.oks[frames])]
        return Scores(
            float(correct.sum() / counted.sum()) if counted.any() else None,
            float(like.mean()) if len(like) and joint is None else None,
            float(error[found].mean()) if found.any() else None,
            int(labelled.sum()),
            int((labelled & ~found).sum()),
        )

    def error_of(self, person: int, joint: int | None = None) -> Floats:
        """Error (T,) in torso lengths of a predicted person: of a joint, or the mean of those found."""
        relative = np.where(np.isfinite(self.error_px), self.error_px, np.nan) / self.torso_px[..., None]
        relative = np.where((self.match == person)[..., None], relative, np.nan)
        part = relative if joint is None else relative[..., joint : joint + 1]
        known = np.isfinite(part)
        count = known.sum(axis=(1, 2))
        total = np.where(known, part, 0).sum(axis=(1, 2))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def judge(
    predicted: Floats, truth: Floats, skeleton: Skeleton, *, same_people: bool, body: Floats | None = None
) -> Judgement:
    """Compare poses (T, P, J, 3) with true ones (T, Q, J, 3) px of the same take and skeleton.

    same_people: person q of the truth is person q of the prediction. body: (T, Q, J, 3), poses that tell the
    size of the true people where the truth has only some of their joints (corrections).
    """
    sizes = truth if body is None else body
    area = body_area_px(sizes)
    torso = torso_px(sizes, skeleton)
    for person in range(truth.shape[1]):  # a person's usual torso where a frame does not show it
        known = torso[:, person][np.isfinite(torso[:, person])]
        if len(known):
            torso[:, person] = np.where(np.isfinite(torso[:, person]), torso[:, person], np.median(known))
    sigmas, there = oks_sigmas(skeleton), np.isfinite(truth[..., 0]).any(axis=-1)
    if same_people:
        people = np.arange(truth.shape[1])
        match = np.where(there & (people < predicted.shape[1]), people, -1)
    else:
        match = np.concatenate(
            [
                _matched(predicted[k : k + _BLOCK], truth[k : k + _BLOCK], area[k : k + _BLOCK], sigmas)
                for k in range(0, len(truth), _BLOCK)
            ]
            or [np.zeros((0, truth.shape[1]), np.int64)]
        )
    error = joint_errors_px(partners(predicted, match), truth)
    return Judgement(skeleton, truth, match, error, torso, oks(error, area, sigmas))


def partners(predicted: Floats, match: NDArray[np.int64]) -> Floats:
    """The predicted pose of each true person: (T, Q, J, 3), NaN where there is none."""
    if predicted.shape[1] == 0:
        return np.full((*match.shape, *predicted.shape[2:]), np.nan, np.float32)
    rows = np.arange(len(match))[:, None]
    found = predicted[rows, np.maximum(match, 0)].copy()
    found[match < 0] = np.nan
    return found


def _matched(
    predicted: Floats, truth: Floats, area: NDArray[np.float64], sigmas: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Predicted person (T, Q) of each true one by OKS, the best pairs first."""
    error = joint_errors_px(predicted[:, None], truth[:, :, None])
    like = np.nan_to_num(oks(error, area[:, :, None], sigmas))  # (T, Q, P)
    match = np.full(truth.shape[:2], -1, dtype=np.int64)
    frames = np.arange(len(truth))
    for _ in range(min(like.shape[1:])):
        best = like.reshape(len(truth), -1).argmax(axis=1)
        true, guess = np.divmod(best, like.shape[2])
        good = like[frames, true, guess] > LEAST_OKS
        match[frames[good], true[good]] = guess[good]
        like[frames, true] = -1
        like[frames, :, guess] = -1
    return match
