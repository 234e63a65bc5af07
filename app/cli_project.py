"""Commands that put videos and labels into a project, and take frames and labels out of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from app.cli_shared import AsJson, Out, ProjectPath, opened, show, take_named
from app.jobs import run_job
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology


def init(
    project: ProjectPath,
    ontology: Annotated[str, typer.Option(metavar="NAME", help="A shipped ontology.")] = "pouring",
    as_json: AsJson = False,
) -> None:
    """Create a project."""
    chosen = load_ontology(ontology.strip().lower().replace(" ", "_").replace("-", "_"))
    Session.create(project, chosen).close()
    show({"project": str(project), "ontology": chosen.name}, as_json, f"Created {project} ({chosen.title}).")


def add(
    project: ProjectPath,
    video: Annotated[
        list[Path], typer.Argument(help="Video files or folders of images.", show_default=False)
    ],
    fps: Annotated[
        str | None, typer.Option(help="Frame rate of image folders, e.g. 25 or 30000/1001.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add videos to a project."""
    from app.services.media import add_videos

    with opened(project) as session:
        before = {take.uid for take in session.videos()}
        run_job(add_videos(session, video, fps=_rate(fps)))
        added = [take for take in session.videos() if take.uid not in before]
        rows = [
            {
                "name": take.name,
                "frames": take.info.frame_count,
                "fps": round(take.info.times.fps, 3),
                "variable_frame_rate": take.info.is_variable_frame_rate,
                "decode_failures": take.info.decode_failures,
            }
            for take in added
        ]
        lines = [
            f"{r['name']}: {r['frames']} frames, {r['fps']} fps"
            + (", variable rate" if r["variable_frame_rate"] else "")
            + (f", {r['decode_failures']} frames could not be decoded" if r["decode_failures"] else "")
            for r in rows
        ]
        show(rows, as_json, "\n".join(lines) or "Nothing new: these videos are in the project already.")


def _rate(text: str | None) -> Fraction | None:
    if text is None:
        return None
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= 1000:
        raise KnownError(f"'{text}' is not a frame rate.", hint="Give a number like 25 or 30000/1001.")
    return rate


def frames(
    project: ProjectPath,
    video: Annotated[str, typer.Option(metavar="NAME", help="Take.")],
    at: Annotated[str, typer.Option(metavar="N[,N…]", help="Frame indices, from 0.")],
    out: Out,
    as_json: AsJson = False,
) -> None:
    """Write exact frames as PNG, named by index and pts."""
    from app.services.frames import frame_file_name, write_frames

    try:
        indices = [int(part) for part in at.split(",")]
    except ValueError:
        raise KnownError(f"'{at}' is not a list of frame numbers.", hint="Write --at 0,15,30.") from None
    with opened(project, read_only=True) as session:
        take = take_named(session, video)
        run_job(write_frames(session, take, indices, out))
        paths = [str(out / frame_file_name(take, index)) for index in indices]
        show(paths, as_json, "\n".join(paths))


def export_labels(
    project: ProjectPath,
    out: Out,
    format: Annotated[
        Literal["csv", "json", "keypoints", "3d-csv", "3d-json", "3d-npz", "trc"],
        typer.Option(help="csv, json, keypoints; 3D of a take: 3d-csv, 3d-json, 3d-npz, trc."),
    ] = "json",
    video: Annotated[str | None, typer.Option(metavar="NAME", help="Take whose 3D is wanted.")] = None,
    axes: Annotated[
        Literal["room", "camera"], typer.Option(help="Of 3D: a room with z up, or the camera's.")
    ] = "room",
    as_json: AsJson = False,
) -> None:
    """Export labels (CSV), labels, ontology and poses (JSON), 2D keypoints (CSV), or 3D in metres."""
    from app.services.exchange import export_file
    from app.services.motion_export import MOTION_FORMATS, export_motion, only_lifted

    with opened(project, read_only=True) as session:
        if format in (f.name for f in MOTION_FORMATS):
            take = take_named(session, video) if video else only_lifted(session)
            export_motion(session, format, take, out, axes)
        else:
            export_file(session, format, out)
        show({"file": str(out), "format": format}, as_json, f"Wrote {out}.")


def import_labels(project: ProjectPath, file: Path, as_json: AsJson = False) -> None:
    """Import labels from a CSV or JSON file that Keyphase wrote."""
    from app.services.exchange import import_file

    with opened(project) as session:
        report = import_file(session, file)
        show(report, as_json, "\n".join(report["lines"]))


def info(project: ProjectPath, as_json: AsJson = False) -> None:
    """What a project holds."""
    from app.services.overview import project_summary, take_overviews

    with opened(project, read_only=True) as session:
        summary = project_summary(session)
        if as_json:
            show(summary, True)
            return
        table = Table("take", "frames", "size", "poses", "3D", "aligned to", "labels", box=SIMPLE_HEAD)
        for take in take_overviews(session):
            people = f"{take.people} people" if take.people > 1 else "1 person" if take.people else "–"
            table.add_row(
                take.name + (" (file missing)" if take.missing_file else ""),
                f"{take.frames} at {take.fps:g}/s"
                + (", varying" if take.variable_frame_rate else "")
                + (f", {take.decode_failures} lost" if take.decode_failures else ""),
                f"{take.width_px}×{take.height_px}",
                people + (f", {take.corrected_joints} corrected" if take.corrected_joints else ""),
                "yes" if take.has_3d else "–",
                ", ".join(take.aligned_to) or "–",
                f"{take.events + take.intervals}" + (f" + {take.suggestions}?" if take.suggestions else ""),
            )
        console = Console()
        console.print(f"{project} · {summary['ontology']['title']}")  # type: ignore[index]
        console.print(table)
        for row in summary["out_of_date"]:  # type: ignore[attr-defined]
            console.print(f"Alignment of {row['take']} to {row['reference']}: out of date, {row['why']}.")
