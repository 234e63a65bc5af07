"""Commands that take videos out of a project: aligned clips, transferred sound, phases as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli_shared import AsJson, Out, ProjectPath, Reference, opened, show, take_named
from app.jobs import run_job
from app.services.clip_plan import LAYOUTS, TIMINGS, ClipOptions
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import Ontology
from storage.encodings import CODECS, QUALITIES
from storage.videos import Video


def clips(
    project: ProjectPath,
    reference: Reference,
    out: Out,
    take: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only these takes (default: all aligned).")
    ] = None,
    layout: Annotated[str, typer.Option(help=f"{', '.join(LAYOUTS)} (one file for each take).")] = "grid",
    timing: Annotated[
        str,
        typer.Option(
            help=f"{', '.join(TIMINGS)}: along the warp, or each phase stretched to the reference's or "
            "to the mean duration."
        ),
    ] = "warp",
    phases: Annotated[
        str | None, typer.Option(metavar="N[,N…]", help="Only these phases, by number from 1 or by name.")
    ] = None,
    range_: Annotated[
        str | None, typer.Option("--range", metavar="A:B", help="Only reference frames A to B-1.")
    ] = None,
    height: Annotated[
        int | None, typer.Option(min=0, max=4320, help="Height of each take in px; 0 = its own.")
    ] = None,
    columns: Annotated[int, typer.Option(min=0, max=16, help="Columns of the grid; 0 = chosen.")] = 0,
    labels: Annotated[
        bool | None, typer.Option("--labels/--no-labels", help="Write names and phases below the takes.")
    ] = None,
    skeleton: Annotated[bool, typer.Option(help="Draw the 2D poses.")] = False,
    clock: Annotated[bool, typer.Option(help="Write each take's time and the reference's.")] = False,
    audio: Annotated[
        str, typer.Option(metavar="NAME", help="none, reference, own (of single files), or a take.")
    ] = "none",
    codec: Annotated[str, typer.Option(help=", ".join(c.name for c in CODECS))] = "h264",
    quality: Annotated[str, typer.Option(help=", ".join(QUALITIES))] = "high",
    original: Annotated[
        bool, typer.Option(help="Copy single files that need no change, instead of encoding them.")
    ] = True,
    cut_list: Annotated[bool, typer.Option(help="Write an OpenTimelineIO cut list, too.")] = True,
    as_json: AsJson = False,
) -> None:
    """Export the aligned takes on the reference's clock, with frame map and cut list."""
    from app.services.clips import ClipResult, export_clip

    single = layout == "single"
    with opened(project, read_only=True) as session:
        first = take_named(session, reference)
        takes = _takes(session, first, take, timing)
        start, stop = _range(range_, first)
        options = ClipOptions(
            height_px=height if height is not None else 0 if single else 360,
            columns=columns,
            burn_labels=labels if labels is not None else not single,
            burn_poses=skeleton,
            burn_clock=clock,
            layout=layout,  # type: ignore[arg-type]  # checked with a message for people
            timing=timing,  # type: ignore[arg-type]
            phases=_phases(phases, session.ontology()),
            first=start,
            stop=stop,
            audio=audio,
            codec=codec,
            quality=quality,
            keep_original=original,
            cut_list=cut_list,
        )
        done: list[ClipResult] = []
        run_job(export_clip(session, first, takes, out, options, done.append))
        result = {
            "clip": str(out),
            "clips": [str(path) for path in done[0].clips],
            "frame_map": str(out.with_suffix(".csv")),
            "files": [str(path) for path in done[0].files],
            "takes": [first.name, *[t.name for t in takes]],
            "notes": list(done[0].notes),
        }
        text = "\n".join([f"Wrote {path}." for path in done[0].files] + list(done[0].notes))
        show(result, as_json, text)


def _takes(session: Session, reference: Video, names: list[str] | None, timing: str) -> list[Video]:
    if names:
        return [take_named(session, name) for name in names]
    others = [take for take in session.videos() if take.uid != reference.uid]
    if timing == "warp":
        takes = [take for take in others if session.alignment(reference.uid, take.uid) is not None]
        hint = f"Run 'align' with '{reference.name}' as the reference first."
        problem = f"No take is aligned to '{reference.name}'."
    else:
        takes = [take for take in others if session.phases(take.uid)]
        problem, hint = "No other take has phases.", "Label key events first."
    if not takes:
        raise KnownError(problem, hint=hint)
    return takes


