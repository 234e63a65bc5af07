"""`keyphase eval align`, `align-penn`, `derived-events` and `agreement`: how takes align and labels agree."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

from app.alignment_tables import agreement_tables, mean_table, score_tables
from app.cli_shared import AsJson, ProjectPath, opened, show, without_nan
from app.jobs import run_job
from models.domain.errors import KnownError
from models.domain.progress import Progress

if TYPE_CHECKING:
    from models.run.embed import Encoder
    from models.train.evaluate_alignment import Settings

_Result = TypeVar("_Result")

Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="Encoder or its file; may be repeated (default: bundled)."),
]
Episodes = Annotated[int, typer.Option(min=2, help="Random draws of each few-shot score.")]
Gamma = Annotated[
    str, typer.Option(help="Of the support vector machine: scale (scikit-learn) or auto (2019).")
]
References = Annotated[int, typer.Option(min=1, help="Other takes, at random, that speak for each take.")]
PennData = Annotated[Path, typer.Option("--data", metavar="PATH", help="Penn Action's labels.")]
Actions = Annotated[
    list[str] | None, typer.Option("--action", metavar="NAME", help="Only this action; may be repeated.")
]
NoPhases = Annotated[bool, typer.Option("--no-phases", help="Only τ and transfer: much faster.")]


def eval_align(
    project: ProjectPath,
    model: Models = None,
    episodes: Episodes = 50,
    gamma: Gamma = "scale",
    references: References = 10,
    no_phases: NoPhases = False,
    as_json: AsJson = False,
) -> None:
    """Score encoders on a project's labelled takes, beside the controls.

    Truth are the key events that people set. Each take is judged from the others.
    """
    from app.services.score_alignment import score_project

    settings = _settings(gamma, episodes, references, no_phases)
    with opened(project, read_only=True) as session:
        scores = _result(score_project(session, _encoders(model), settings))
    if as_json:
        show(scores.as_json(), True)
    else:
        _print(score_tables(scores))


def eval_align_penn(
    data: PennData,
    model: Models = None,
    folder: Annotated[
        Path | None,
        typer.Option("--models", metavar="DIR", help="One encoder per action: DIR/squats.safetensors, …"),
    ] = None,
    action: Actions = None,
    episodes: Episodes = 10,
    gamma: Gamma = "scale",
    references: References = 10,
    limit: Annotated[
        int | None, typer.Option(min=2, help="Only so many clips of each part, to try it out.")
    ] = None,
    no_phases: NoPhases = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="Write the scores there, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score encoders on the test clips of Penn Action by derived events: the tables of the model cards."""
    from models.run.embed import embed_poses
    from models.train.evaluate_penn import EmbedPoses, evaluate_penn
    from models.train.penn_sequences import ACTIONS, FPS, SKELETON
    from storage.formats.atomic import replacing

    def function(encoder: Encoder) -> EmbedPoses:
        return lambda values: embed_poses(encoder, values, SKELETON, FPS)

    chosen = tuple(action or ACTIONS)
    encoders = {encoder.name: {"": function(encoder)} for encoder in _encoders(model, only_if=folder is None)}
    if folder is not None:
        encoders["per action"] = {
            name: function(found) for name, found in _per_action(folder, chosen).items()
        }
    settings = _settings(gamma, episodes, references, no_phases)
    scores = _result(evaluate_penn(data, encoders, actions=chosen, settings=settings, limit=limit))
    result = [entry.as_json() for entry in scores]
    if out is not None:
        with replacing(out) as file:
            file.write(json.dumps(without_nan(result), indent=1) + "\n")
    if as_json:
        show(result, True)
    else:
        for entry in scores:
            _print(score_tables(entry))
        if len(scores) > 1:
            _print([mean_table(scores)])


def eval_derived_events(
    data: PennData,
    action: Actions = None,
    strips: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Draw clips with their events there, one PNG per action."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Clips per picture.")] = 8,
    seed: Annotated[int, typer.Option(help="Which clips.")] = 0,
    as_json: AsJson = False,
) -> None:
    """How many clips of Penn Action give each derived event; draw some to check the rules by eye."""
    from models.train.derived_coverage import coverage, write_strips
    from models.train.penn_sequences import ACTIONS, load_penn_sequences

    chosen = tuple(action or ACTIONS)
    clips = load_penn_sequences(data, "all", chosen)
    rows = coverage(clips)
    if strips is not None:
        for path in write_strips(clips, strips, count, seed):
            print(f"Wrote {path}.", file=sys.stderr)
    lines = [
        f"{row.action:<16} {row.event:<32} {row.found:>4} of {row.clips:<4} {row.found / row.clips:>5.0%}"
        f"   at {row.median_share:.2f} of the clip"
        for row in rows
    ]
    show([asdict(row) for row in rows], as_json, "\n".join(lines))


def eval_agreement(
    project: ProjectPath,
    who: Annotated[
        list[str] | None, typer.Option("--who", metavar="NAME", help="Only these sources; repeat it.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE.csv", help="Write one row per event and phase there."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """How far people, model and transfer agree: κ of the frames, errors of the events, F1 of the phases."""
    from app.services.agreement import agreement_between
    from storage.formats.atomic import replacing

    with opened(project, read_only=True) as session:
        found = agreement_between(session, who or ())
    if table is not None:
        from app.alignment_tables import AGREEMENT_COLUMNS, agreement_rows

        with replacing(table) as file:
            writer = csv.writer(file)
            writer.writerow(AGREEMENT_COLUMNS)
            writer.writerows(row for entry in found for row in agreement_rows(entry))
    if as_json:
        show([asdict(entry) for entry in found], True)
    else:
        for entry in found:
            _print(agreement_tables(entry))


def _settings(gamma: str, episodes: int, references: int, no_phases: bool) -> Settings:
    from models.train.evaluate_alignment import Settings

    if gamma not in ("scale", "auto"):
        raise KnownError(f"Gamma is scale or auto, not '{gamma}'.")
    return Settings(gamma=gamma, episodes=episodes, references=references, phases=not no_phases)


def _encoders(names: Sequence[str] | None, *, only_if: bool = True) -> list[Encoder]:
    """The encoders asked for; else the bundled one, where there is one and `only_if`."""
    from models.run.embed import load_encoder

    if names:
        return [load_encoder(name) for name in names]
    try:
        return [load_encoder()] if only_if else []
    except KnownError as error:
        print(f"keyphase: only the controls are scored: {error}", file=sys.stderr)
        return []


def _per_action(folder: Path, actions: Sequence[str]) -> dict[str, Encoder]:
    from models.run.embed import load_encoder

    found = {name: folder / f"{name}.safetensors" for name in actions}
    missing = [path.name for path in found.values() if not path.is_file()]
    if missing:
        raise KnownError(
            f"{folder} lacks {missing[0]}" + (f" and {len(missing) - 1} more." if missing[1:] else "."),
            hint="Train them with 'keyphase train pose-encoder', or choose actions with --action.",
        )
    return {name: load_encoder(path) for name, path in found.items()}


def _result(job: Generator[Progress, None, _Result]) -> _Result:
    """Run a job that returns something to its end."""
    found: list[_Result] = []

    def keep() -> Generator[Progress, None, None]:
        found.append((yield from job))

    run_job(keep())
    return found[0]


def _print(tables: Sequence[Any]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 150)
    for table in tables:
        console.print(table)
