"""`keyphase smooth`: smoothed poses beside the raw ones, which stay as they are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from app.cli_shared import AsJson, ProjectPath, VideoName, opened, show, takes_named
from models.domain.smoothing import Smoothing

_DEFAULT = Smoothing()


def smooth(
    project: ProjectPath,
    video: VideoName = None,
    method: Annotated[Literal["savgol", "one-euro"], typer.Option(help="savgol or one-euro.")] = "savgol",
    window_s: Annotated[float, typer.Option(help="savgol: length of the window.")] = _DEFAULT.window_s,
    order: Annotated[int, typer.Option(help="savgol: order of the polynomial.")] = _DEFAULT.order,
    min_cutoff_hz: Annotated[
        float, typer.Option(help="one-euro: cutoff at rest; lower is calmer.")
    ] = _DEFAULT.min_cutoff_hz,
    beta: Annotated[
        float, typer.Option(help="one-euro: how much the cutoff rises with speed.")
    ] = _DEFAULT.beta,
    off: Annotated[bool, typer.Option("--off", help="Do not smooth any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Derive smoothed 2D poses. Raw poses are kept; corrected joints stay exactly where they are."""
    from app.services.smooth import smooth_take

    chosen = None if off else Smoothing(method, window_s, order, min_cutoff_hz, beta)
    with opened(project) as session:
        rows, lines = [], []
        for take in takes_named(session, video):
            if video is None and session.track(take.uid, 2) is None:
                continue
            found = smooth_take(session, take.uid, chosen)
            settings = chosen.as_dict() if chosen else None
            rows.append(
                {"take": take.name, "smoothing": settings, "effect": asdict(found) if found else None}
            )
            if found is None:
                lines.append(f"{take.name}: not smoothed")
                continue
            lines.append(
                f"{take.name}: jitter {found.jitter_raw_px:.2f} → {found.jitter_px:.2f} px per frame²,"
                f" joints moved by {found.moved_px:.1f} px (median), {found.moved_most_px:.1f} px at most;"
                f" {found.kept} corrected joints kept"
            )
        show(rows, as_json, "\n".join(lines) or "No take has 2D poses yet.")
