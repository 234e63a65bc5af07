"""The per-frame phase classifier of the few-shot mode: trained in a moment on the frames of labelled takes.

The paper evaluates embeddings by an SVM on frozen vectors (Dwibedi et al., CVPR 2019, section 4.2); the
logistic regression gives probabilities by itself and is the default where it measures as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from models.domain.errors import KnownError

Kind = Literal["logistic", "svc"]
MOST_FRAMES = 6000  # of training; more are thinned out evenly
FEWEST_FRAMES = 8
FLOOR = 1e-4  # no probability is taken to be smaller: one odd frame must not rule a path out

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PhaseModel:
    """A trained classifier of `phases` phases."""

    kind: Kind
    phases: int
    pipeline: Any

    def log_probability(self, vectors: NDArray[np.floating]) -> Floats:
        """float64 (T, C) of vectors (T, D); rows with NaN say nothing of the phase."""
        known = np.isfinite(vectors).all(axis=1)
        probability = np.full((len(vectors), self.phases), 1.0 / self.phases)
        if known.any():
            found = self._of(vectors[known])
            probability[known] = FLOOR
            columns = self.pipeline[-1].classes_.astype(int)
            probability[np.ix_(known, columns)] = np.maximum(found, FLOOR)
        return np.asarray(np.log(probability / probability.sum(axis=1, keepdims=True)))

    def _of(self, vectors: NDArray[np.floating]) -> Floats:
        if self.kind == "logistic":
            return np.asarray(self.pipeline.predict_proba(vectors))
        margin = self.pipeline.decision_function(vectors)
        if margin.ndim == 1:  # two classes
            margin = np.stack([-margin, margin], axis=1)
        margin = margin - margin.max(axis=1, keepdims=True)
        odds = np.exp(margin * 2.0)
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def train(
    vectors: Sequence[NDArray[np.floating]],
    phases: Sequence[NDArray[np.int64]],
    phase_count: int,
    kind: Kind = "logistic",
) -> PhaseModel:
    """Train on takes: vectors (T, D) and the phase of each frame (T,), -1 = not labelled.

    Raises KnownError when fewer than two phases are labelled.
    """
    rows = np.concatenate([np.asarray(v, dtype=np.float64) for v in vectors])
    targets = np.concatenate([np.asarray(p, dtype=np.int64) for p in phases])
    usable = (targets >= 0) & np.isfinite(rows).all(axis=1)
    rows, targets = rows[usable], targets[usable]
    if len(np.unique(targets)) < 2 or len(rows) < FEWEST_FRAMES:
        raise KnownError(
            "Too little is labelled to learn the phases from.",
            hint="Label all key events of at least one take whose poses are known.",
        )
    thin = -(-len(rows) // MOST_FRAMES)
    rows, targets = rows[::thin], targets[::thin]
    if kind == "svc":
        classifier: Any = SVC(C=1.0, gamma="scale", decision_function_shape="ovr")
    else:
        classifier = LogisticRegression(C=0.1, max_iter=300)
    pipeline = make_pipeline(StandardScaler(), classifier)
    pipeline.fit(rows, targets)
    return PhaseModel(kind, phase_count, pipeline)
