"""The command line: each command is a use case of `app.services` run to its end. No window, no Qt.

Every command takes `--json`: its result as one JSON document on standard output. Errors of the world are one
line on standard error and exit code 1; wrong usage is exit code 2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from app.bench.figures import Figure
from app.cli_train import eval_app, train_app
from app.jobs import run_job
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from storage import videos
from storage.videos import Video

ROOT = Path(__file__).parent.parent
INTERRUPTED = 130

app = typer.Typer(
    name="keyphase",
    help="Label the phases of human actions in video. Without arguments: the window.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(train_app, name="train", help="Train the bundled networks again, or your own.")
app.add_typer(eval_app, name="eval", help="Score networks on labelled data.")

ProjectPath = Annotated[Path, typer.Argument(metavar="P.keyphase", help="Project file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
VideoName = Annotated[str | None, typer.Option("--video", metavar="NAME", help="Only this take.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Reference = Annotated[str, typer.Option(metavar="NAME", help="The take the others follow.")]
Out = Annotated[Path, typer.Option("--out", metavar="PATH", help="Where to write.")]


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    try:
        code = app(arguments, standalone_mode=False)  # an Exit is returned as its code, and so is Ctrl+C
    except KnownError as error:
        print(f"keyphase: {error}", file=sys.stderr)
        return error.exit_code
    except typer.TyperException as error:
        print(f"keyphase: {error.format_message()} Try 'keyphase --help'.", file=sys.stderr)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        return 1
    except OSError as error:
        print(f"keyphase: {error.strerror or error}: {error.filename or ''}".rstrip(": "), file=sys.stderr)
        return 1
    if code == INTERRUPTED:
        print("keyphase: stopped; what was committed is kept.", file=sys.stderr)
    return code if isinstance(code, int) else 0


def show(result: Any, as_json: bool, text: str = "") -> None:
    """Print a result: as JSON, or as text for people."""
    print(json.dumps(result, indent=1, ensure_ascii=False) if as_json else text or result)


@contextmanager
def opened(path: Path, *, read_only: bool = False) -> Iterator[Session]:
    session = Session.open(path, read_only=read_only)
    try:
        if session.project.recovered:
            print(f"keyphase: {session.project.recovered}", file=sys.stderr)
        yield session
    finally:
        session.close()


def _take(session: Session, name: str) -> Video:
    with session.project.reading() as tx:
        return videos.by_name(tx, name)


def _takes(session: Session, name: str | None) -> list[Video]:
    takes = [_take(session, name)] if name else session.videos()
    if not takes:
        raise KnownError("The project has no takes yet.", hint="Add videos with 'keyphase add'.")
    return takes


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where to make the demo project.")] = Path("demo"),
    no_window: Annotated[bool, typer.Option("--no-window", help="Only make the project.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the demo project with the ordinary code, then open it."""
    import subprocess

    from app.display import has_display
    from app.services.demo import PROJECT_NAME, build_demo

    found: list[dict[str, object]] = []
    run_job(build_demo(folder, found.append))
    summary = found[0]
    project = str(folder / PROJECT_NAME)
    if not no_window and not has_display():
        # Nobody can look at a window here: write what it would show.
        picture = folder / "window.png"
        command = [
            sys.executable,
            "-m",
            "app.qt.screenshot",
            str(Path(project).resolve()),
            str(picture.resolve()),
        ]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        summary["screenshots"] = done.stdout.split("\n")[:-1]
        if done.returncode != 0:
            raise KnownError(
                "The window could not be drawn.", hint=(done.stderr.strip().splitlines() or [""])[-1]
            )
        (folder / "summary.json").write_text(json.dumps(summary, indent=1), "utf-8")
    show(summary, as_json, _demo_text(summary))
    if not no_window and has_display():
        command = [sys.executable, "-m", "app.qt.start", str(Path(project).resolve())]
        raise typer.Exit(subprocess.run(command, cwd=ROOT, check=False).returncode)


def _demo_text(summary: Any) -> str:
    lines = [f"Demo project: {summary['project']}", f"Clip in step: {summary['clip']}"]
    lines += [f"Window: {path}" for path in summary.get("screenshots", ())]
    for take in summary["takes"]:
        parts = [f"{take['frames']} frames"]
        if "pck_02" in take:
            parts.append(f"PCK@0.2 {take['pck_02']:.2f}")
        if "warp_error_median_frames" in take:
            parts.append(f"warp off by {take['warp_error_median_frames']} frames (median)")
        if "event_error_frames" in take:
            parts.append(f"transferred events off by {take['event_error_frames']} frames")
        lines.append(f"  {take['name']}: {', '.join(parts)}")
    return "\n".join(lines)