def _range(text: str | None, reference: Video) -> tuple[int, int | None]:
    if text is None:
        return 0, None
    first, colon, stop = text.partition(":")
    try:
        if not colon:
            raise ValueError
        return int(first or 0), int(stop) if stop else None
    except ValueError:
        raise KnownError(
            f"'{text}' is not a range of frames.",
            hint=f"Write --range A:B with frames from 0 to {reference.info.frame_count}.",
        ) from None


def _phases(text: str | None, ontology: Ontology) -> tuple[int, ...]:
    """Places of the phases that are named or numbered from 1."""
    if text is None:
        return ()
    found = []
    for part in (piece.strip() for piece in text.split(",")):
        if part in ontology.phases:
            found.append(ontology.phases.index(part))
        elif part.isdecimal() and 1 <= int(part) <= len(ontology.phases):
            found.append(int(part) - 1)
        else:
            numbered = ", ".join(f"{k + 1} {name}" for k, name in enumerate(ontology.phases))
            raise KnownError(f"'{ontology.title}' has no phase '{part}'.", hint=f"Its phases: {numbered}.")
    return tuple(found)


def sound(
    project: ProjectPath,
    source: Annotated[str, typer.Option("--from", metavar="NAME", help="The take with the sound.")],
    target: Annotated[str, typer.Option("--to", metavar="NAME", help="The take that gets it.")],
    out: Out,
    block: Annotated[float, typer.Option(help="Length of the copied blocks in seconds.")] = 0.08,
    fade: Annotated[float, typer.Option(help="Cross-fade of two blocks in seconds.")] = 0.02,
    search: Annotated[
        float, typer.Option(help="How far a block may be moved so that joins do not click, in seconds.")
    ] = 0.008,
    as_json: AsJson = False,
) -> None:
    """Write a take with the sound of another, re-timed along their warp; its pictures are copied."""
    from app.services.sound import transfer_sound
    from models.run.retime_sound import Blocks

    notes: list[str] = []
    with opened(project, read_only=True) as session:
        first, second = take_named(session, source), take_named(session, target)
        blocks = Blocks(block, fade, search)
        run_job(transfer_sound(session, first, second, out, blocks, notes.append))
        result = {"file": str(out), "from": source, "to": target, "notes": notes}
        show(result, as_json, "\n".join([f"Wrote {out}.", *notes]))


def phases(
    project: ProjectPath,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")],
    take: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only these takes.")] = None,
    only: Annotated[
        str | None, typer.Option("--phases", metavar="N[,N…]", help="Only these, by number from 1 or name.")
    ] = None,
    kind: Annotated[
        str,
        typer.Option(help="mp4, mkv (lossless: exact for 8-bit 4:2:0 sources), or folders of png or jpg."),
    ] = "mp4",
    height: Annotated[int, typer.Option(min=0, max=4320, help="In px; 0 = the take's own.")] = 0,
    suggestions: Annotated[bool, typer.Option(help="Also between labels nobody has accepted.")] = False,
    split: Annotated[
        str | None, typer.Option(metavar="NAME=SHARE,…", help="Split by take, e.g. train=0.8,val=0.2.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write each phase of each take as its own file or image folder, with a manifest."""
    from app.services.phase_files import PhaseFile, PhaseOptions, export_phases

    rows: list[PhaseFile] = []
    with opened(project, read_only=True) as session:
        takes = [take_named(session, name) for name in take] if take else session.videos()
        options = PhaseOptions(
            kind=kind,  # type: ignore[arg-type]  # checked with a message for people
            height_px=height,
            phases=_phases(only, session.ontology()),
            suggestions=suggestions,
            split=_split(split),
        )
        run_job(export_phases(session, takes, out, options, rows.extend))
        counts: dict[str, int] = {}
        for row in rows:
            counts[row.phase] = counts.get(row.phase, 0) + 1
        result = {"folder": str(out), "manifest": str(out / "manifest.csv"), "phases": counts}
        text = "\n".join(f"{count} × {name}" for name, count in counts.items())
        show(result, as_json, f"Wrote {len(rows)} phases to {out}.\n{text}")


def _split(text: str | None) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in text.split(",")] if text else []
        return {name.strip(): float(share) for name, share in pairs}
    except ValueError:
        raise KnownError(f"'{text}' is no split.", hint="Write --split train=0.8,val=0.2.") from None
