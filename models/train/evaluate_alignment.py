"""Everything that is said of an alignment: the published scores, event transfer, and controls beside them.

A `Source` gives vectors of takes: an encoder, or a control that nothing was trained for. Each is scored in
the same way on the same takes, so that a table never shows an encoder alone. Embeddings never see labels.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.domain.progress import Progress
from models.train.phase_scores import (
    EPISODES,
    SHARES,
    FewShot,
    LabelledVideo,
    classification,
    classification_within,
    few_shot,
    few_shot_within,
    first_share,
    kendalls_tau,
    progression,
    progression_within,
    retrieval,
)
from models.train.transfer_scores import (
    MATCHERS,
    REFERENCES,
    Embed,
    EventTransfer,
    Take,
    Warp,
    transfer_scores,
    warp_of,
)

Floats = NDArray[np.floating]
STRIDES = (2, 5)
FEW_SHOT_COUNTS = (1, 2, 3, 5, 10)


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """Where vectors come from. embed: of a part of a scored take. embed_train: of a whole training take, None
    where there are none. cropped: parts of takes can be embedded on their own."""

    name: str
    embed: Embed
    embed_train: Callable[[int], Floats] | None = None
    cropped: bool = True


@dataclass(frozen=True, eq=False, slots=True)
class Truth:
    """What is known of takes. labels: phase of each frame (int (T,), from 0), None where events are missing.

    train_labels: those of the training takes, all labelled. phases: how many there are.
    """

    events: tuple[str, ...]
    takes: tuple[Take, ...]
    labels: tuple[NDArray[np.int64] | None, ...]
    phases: int
    train_labels: tuple[NDArray[np.int64], ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """gamma: of the support vector machine. counts, episodes: of few-shot; no counts = left out.

    shares: of the training takes. references: that speak for each query. matchers: ways from vectors to a
    warp. phases: whether phase scores are wanted (they take longest).
    """

    gamma: str = "scale"
    shares: tuple[float, ...] = SHARES
    counts: tuple[int, ...] = FEW_SHOT_COUNTS
    episodes: int = EPISODES
    references: int = REFERENCES
    matchers: tuple[str, ...] = tuple(MATCHERS)
    strides: tuple[int, ...] = STRIDES
    phases: bool = True


@dataclass(frozen=True, slots=True)
class PhaseScores:
    """classification: accuracy by share of the training takes. progression: R² by the same. retrieval: AP by
    K."""

    classification: dict[float, float] = field(default_factory=dict)
    few_shot: tuple[FewShot, ...] = ()
    progression: dict[float, float] = field(default_factory=dict)
    retrieval: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceScores:
    """Scores of one source; what the labels do not allow is empty or None.

    kendalls_tau: by stride. transfer: by matcher.
    """

    source: str
    kendalls_tau: dict[int, float]
    phases: PhaseScores
    transfer: dict[str, tuple[EventTransfer, ...]]


@dataclass(frozen=True, slots=True)
class AlignmentScores:
    """title: what was scored (an action, a project). takes: scored ones; labelled: those with all phases.

    split: "official" (fitted on training takes) or "leave one out".
    """

    title: str
    takes: int
    labelled: int
    train_takes: int
    split: str
    gamma: str
    sources: tuple[SourceScores, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def evaluate(
    title: str, truth: Truth, sources: Sequence[Source], settings: Settings | None = None
) -> Generator[Progress, None, AlignmentScores]:
    """Score all sources on the same truth; the generator returns the `AlignmentScores`."""
    chosen = settings or Settings()
    scores = []
    for done, source in enumerate(sources):
        yield Progress(done, len(sources), f"{title}: {source.name}")
        scores.append(score_source(truth, source, chosen))
    yield Progress(len(sources), len(sources), title)
    return AlignmentScores(
        title,
        len(truth.takes),
        sum(labels is not None for labels in truth.labels),
        len(truth.train_labels),
        "official" if truth.train_labels else "leave one out",
        chosen.gamma,
        tuple(scores),
    )


def score_source(truth: Truth, source: Source, settings: Settings) -> SourceScores:
    """All scores of one source."""
    vectors = [source.embed(i, 0, take.frames) for i, take in enumerate(truth.takes)]
    taus = {stride: kendalls_tau(vectors, stride) for stride in settings.strides}
    phases = _phase_scores(truth, source, vectors, settings) if settings.phases else PhaseScores()
    embed = source.embed if source.cropped else None
    transfer = {
        name: score_warp(truth, warp_of(vectors, embed, name), settings, cropped=source.cropped)
        for name in settings.matchers
    }
    return SourceScores(
        source.name,
        {stride: tau for stride, tau in taus.items() if tau is not None},
        phases,
        transfer,
    )


def score_warp(
    truth: Truth, warp: Warp, settings: Settings, *, cropped: bool = True
) -> tuple[EventTransfer, ...]:
    """Event transfer along given warps."""
    return transfer_scores(truth.takes, warp, truth.events, cropped=cropped, references=settings.references)


def _phase_scores(truth: Truth, source: Source, vectors: Sequence[Floats], settings: Settings) -> PhaseScores:
    scored = [
        LabelledVideo(vector, labels)
        for vector, labels in zip(vectors, truth.labels, strict=True)
        if labels is not None
    ]
    if truth.phases < 2 or len(scored) < 2:
        return PhaseScores()
    found = retrieval(scored) or {}
    if not truth.train_labels or source.embed_train is None:
        return PhaseScores(
            _known({1.0: classification_within(scored, settings.gamma)}),
            tuple(few_shot_within(scored, settings.counts, settings.episodes, settings.gamma)),
            _known({1.0: progression_within(scored, truth.phases)}),
            found,
        )
    train = [LabelledVideo(source.embed_train(i), labels) for i, labels in enumerate(truth.train_labels)]
    parts = {share: first_share(train, share) for share in settings.shares}
    return PhaseScores(
        _known({share: classification(part, scored, settings.gamma) for share, part in parts.items()}),
        tuple(few_shot(train, scored, settings.counts, settings.episodes, settings.gamma)),
        _known({share: progression(part, scored, truth.phases) for share, part in parts.items()}),
        found,
    )


def _known(scores: Mapping[float, float | None]) -> dict[float, float]:
    return {key: value for key, value in scores.items() if value is not None}


def mean_percent(transfer: Sequence[EventTransfer], which: str) -> float | None:
    """Mean over the events of an error in per cent; which: a field of `EventTransfer`. None = not known."""
    found = [error.percent for row in transfer if (error := getattr(row, which)) is not None]
    return float(np.mean(found)) if found else None
