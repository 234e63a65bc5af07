"""Commands about alignment: align takes, and pin frames that correspond."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from app.cli_shared import AsJson, ProjectPath, VideoName, opened, show, take_named
from app.session import Session
from models.domain.errors import KnownError
from storage.anchors import Anchor
from storage.videos import Video

FOUND = ("best", "barycentre")  # references that are found, not named


class Matchers(StrEnum):
    """As `models.run.matching.MATCHERS`, which the command line should not load to print its help."""

    DTW = "dtw"
    NEAREST = "nearest"
    SOFT_NEAREST = "soft-nearest"


class EndsOf(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


def align(
    project: ProjectPath,
    reference: Annotated[
        str,
        typer.Option(
            metavar="NAME|best|barycentre",
            help="The take the others follow; or the one they fit best; or that one through an average take.",
        ),
    ],
    video: VideoName = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="An encoder (name or file); else the poses themselves.")
    ] = None,
    matcher: Annotated[Matchers, typer.Option(help="How frames are matched.")] = Matchers.DTW,
    ends: Annotated[
        EndsOf, typer.Option(help="open: takes may begin and end at different moments.")
    ] = EndsOf.OPEN,
    as_json: AsJson = False,
) -> None:
    """Align takes of one action: all others, or one, to a reference."""
    from app.services.align import AlignOptions, align_takes

    with opened(project) as session:
        named = {take.name for take in session.videos()}
        found = reference in FOUND and reference not in named
        mode: Any = reference if found else "given"
        options = AlignOptions(model, matcher.value, ends.value, mode)
        take = None if found else take_named(session, reference)
        if found and video is not None:
            raise KnownError(f"'{reference}' is found among all takes.", hint="Leave --video out.")
        takes = session.videos() if video is None else [take_named(session, video)]
        take, note = _finished(align_takes(session, take, takes, options))
        rows = alignment_rows(session, take)
        warnings = note.split("; ")[1:]
        lines = [f"{r['take']}: mean cost {r['mean_cost']}" for r in rows]
        if found:
            lines.insert(0, f"Reference: {take.name}")
        result = {"reference": take.name, "alignments": rows, "warnings": warnings}
        show(result, as_json, "\n".join((*lines, *warnings)))


def alignment_rows(session: Session, reference: Video) -> list[dict[str, Any]]:
    """Every take aligned to a reference, as plain JSON data."""
    from app.services.align_state import out_of_date
    from storage import alignments

    stale = out_of_date(session)
    rows = []
    with session.project.reading() as tx:
        for other in session.videos():
            warp = alignments.get(tx, reference.uid, other.uid) if other.uid != reference.uid else None
            if warp is not None:
                rows.append(
                    {
                        "take": other.name,
                        "steps": len(warp.path),
                        "mean_cost": round(float(warp.cost.mean()), 4),
                        "method": warp.method,
                        "out_of_date": stale.get((reference.uid, other.uid), ""),
                    }
                )
    return rows


def _finished(job: Any) -> tuple[Video, str]:
    """Run an alignment to its end: the reference, and the last note."""
    from app.jobs import run_job

    answer: list[Video] = []

    def steps() -> Any:
        answer.append((yield from job))

    last = run_job(steps())
    return answer[0], last.note if last else ""


# --- anchors

anchors_app = typer.Typer(no_args_is_help=True)
Take = Annotated[str, typer.Option("--reference", metavar="NAME", help="One take.")]
OtherTake = Annotated[str, typer.Option("--take", metavar="NAME", help="The other take.")]


@anchors_app.command("add")
def add_anchor(
    project: ProjectPath,
    reference: Take,
    take: OtherTake,
    frame: Annotated[int, typer.Option(min=0, help="Frame of --reference.")],
    take_frame: Annotated[int, typer.Option(min=0, help="The frame of --take that corresponds.")],
    annotator: Annotated[str, typer.Option(help="Who says so.")] = "",
    as_json: AsJson = False,
) -> None:
    """Pin two frames to each other; the warp of the takes goes through them at once."""
    from app.commands import PutAnchor
    from models.domain.labels import new_uid

    with opened(project) as session:
        one, other = take_named(session, reference), take_named(session, take)
        pts = _pts(one, frame), _pts(other, take_frame)
        session.history.do(PutAnchor(Anchor(new_uid(), one.uid, other.uid, *pts, annotator)))
        _show_anchors(session, as_json)


@anchors_app.command("list")
def list_anchors(project: ProjectPath, as_json: AsJson = False) -> None:
    """List the anchors of a project."""
    with opened(project, read_only=True) as session:
        _show_anchors(session, as_json)


@anchors_app.command("remove")
def remove_anchor(
    project: ProjectPath,
    uid: Annotated[str, typer.Argument(help="As 'list' shows it; its first characters are enough.")],
    as_json: AsJson = False,
) -> None:
    """Remove an anchor; the warp of its takes is drawn anew."""
    from app.commands import DeleteAnchor
    from storage import anchors

    with opened(project) as session:
        with session.project.reading() as tx:
            found = [anchor.uid for anchor in anchors.all_anchors(tx) if anchor.uid.startswith(uid)]
        if len(found) != 1:
            what = "several anchors" if found else "no anchor"
            raise KnownError(f"There is {what} '{uid}'.", hint="'keyphase anchor list' shows them.")
        session.history.do(DeleteAnchor(found[0]))
        _show_anchors(session, as_json)


def _pts(video: Video, frame: int) -> int:
    if frame >= video.info.frame_count:
        last = video.info.frame_count - 1
        raise KnownError(f"Take '{video.name}' has no frame {frame}.", hint=f"Its last frame is {last}.")
    return video.info.times.pts_at(frame)


def _show_anchors(session: Session, as_json: bool) -> None:
    from storage import anchors

    takes = {video.uid: video for video in session.videos()}
    with session.project.reading() as tx:
        found = anchors.all_anchors(tx)
    rows: list[dict[str, Any]] = [
        {
            "uid": anchor.uid,
            "reference": takes[anchor.reference_uid].name,
            "reference_frame": takes[anchor.reference_uid].info.times.index_at(anchor.reference_pts),
            "reference_pts": anchor.reference_pts,
            "take": takes[anchor.query_uid].name,
            "take_frame": takes[anchor.query_uid].info.times.index_at(anchor.query_pts),
            "take_pts": anchor.query_pts,
            "annotator": anchor.annotator,
        }
        for anchor in found
    ]
    lines = [
        f"{r['uid'][:8]}  {r['reference']} frame {r['reference_frame']} = {r['take']} frame {r['take_frame']}"
        for r in rows
    ]
    show({"anchors": rows}, as_json, "\n".join(lines) or "No anchors.")