@app.command()
def init(
    project: ProjectPath,
    ontology: Annotated[str, typer.Option(metavar="NAME", help="A shipped ontology.")] = "pouring",
    as_json: AsJson = False,
) -> None:
    """Create a project."""
    chosen = load_ontology(ontology.strip().lower().replace(" ", "_").replace("-", "_"))
    Session.create(project, chosen).close()
    show({"project": str(project), "ontology": chosen.name}, as_json, f"Created {project} ({chosen.title}).")


@app.command()
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


@app.command()
def pose(
    project: ProjectPath,
    video: VideoName = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Bundled network or checkpoint file.")
    ] = None,
    device: Device = "auto",
    people: Annotated[int, typer.Option(min=1, max=16, help="Follow at most so many people.")] = 2,
    as_json: AsJson = False,
) -> None:
    """Estimate 2D poses."""
    from app.services.pose import estimate_poses

    with opened(project) as session:
        names = []
        for take in _takes(session, video):
            run_job(estimate_poses(session, take.uid, model=model, device=device, max_people=people))
            names.append(take.name)
        show({"poses": names}, as_json, f"Poses of {', '.join(names)}.")


@app.command()
def lift(
    project: ProjectPath,
    video: VideoName = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Bundled network.")] = None,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Lift 2D poses to 3D skeletons."""
    from app.services.lift import lift_take

    with opened(project) as session:
        names = []
        for take in _takes(session, video):
            run_job(lift_take(session, take.uid, model=model, device=device))
            names.append(take.name)
        show({"lifted": names}, as_json, f"3D skeletons of {', '.join(names)}.")


@app.command()
def align(project: ProjectPath, reference: Reference, as_json: AsJson = False) -> None:
    """Align all other takes to a reference."""
    from app.services.align import align_takes
    from storage import alignments

    with opened(project) as session:
        take = _take(session, reference)
        run_job(align_takes(session, take, session.videos()))
        rows = []
        with session.project.reading() as tx:
            for other in session.videos():
                warp = alignments.get(tx, take.uid, other.uid) if other.uid != take.uid else None
                if warp is not None:
                    cost = round(float(warp.cost.mean()), 4)
                    rows.append({"take": other.name, "steps": len(warp.path), "mean_cost": cost})
        text = "\n".join(f"{r['take']}: mean cost {r['mean_cost']}" for r in rows)
        show({"reference": reference, "alignments": rows}, as_json, text)


@app.command()
def transfer(
    project: ProjectPath,
    source: Annotated[str, typer.Option("--from", metavar="NAME", help="The labelled take.")],
    as_json: AsJson = False,
) -> None:
    """Copy a take's events to the aligned takes, as suggestions with confidence."""
    from app.services.transfer import transfer_events
    from storage import ontologies

    with opened(project) as session:
        takes = {take.uid: take for take in session.videos()}
        events = transfer_events(session, _take(session, source), list(takes.values()))
        with session.project.reading() as tx:
            names = {key.uid: key.name for o in ontologies.all_ontologies(tx) for key in o.events}
        rows = [
            {
                "take": takes[event.video_uid].name,
                "event": names.get(event.key_event_uid, event.key_event_uid),
                "frame": takes[event.video_uid].info.times.index_at(event.pts),
                "pts": event.pts,
                "confidence": event.confidence,
                "uncertainty_frames": event.uncertainty_frames,
            }
            for event in events
        ]
        lines = [f"{r['take']}: {r['event']} at frame {r['frame']} ±{r['uncertainty_frames']}" for r in rows]
        show(
            rows, as_json, "\n".join(lines) or "Nothing to suggest: people have labelled every aligned take."
        )


@app.command()
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
        take = _take(session, video)
        run_job(write_frames(session, take, indices, out))
        paths = [str(out / frame_file_name(take, index)) for index in indices]
        show(paths, as_json, "\n".join(paths))


@app.command()
def clips(
    project: ProjectPath,
    reference: Reference,
    out: Out,
    height: Annotated[int, typer.Option(min=32, max=2160, help="Height of each take in px.")] = 360,
    labels: Annotated[bool, typer.Option(help="Write names and phases below the takes.")] = True,
    as_json: AsJson = False,
) -> None:
    """Export the aligned takes side by side on the reference's clock."""
    from app.services.clips import ClipOptions, export_clip
    from storage import alignments

    with opened(project, read_only=True) as session:
        take = _take(session, reference)
        with session.project.reading() as tx:
            aligned = {w.query_uid for w in alignments.all_alignments(tx) if w.reference_uid == take.uid}
        takes = [other for other in session.videos() if other.uid in aligned]
        if not takes:
            hint = f"Run 'align' with '{reference}' as the reference first."
            raise KnownError(f"No take is aligned to '{reference}'.", hint=hint)
        run_job(export_clip(session, take, takes, out, ClipOptions(height_px=height, burn_labels=labels)))
        result = {
            "clip": str(out),
            "frame_map": str(out.with_suffix(".csv")),
            "takes": [take.name, *[t.name for t in takes]],
        }
        show(result, as_json, f"Wrote {out} and {out.with_suffix('.csv')}.")


@app.command("export")
def export_labels(
    project: ProjectPath,
    out: Out,
    format: Annotated[Literal["csv", "json"], typer.Option(help="csv or json.")] = "json",
    as_json: AsJson = False,
) -> None:
    """Export labels (CSV) or labels and ontology (JSON)."""
    from app.services.exchange import export_file

    with opened(project, read_only=True) as session:
        export_file(session, format, out)
        show({"file": str(out), "format": format}, as_json, f"Wrote {out}.")


@app.command("import")
def import_labels(project: ProjectPath, file: Path, as_json: AsJson = False) -> None:
    """Import labels from a CSV or JSON file that Keyphase wrote."""
    from app.services.exchange import import_file

    with opened(project) as session:
        report = import_file(session, file)
        show(report, as_json, "\n".join(report["lines"]))


@app.command()
def info(project: ProjectPath, as_json: AsJson = False) -> None:
    """What a project holds."""
    from app.services.overview import project_summary, take_overviews

    with opened(project, read_only=True) as session:
        summary = project_summary(session)
        if as_json:
            show(summary, True)
            return
        table = Table(
            "take", "frames", "fps", "size", "people", "corrected", "3D", "aligned to", "events", "suggested"
        )
        for take in take_overviews(session):
            table.add_row(
                take.name + (" (file missing)" if take.missing_file else ""),
                str(take.frames) + (f" ({take.decode_failures} lost)" if take.decode_failures else ""),
                f"{take.fps:g}" + (" VFR" if take.variable_frame_rate else ""),
                f"{take.width_px}×{take.height_px}",
                str(take.people or "–"),
                str(take.corrected_joints or "–"),
                "yes" if take.has_3d else "–",
                ", ".join(take.aligned_to) or "–",
                str(take.events or "–"),
                str(take.suggestions or "–"),
            )
        console = Console()
        console.print(f"{project} · {summary['ontology']['title']}")  # type: ignore[index]
        console.print(table)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Check this installation: versions, GPU, OpenGL, codecs, folders."""
    from app.services.doctor import examine

    checks = examine()
    text = "\n".join(f"{'ok ' if c['ok'] else '!! '} {c['name']}: {c['detail']}" for c in checks)
    show(checks, as_json, text)
    if not all(check["ok"] for check in checks if check["needed"]):
        raise typer.Exit(1)


@app.command()
def bench(
    only: Annotated[str | None, typer.Option(metavar="GROUP", help="Only this group of figures.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure speed: each figure beside a reference taken in the same run."""
    from app.bench.run import run_benchmarks

    figures: list[Figure] = []
    try:
        run_job(run_benchmarks(figures.append, only))
    finally:  # what was measured is told, also when a later group fails or is stopped
        _show_figures(figures, as_json)


def _show_figures(figures: list[Figure], as_json: bool) -> None:
    if as_json:
        show([figure.as_json() for figure in figures], True)
        return
    if not figures:
        return
    last = {figure.group: figure for figure in figures}
    table = Table("what", "value", "ratio", "reference", "aim")
    for figure in figures:
        table.add_row(*figure.as_texts(), end_section=figure is last[figure.group])
    Console(width=None if sys.stdout.isatty() else 130).print(table)
