"""Scores of alignments and agreements as tables for people. Figures are those of the JSON, rounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from models.domain.agreement_by_phase import Agreement
    from models.train.evaluate_alignment import AlignmentScores
    from models.train.transfer_scores import Error

AGREEMENT_COLUMNS = (
    *("first", "second", "kind", "name", "kappa", "frame IoU", "F1@0.1", "F1@0.25", "F1@0.5"),
    *("pairs", "only first", "only second", "median frames", "mean frames", "largest frames", "later frames"),
)
_ERRORS = ("one", "several", "cropped_one", "cropped_several")


def score_tables(scores: AlignmentScores) -> list[Group]:
    """Two tables of one action or project: of embeddings, and of event transfer."""
    return [_embeddings(scores), _transfer(scores)]


def mean_table(scores: Sequence[AlignmentScores]) -> Group:
    """Means over actions: each counts the same, and in it each event."""
    from models.train.evaluate_alignment import mean_percent

    table = Table("source", "matcher", "τ (2)", "τ (5)", "accuracy", "R²", "AP@5", *_transfer_columns())
    title = f"Mean over {len(scores)} actions, events off in % of the clip"
    for place, source in enumerate(scores[0].sources):
        rows = [entry.sources[place] for entry in scores]
        for matcher in source.transfer:
            table.add_row(
                source.source,
                matcher,
                _mean([row.kendalls_tau.get(2) for row in rows]),
                _mean([row.kendalls_tau.get(5) for row in rows]),
                _mean([row.phases.classification.get(1.0) for row in rows]),
                _mean([row.phases.progression.get(1.0) for row in rows]),
                _mean([row.phases.retrieval.get(5) for row in rows]),
                *(
                    _mean([mean_percent(row.transfer[matcher], which) for row in rows], 2)
                    for which in _ERRORS
                ),
            )
    return _titled(title, table)


def agreement_tables(found: Agreement) -> list[Group]:
    """Two tables of a pair of sources: phases and events."""
    phases = Table("phase", "κ", "frame IoU", "F1@.1", "F1@.25", "F1@.5")
    phases_title = (
        f"{found.first} and {found.second}: {found.takes} takes, {found.frames} frames labelled by both, "
        f"{_number(found.accuracy)} of them alike"
    )
    for phase in found.phases:
        row = (phase.kappa, phase.frame_iou, *phase.f1.values())
        phases.add_row(phase.name, *map(_number, row), end_section=phase is found.phases[-1])
    phases.add_row("all", _number(found.kappa), "", *map(_number, found.f1.values()))
    events = Table("event", "pairs", "only 1st", "only 2nd", "median", "mean", "largest", "2nd later by")
    events_title = "Frames between the moments that both set"
    for event in found.events:
        events.add_row(
            event.name,
            *map(str, (event.pairs, event.only_first, event.only_second)),
            *(_number(v, 1) for v in (event.median_frames, event.mean_frames, event.largest_frames)),
            "–" if event.later_frames is None else f"{event.later_frames:+.1f}",
        )
    return [_titled(phases_title, phases), _titled(events_title, events)]


def agreement_rows(found: Agreement) -> Iterator[tuple[object, ...]]:
    """Rows under `AGREEMENT_COLUMNS`; empty = does not apply."""
    who = (found.first, found.second)
    nothing = ("",) * 7
    yield (*who, "all phases", "", found.kappa, "", *found.f1.values(), *nothing)
    for phase in found.phases:
        yield (*who, "phase", phase.name, phase.kappa, phase.frame_iou, *phase.f1.values(), *nothing)
    for event in found.events:
        counts = (event.pairs, event.only_first, event.only_second)
        errors = (event.median_frames, event.mean_frames, event.largest_frames, event.later_frames)
        yield (*who, "event", event.name, "", "", "", "", "", *counts, *errors)


def _embeddings(scores: AlignmentScores) -> Group:
    with_vectors = [source for source in scores.sources if source.kendalls_tau or source.phases.retrieval]
    shares = sorted({share for s in with_vectors for share in s.phases.classification})
    counts = sorted({shot.videos for s in with_vectors for shot in s.phases.few_shot})
    taus = sorted({stride for s in with_vectors for stride in s.kendalls_tau})
    near = sorted({k for s in with_vectors for k in s.phases.retrieval})
    several = len(shares) > 1
    table = Table(
        "source",
        *(f"τ ({stride})" for stride in taus),
        *(f"accuracy {share:.0%}" if several else "accuracy" for share in shares),
        *(f"{count} shot" for count in counts),
        *(f"R² {share:.0%}" if several else "R²" for share in shares),
        *(f"AP@{k}" for k in near),
    )
    title = (
        f"{scores.title}: {scores.takes} takes, {scores.labelled} with all phases; "
        + (f"fitted on {scores.train_takes} training takes" if scores.train_takes else scores.split)
        + f"; SVC gamma={scores.gamma}"
    )
    for source in with_vectors:
        shots = {shot.videos: f"{shot.accuracy:.3f}±{shot.interval:.3f}" for shot in source.phases.few_shot}
        table.add_row(
            source.source,
            *(_number(source.kendalls_tau.get(stride)) for stride in taus),
            *(_number(source.phases.classification.get(share)) for share in shares),
            *(shots.get(count, "–") for count in counts),
            *(_number(source.phases.progression.get(share)) for share in shares),
            *(_number(source.phases.retrieval.get(k)) for k in near),
        )
    return _titled(title, table)


def _transfer(scores: AlignmentScores) -> Group:
    table = Table("source", "matcher", "event", "takes", *_transfer_columns())
    title = "Transferred events off in % of the take ±95 % (median frames)"
    for source in scores.sources:
        for matcher, rows in source.transfer.items():
            for row in rows:
                table.add_row(
                    source.source,
                    matcher,
                    row.event,
                    str(row.queries),
                    *(_error(getattr(row, which)) for which in _ERRORS),
                    end_section=row is rows[-1],
                )
    return _titled(title, table)


def _titled(title: str, table: Table) -> Group:
    """A title that may be wider than its table."""
    return Group("", Text(title, style="bold"), table)


def _transfer_columns() -> tuple[str, ...]:
    return ("1 reference", "median of 5", "cropped, 1", "cropped, 5")


def _error(error: Error | None) -> str:
    if error is None:
        return "–"
    return f"{error.percent:.1f}±{error.interval:.1f} ({error.frames:.1f})"


def _mean(values: Sequence[float | None], digits: int = 3) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.{digits}f}" if known else "–"


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
