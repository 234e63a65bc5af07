"""The command line: each command is a use case of `app.services` run to its end. No window, no Qt.

Every command takes `--json`: its result as one JSON document on standard output. Errors of the world are one
line on standard error and exit code 1; wrong usage is exit code 2.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from app import (
    cli_align,
    cli_check,
    cli_clips,
    cli_eval_align,
    cli_lift,
    cli_models,
    cli_moments,
    cli_project,
    cli_smooth,
    cli_statistics,
    cli_suggest,
)
from app.bench.figures import Figure
from app.cli_eval_edge import eval_edge_popup_command
from app.cli_eval_keep import eval_keep
from app.cli_eval_tcc import eval_tcc_command
from app.cli_library import library_app
from app.cli_people import people_app
from app.cli_shared import AsJson, show
from app.cli_train import eval_app, train_app
from app.cli_train_edge import train_edge_popup_command
from app.cli_train_encoder import train_pose_encoder_command
from app.cli_train_takes import train_takes_command
from app.cli_train_tcc import train_tcc_command
from app.jobs import run_job
from models.domain.errors import KnownError

ROOT = Path(__file__).parent.parent
INTERRUPTED = 130
DemoScene = Literal["jumping-jack", "pouring"]

app = typer.Typer(
    name="keyphase",
    help="Label the phases of human actions in video. Without arguments: the window.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)
train_app.command("videopose3d")(cli_lift.train_videopose3d)
train_app.command("pose-encoder")(train_pose_encoder_command)
train_app.command("edge-popup")(train_edge_popup_command)
train_app.command("takes")(train_takes_command)
train_app.command("tcc")(train_tcc_command)
eval_app.command("lift")(cli_lift.eval_lift)
eval_app.command("align")(cli_eval_align.eval_align)
eval_app.command("align-penn")(cli_eval_align.eval_align_penn)
eval_app.command("derived-events")(cli_eval_align.eval_derived_events)
eval_app.command("agreement")(cli_eval_align.eval_agreement)
eval_app.command("keep")(eval_keep)
eval_app.command("edge-popup")(eval_edge_popup_command)
eval_app.command("tcc")(eval_tcc_command)
app.add_typer(train_app, name="train", help="Train the bundled networks again, or your own.")
app.add_typer(
    library_app, name="models", help="Networks: list, show, check, add, remove; pack and unpack supermasks."
)
app.add_typer(eval_app, name="eval", help="Score networks on labelled data.")
app.add_typer(cli_align.anchors_app, name="anchor", help="Pin frames of two takes that correspond.")
app.add_typer(people_app, name="people", help="Who is who in the poses of a take: swap, split, merge.")


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


def demo(
    folder: Annotated[Path, typer.Option(help="Where to make the demo project.")] = Path("demo"),
    scene: Annotated[
        DemoScene, typer.Option(help="A jumping jack, or pouring from a bottle.")
    ] = "jumping-jack",
    takes: Annotated[int | None, typer.Option(metavar="N", help="Takes of --scene pouring.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="First seed of --scene pouring.")] = None,
    no_window: Annotated[bool, typer.Option("--no-window", help="Only make the project.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the demo project with the ordinary code, then open it."""
    import subprocess

    from app.display import has_display

    found: list[dict[str, object]] = []
    if scene == "pouring":
        from app.services.demo_pouring import TAKES, build_pouring_demo

        run_job(
            build_pouring_demo(folder, found.append, takes=TAKES if takes is None else takes, seed=seed or 0)
        )
    elif takes is not None or seed is not None:
        raise typer.BadParameter("--takes and --seed belong to --scene pouring.")
    else:
        from app.services.demo import build_demo

        run_job(build_demo(folder, found.append))
    summary = found[0]
    project = str(summary["project"])
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
    lines = [f"Demo project: {summary['project']}"]
    lines += [f"Clip in step: {summary['clip']}"] if "clip" in summary else []
    lines += [f"Window: {path}" for path in summary.get("screenshots", ())]
    for take in summary["takes"]:
        parts = [f"{take['frames']} frames"]
        if "events" in take:
            parts.append(f"key events at frames {', '.join(map(str, take['events']))}")
        if "pck_02" in take:
            parts.append(f"PCK@0.2 {take['pck_02']:.2f}")
        if "warp_error_median_frames" in take:
            parts.append(f"warp off by {take['warp_error_median_frames']} frames (median)")
        if "event_error_frames" in take:
            parts.append(f"transferred events off by {take['event_error_frames']} frames")
        lines.append(f"  {take['name']}: {', '.join(parts)}")
    return "\n".join(lines)


def doctor(as_json: AsJson = False) -> None:
    """Check this installation: versions, GPU, OpenGL, codecs, folders."""
    from app.services.doctor import examine

    checks = examine()
    text = "\n".join(f"{'ok ' if c['ok'] else '!! '} {c['name']}: {c['detail']}" for c in checks)
    show(checks, as_json, text)
    if not all(check["ok"] for check in checks if check["needed"]):
        raise typer.Exit(1)


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


@app.command("worker", hidden=True)
def worker(file: Path) -> None:
    """Run the job that a file describes, for the window."""
    from app.worker import work

    raise typer.Exit(work(file))


_COMMANDS: dict[str, Callable[..., None]] = {
    "demo": demo,
    "init": cli_project.init,
    "add": cli_project.add,
    "pose": cli_models.pose,
    "smooth": cli_smooth.smooth,
    "check": cli_check.check,
    "lift": cli_models.lift,
    "align": cli_align.align,
    "transfer": cli_suggest.transfer,
    "propose": cli_suggest.propose,
    "next": cli_suggest.next_label,
    "stats": cli_statistics.stats,
    "find": cli_moments.find,
    "differ": cli_moments.differ,
    "map": cli_moments.take_map,
    "frames": cli_project.frames,
    "clips": cli_clips.clips,
    "sound": cli_clips.sound,
    "phases": cli_clips.phases,
    "export": cli_project.export_labels,
    "import": cli_project.import_labels,
    "info": cli_project.info,
    "doctor": doctor,
    "bench": bench,
}
for name, command in _COMMANDS.items():
    app.command(name)(command)
