"""`keyphase stats`: phases across the takes of a project, as a table, and as files where asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.cli_shared import AsJson, ProjectPath, opened, show
from app.services.agreement import agreement_of
from app.services.statistics import curves_of, phase_statistics, quantities, usual_quantities
from app.services.statistics_export import as_json as statistics_json
from app.services.statistics_export import export_statistics
from models.domain.agreement_by_phase import OVERLAPS, Agreement
from models.domain.errors import KnownError
from models.domain.phase_report import PhaseStatistics

ROOT = Path(__file__).parent.parent


def stats(
    project: ProjectPath,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write CSV, JSON and SVG there.")] = None,
    rater: Annotated[str, typer.Option(metavar="NAME", help="Read this one's labels only.")] = "",
    suggestions: Annotated[bool, typer.Option("--suggestions", help="Count suggestions, too.")] = False,
    quartiles: Annotated[
        bool, typer.Option("--quartiles", help="Draw medians and quartiles, not mean ± sd.")
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Write the curves of every joint, in 2D and 3D.")
    ] = False,
    png: Annotated[bool, typer.Option("--png", help="Write the figures as PNG, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Durations of phases across takes, angles and speeds on a common phase axis, takes that stand out."""
    if png and out is None:
        raise typer.BadParameter("--png needs --out.")
    with opened(project, read_only=True) as session:
        found = phase_statistics(session, rater=rater, include_suggestions=suggestions)
        if rater and rater not in found.raters:
            known = ", ".join(found.raters) or "nobody"
            raise KnownError(f"Nobody called '{rater}' labelled here.", hint=f"Known: {known}.")
        agreement = agreement_of(session)
        files: list[Path] = []
        if out is not None:
            offered = quantities(session, found)
            curves = curves_of(session, found, offered if every else usual_quantities(offered))
            files = export_statistics(out, found, curves, agreement, quartiles=quartiles)
    if png:
        files += _pngs([path for path in files if path.suffix == ".svg"])
    result: dict[str, Any] = statistics_json(found, (), agreement) | {"files": [str(path) for path in files]}
    if as_json:
        show(result, True)
        return
    _print(found)
    _print_agreement(agreement)
    for path in files:
        print(f"wrote {path}")


def _pngs(figures: list[Path]) -> list[Path]:
    """Draw SVG files as PNG beside them, in a process of its own: this one stays without Qt."""
    command = [sys.executable, "-m", "app.qt.figures", *(str(path.resolve()) for path in figures)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise KnownError("The PNG figures could not be drawn.", hint=(done.stderr.splitlines() or [""])[-1])
    return [path.with_suffix(".png") for path in figures]


def _print(found: PhaseStatistics) -> None:
    if found.note:
        print(found.note)
    if not found.takes:
        return
    table = Table("phase", "n", "mean ± sd s", "median s", "min–max s", "share", "stand out")
    for row in found.phases:
        s = row.seconds
        if not s.n:
            table.add_row(row.name, "0", "", "", "", "", "")
            continue
        sd = f" ± {s.sd:.2f}" if s.n > 1 else ""
        spread = f"{s.minimum:.2f}–{s.maximum:.2f}"
        mean, share = f"{s.mean:.2f}{sd}", f"{row.share.mean:.0%}"
        table.add_row(row.name, str(s.n), mean, f"{s.median:.2f}", spread, share, ", ".join(row.outliers))
    Console(width=None if sys.stdout.isatty() else 130).print(table)
    if found.left_out:
        print(f"Without phases: {', '.join(found.left_out)}")


def _print_agreement(rows: Sequence[Agreement]) -> None:
    if not rows:
        return
    f1 = (f"F1@{at:g}" for at in OVERLAPS)
    table = Table("raters", "takes", "kappa", "key events", "error, frames", *f1)
    for pair in rows:
        events = pair.boundaries
        error = f"{events.mean_frames:.1f} (most {events.largest_frames})" if events.pairs else ""
        numbers = ("" if value is None else f"{value:.3f}" for value in pair.f1.values())
        kappa = "" if pair.kappa is None else f"{pair.kappa:.3f}"
        names = f"{pair.first} – {pair.second}"
        table.add_row(names, str(pair.takes), kappa, str(events.pairs), error, *numbers)
    Console(width=None if sys.stdout.isatty() else 130).print(table)
