"""The published scores of embeddings that tell phases: classification, few-shot, progression, Kendall's τ and
retrieval, as TCC (Dwibedi et al., CVPR 2019, section 4; official code of google-research/tcc) computes them.

Convention: a video is an embedding of every frame, float (T, D), and a class per frame, int (T,), from 0 in
the order of the phases. Frames without an embedding (NaN) are left out. Labels are never seen by the encoder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import sem, t
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.svm import SVC

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

SHARES = (0.1, 0.5, 1.0)  # of the training videos, the first ones
STRIDE = 5  # frames between those that Kendall's τ looks at (the official configuration)
NEIGHBOURS = (5, 10, 15)
EPISODES, SEED = 50, 42  # of the few-shot score


@dataclass(frozen=True, eq=False, slots=True)
class LabelledVideo:
    """embeddings: float (T, D), NaN rows = unknown. labels: int (T,), the class of each frame."""

    embeddings: Floats
    labels: Ints

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or self.labels.shape != self.embeddings.shape[:1]:
            raise ValueError(f"embeddings {self.embeddings.shape} do not fit labels {self.labels.shape}")


@dataclass(frozen=True, slots=True)
class FewShot:
    """Accuracy 0..1 with so many labelled videos: mean over the episodes, half of its 95 % interval."""

    videos: int
    accuracy: float
    interval: float


def first_share(videos: Sequence[LabelledVideo], share: float) -> Sequence[LabelledVideo]:
    """The first ⌊share · N⌋ videos, at least one."""
    return videos[: max(1, int(share * len(videos)))]


def classification(
    train: Sequence[LabelledVideo], val: Sequence[LabelledVideo], gamma: str = "scale"
) -> float | None:
    """Share of the frames of `val` whose class is found by a support vector machine fitted on `train`.

    The machine is scikit-learn's default (radial kernel, C = 1), on all frames. Its `gamma` was "auto" when
    the paper was written and is "scale" now. None when `train` has one class only.
    """
    return _svc_accuracy(*_pooled(train), *_pooled(val), gamma)


def few_shot(
    train: Sequence[LabelledVideo],
    val: Sequence[LabelledVideo],
    counts: Sequence[int] = tuple(range(1, 11)),
    episodes: int = EPISODES,
    gamma: str = "scale",
    chosen: Sequence[Sequence[Sequence[int]]] | None = None,
) -> list[FewShot]:
    """Classification from `n` random videos of `train`, for each n of `counts` that they suffice for.

    chosen: the videos of each episode of each count, instead of random ones (seed 42). Interval: Student's t.
    """
    random = np.random.RandomState(SEED)
    x_val, y_val = _pooled(val)
    scores = []
    for place, count in enumerate(counts):
        if count > len(train):
            break
        draws = (
            chosen[place]
            if chosen is not None
            else [random.permutation(len(train))[:count].tolist() for _ in range(episodes)]
        )
        found = [_svc_accuracy(*_pooled([train[i] for i in draw]), x_val, y_val, gamma) for draw in draws]
        values = np.array([value for value in found if value is not None])
        if len(values) < 2:
            continue
        scores.append(FewShot(count, *mean_interval(values)))
    return scores


def progress_targets(labels: Ints, classes: int) -> NDArray[np.float64]:
    """float64 (T, classes − 1): (frame − last frame of class c) / T for each class but the last.

    A video without class c counts from where it would have been: the last frame of the classes before it
    (the official code fails there). The class order is that of time.
    """
    frames = np.arange(len(labels))
    last = [int(np.nonzero(labels <= c)[0].max(initial=-1)) for c in range(classes - 1)]
    return np.stack([(frames - end) / len(labels) for end in last], axis=1)


def progression(train: Sequence[LabelledVideo], val: Sequence[LabelledVideo], classes: int) -> float | None:
    """R² of a linear regression from embeddings to `progress_targets`, on the pooled frames of `val`, mean
    over the targets. None with a single class."""
    if classes < 2:
        return None
    x, targets = _known(train, [progress_targets(video.labels, classes) for video in train])
    x_val, targets_val = _known(val, [progress_targets(video.labels, classes) for video in val])
    scores = [
        LinearRegression().fit(x, targets[:, c]).score(x_val, targets_val[:, c]) for c in range(classes - 1)
    ]
    return float(np.mean(scores))


def classification_within(videos: Sequence[LabelledVideo], gamma: str = "scale") -> float | None:
    """`classification` where there is no split: each video is judged by a machine fitted on the others."""
    x, y, groups = _grouped(videos, [video.labels[:, None] for video in videos])
    hits = [
        SVC(gamma=gamma).fit(x[rest], y[rest, 0]).predict(x[own]) == y[own, 0]
        for own, rest in ((groups == g, groups != g) for g in np.unique(groups))
        if len(np.unique(y[rest, 0])) > 1
    ]
    return float(np.concatenate(hits).mean()) if hits else None


def progression_within(videos: Sequence[LabelledVideo], classes: int) -> float | None:
    """`progression` where there is no split: each video is judged by a regression fitted on the others."""
    if classes < 2 or len(videos) < 2:
        return None
    x, targets, groups = _grouped(videos, [progress_targets(video.labels, classes) for video in videos])
    guesses = np.empty_like(targets)
    for group in np.unique(groups):
        rest = groups != group
        guesses[~rest] = LinearRegression().fit(x[rest], targets[rest]).predict(x[~rest])
    return float(r2_score(targets, guesses, multioutput="uniform_average"))


def few_shot_within(
    videos: Sequence[LabelledVideo], counts: Sequence[int], episodes: int = EPISODES, gamma: str = "scale"
) -> list[FewShot]:
    """`few_shot` where there is no split: the videos that are not drawn are judged."""
    random = np.random.RandomState(SEED)
    scores = []
    for count in (count for count in counts if count < len(videos)):
        found = []
        for _ in range(episodes):
            order = random.permutation(len(videos))
            drawn, others = ([videos[i] for i in part] for part in (order[:count], order[count:]))
            accuracy = classification(drawn, others, gamma)
            if accuracy is not None:
                found.append(accuracy)
        if len(found) > 1:
            scores.append(FewShot(count, *mean_interval(found)))
    return scores


def kendalls_tau(embeddings: Sequence[Floats], stride: int = STRIDE) -> float | None:
    """Mean Kendall's τ over all ordered pairs of videos: does the order of nearest neighbours keep time?

    Every `stride`-th frame of each video looks for its nearest frame (Euclidean) in every other video; τ-b of
    that list against 0..n−1 (ties in the list lower the norm). Pairs with an undefined τ are dropped; None
    when no pair is left. A frame counter has τ = 1: τ alone says little.
    """
    thin = [_rows_known(video)[::stride].astype(np.float64) for video in embeddings]
    thin = [video for video in thin if len(video)]
    taus = [
        value
        for i, query in enumerate(thin)
        if len(query) > 1 and len(thin) > 1
        for value in _taus(np.stack([_nearest(query, other) for k, other in enumerate(thin) if k != i]))
    ]
    found = np.array(taus)
    return float(np.mean(found[np.isfinite(found)])) if np.isfinite(found).any() else None


def retrieval(videos: Sequence[LabelledVideo], counts: Sequence[int] = NEIGHBOURS) -> dict[int, float] | None:
    """AP@K (CARL, Chen et al., CVPR 2022; LAV): for each frame, the share of its K nearest frames in the
    other videos that show the same class; mean over all frames. None when the videos do not suffice."""
    known = [(_rows_known(v.embeddings), v.labels[_is_known(v.embeddings)]) for v in videos]
    known = [(x, y) for x, y in known if len(x)]
    most = max(counts)
    if len(known) < 2:
        return None
    x = np.concatenate([x for x, _ in known]).astype(np.float32)
    y = np.concatenate([y for _, y in known])
    square = (x**2).sum(axis=1)
    start, hits, total = 0, np.zeros(most), 0
    for own, labels in known:
        far = square[None] - 2 * own.astype(np.float32) @ x.T
        far[:, start : start + len(own)] = np.inf
        start += len(own)
        enough = min(most, len(x) - len(own))
        if enough < most:
            return None
        near = np.argpartition(far, most - 1, axis=1)[:, :most]
        order = np.argsort(np.take_along_axis(far, near, axis=1), axis=1)
        near = np.take_along_axis(near, order, axis=1)
        hits += np.cumsum(y[near] == labels[:, None], axis=1).sum(axis=0)
        total += len(own)
    return {k: float(hits[k - 1] / (k * total)) for k in counts}


def _taus(lists: Ints) -> NDArray[np.float64]:
    """τ-b of each row of (V, n) against 0..n−1; NaN where all its entries are equal."""
    first, second = np.triu_indices(lists.shape[1], 1)
    step = np.sign(lists[:, second] - lists[:, first])
    pairs = step.shape[1]
    untied = np.abs(step).sum(axis=1).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(step.sum(axis=1) / np.sqrt(pairs * untied))


def _nearest(query: Floats, other: Floats) -> NDArray[np.int64]:
    """Index of the nearest row of `other` for each row of `query`."""
    far = (other**2).sum(axis=1)[None] - 2 * query @ other.T
    return np.asarray(far.argmin(axis=1), np.int64)


def _svc_accuracy(x: Floats, y: Ints, x_val: Floats, y_val: Ints, gamma: str) -> float | None:
    if len(np.unique(y)) < 2 or len(y_val) == 0:
        return None
    return float(SVC(gamma=gamma).fit(x, y).score(x_val, y_val))


def _pooled(videos: Sequence[LabelledVideo]) -> tuple[Floats, Ints]:
    x, y = _known(videos, [video.labels[:, None] for video in videos])
    return x, y[:, 0]


def _known(videos: Sequence[LabelledVideo], values: Sequence[NDArray[np.generic]]) -> tuple[Floats, Floats]:
    """All rows with an embedding, and the values beside them."""
    rows = [_is_known(video.embeddings) for video in videos]
    x = np.concatenate([video.embeddings[row] for video, row in zip(videos, rows, strict=True)])
    return x, np.concatenate([value[row] for value, row in zip(values, rows, strict=True)])


def _grouped(
    videos: Sequence[LabelledVideo], values: Sequence[NDArray[np.generic]]
) -> tuple[Floats, Floats, Ints]:
    """As `_known`, and the number of the video of each row."""
    x, y = _known(videos, values)
    counts = [int(_is_known(video.embeddings).sum()) for video in videos]
    return x, y, np.repeat(np.arange(len(videos)), counts)


def _is_known(embeddings: Floats) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(embeddings).all(axis=1))


def _rows_known(embeddings: Floats) -> Floats:
    return embeddings[_is_known(embeddings)]


def mean_interval(values: Sequence[float] | Floats) -> tuple[float, float]:
    """Mean, and half of its 95 % interval by Student's t (NaN with fewer than two values)."""
    found = np.asarray(values, np.float64)
    if len(found) < 2:
        return (float(found.mean()) if len(found) else math.nan), math.nan
    return float(found.mean()), float(sem(found) * t.ppf(0.975, len(found) - 1))
