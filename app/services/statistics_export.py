"""Phase statistics out to a folder: tables as CSV, everything as JSON, figures as SVG. No window is needed.

durations.csv   one row per phase of a take: take, rater, phase, first and last frame (inclusive), s, share
phases.csv      one row per phase: n, mean, sd, median, quartiles, smallest, largest; s and share; outliers
bands.csv       one row per quantity and place on the phase axis: n, mean, sd, median, quartiles
curves.csv      one row per quantity, take and phase: mean, smallest, largest
agreement.csv   one row per pair of raters, where several labelled the same takes
statistics.json all of it
durations.svg, QUANTITY.svg
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from app.services.statistics_figures import curves_svg, durations_svg
from models.domain.agreement_by_phase import OVERLAPS, Agreement
from models.domain.errors import KnownError
from models.domain.phase_report import Curves, PhaseStatistics
from models.domain.phase_statistics import Summary
from storage.formats.atomic import replacing

_SUMMARY = ("n", "mean", "sd", "median", "lower_quartile", "upper_quartile", "minimum", "maximum")


def export_statistics(
    folder: Path,
    statistics: PhaseStatistics,
    curves: Sequence[Curves],
    agreement: Sequence[Agreement] = (),
    *,
    quartiles: bool = False,
) -> list[Path]:
    """Write the files above into `folder`, made if need be; returns their paths. quartiles: how bands are
    drawn. Raises KnownError when there is nothing to write, or the folder cannot be written to.
    """
    if not statistics.takes:
        raise KnownError("There are no phase statistics to write.", hint=statistics.note)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KnownError(
            f"{folder} cannot be made ({error.strerror}).", hint="Choose another folder."
        ) from error
    drawn = [curve for curve in curves if len(curve.names)]
    written = [
        _table(folder / "durations.csv", _durations(statistics)),
        _table(folder / "phases.csv", _phases(statistics)),
        _text(folder / "durations.svg", durations_svg(statistics)),
    ]
    if agreement:
        written.append(_table(folder / "agreement.csv", _agreement(agreement)))
    if drawn:
        written.append(_table(folder / "bands.csv", _bands(statistics, drawn)))
        written.append(_table(folder / "curves.csv", _per_take(statistics, drawn)))
    for curve in drawn:
        name = curve.quantity.title.replace(",", "").replace(" ", "_")
        written.append(_text(folder / f"{name}.svg", curves_svg(statistics, curve, quartiles=quartiles)))
    content = json.dumps(as_json(statistics, curves, agreement), indent=1, ensure_ascii=False)
    written.append(_text(folder / "statistics.json", content + "\n"))
    return written


def as_json(
    statistics: PhaseStatistics, curves: Sequence[Curves] = (), agreement: Sequence[Agreement] = ()
) -> dict[str, Any]:
    """Everything as JSON values; what is not known is null."""
    return {
        "ontology": statistics.ontology.name,
        "note": statistics.note,
        "takes": [
            {
                "name": take.name,
                "rater": take.rater,
                "phases": [
                    {
                        "phase": statistics.phases[span.phase].name,
                        "first_frame": span.start,
                        "last_frame": span.end - 1,
                        "seconds": round(span.duration_s, 6),
                        "share": round(span.share, 6),
                    }
                    for span in take.spans
                ],
            }
            for take in statistics.takes
        ],
        "without_phases": list(statistics.left_out),
        "phase_axis": [round(float(edge), 6) for edge in statistics.edges],
        "phases": [
            {
                "name": row.name,
                "seconds": _summary(row.seconds),
                "share": _summary(row.share),
                "outliers": list(row.outliers),
            }
            for row in statistics.phases
        ],
        "curves": [
            {
                "quantity": curve.quantity.title,
                "unit": curve.quantity.unit,
                "takes": list(curve.names),
                "outliers": list(curve.outliers),
                "place": _numbers(curve.band.place),
                "n": curve.band.n.tolist(),
                "mean": _numbers(curve.band.mean),
                "sd": _numbers(curve.band.sd),
                "median": _numbers(curve.band.median),
                "lower_quartile": _numbers(curve.band.lower_quartile),
                "upper_quartile": _numbers(curve.band.upper_quartile),
            }
            for curve in curves
        ],
        "agreement": [asdict(pair) for pair in agreement],
    }


def _agreement(rows: Sequence[Agreement]) -> Iterable[Sequence[object]]:
    errors = ("mean_frames", "median_frames", "largest_frames")
    yield (
        "first",
        "second",
        "takes",
        "frames",
        "kappa",
        "key_events",
        *errors,
        *(f"f1_at_{at:g}" for at in OVERLAPS),
    )
    for pair in rows:
        events = pair.boundaries
        numbers = (events.mean_frames, events.median_frames, events.largest_frames, *pair.f1.values())
        kappa, *rest = ("" if value is None else _cell(value) for value in (pair.kappa, *numbers))
        yield pair.first, pair.second, pair.takes, pair.frames, kappa, events.pairs, *rest


def _durations(statistics: PhaseStatistics) -> Iterable[Sequence[object]]:
    yield "take", "rater", "phase", "first_frame", "last_frame", "seconds", "share"
    for take in statistics.takes:
        for span in take.spans:
            name = statistics.phases[span.phase].name
            yield (
                take.name, take.rater, name, span.start, span.end - 1,
                f"{span.duration_s:.6f}", f"{span.share:.6f}",
            )  # fmt: skip


def _phases(statistics: PhaseStatistics) -> Iterable[Sequence[object]]:
    share = (f"share_{name}" for name in _SUMMARY[1:])
    yield "phase", "n", *(f"seconds_{name}" for name in _SUMMARY[1:]), *share, "outliers"
    for row in statistics.phases:
        seconds, parts = asdict(row.seconds), asdict(row.share)
        numbers = [_cell(values[name]) for values in (seconds, parts) for name in _SUMMARY[1:]]
        yield row.name, row.seconds.n, *numbers, "; ".join(row.outliers)


def _bands(statistics: PhaseStatistics, curves: Sequence[Curves]) -> Iterable[Sequence[object]]:
    yield (
        "quantity",
        "unit",
        "place",
        "phase",
        "n",
        "mean",
        "sd",
        "median",
        "lower_quartile",
        "upper_quartile",
    )
    for curve in curves:
        band = curve.band
        for k, place in enumerate(band.place):
            phase = int(np.searchsorted(statistics.edges, place, side="right")) - 1
            values = (band.mean, band.sd, band.median, band.lower_quartile, band.upper_quartile)
            yield (
                curve.quantity.title, curve.quantity.unit, f"{place:.4f}", statistics.phases[phase].name,
                int(band.n[k]), *(_cell(float(line[k])) for line in values),
            )  # fmt: skip


def _per_take(statistics: PhaseStatistics, curves: Sequence[Curves]) -> Iterable[Sequence[object]]:
    yield "quantity", "unit", "take", "phase", "mean", "minimum", "maximum", "stands_out"
    for curve in curves:
        place = curve.band.place
        for name, values in zip(curve.names, curve.values, strict=True):
            for phase, row in enumerate(statistics.phases):
                start, end = statistics.edges[phase : phase + 2]
                found = summarize_part(values[(place >= start) & (place < end)])
                if found is not None:
                    odd = "yes" if name in curve.outliers else ""
                    yield curve.quantity.title, curve.quantity.unit, name, row.name, *map(_cell, found), odd


def summarize_part(values: np.ndarray) -> tuple[float, float, float] | None:
    """Mean, smallest and largest of what is known; None = nothing."""
    known = values[np.isfinite(values)]
    return (float(known.mean()), float(known.min()), float(known.max())) if len(known) else None


def _summary(summary: Summary) -> dict[str, float | None]:
    return {
        name: (round(value, 6) if math.isfinite(value) else None) for name, value in asdict(summary).items()
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    return [round(float(v), 4) if np.isfinite(v) else None for v in values]


def _cell(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else ""


def _table(path: Path, rows: Iterable[Sequence[object]]) -> Path:
    with replacing(path) as file:
        csv.writer(file, lineterminator="\r\n").writerows(rows)
    return path


def _text(path: Path, content: str) -> Path:
    with replacing(path) as file:
        file.write(content)
    return path
