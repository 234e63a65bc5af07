"""Commands that suggest labels: transfer, proposals of a trained classifier, what to label next."""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

import typer

from app.cli_shared import AsJson, ProjectPath, opened, show, take_named
from app.jobs import run_job
from app.services.landings import Label
from app.session import Session
from models.domain.attention import Look
from models.domain.labels import Event

To = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="NAME", help="Only this take; several may be named.", show_default=False),
]


def transfer(
    project: ProjectPath,
    source: Annotated[
        list[str],
        typer.Option("--from", metavar="NAME", help="A labelled take; of several counts the median."),
    ],
    to: To = None,
    as_json: AsJson = False,
) -> None:
    """Copy labels of one take or several to the aligned takes, as suggestions with an uncertainty."""
    from app.services.transfer import transfer_labels

    with opened(project) as session:
        takes = [take_named(session, name) for name in to] if to else None
        made = transfer_labels(session, [take_named(session, name) for name in source], takes)
        show_suggestions(session, made.labels, made.left_out, as_json)


def propose(
    project: ProjectPath,
    to: To = None,
    classifier: Annotated[
        Literal["logistic", "svc"], typer.Option(help="Logistic regression or support vectors.")
    ] = "logistic",
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Encoder to learn on (default: the poses)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Learn the phases from labelled takes and propose events in the others, as suggestions."""
    from app.services.propose import Proposals, propose_events

    with opened(project) as session:
        takes = [take_named(session, name) for name in to] if to else None
        found: list[Proposals] = []
        run_job(propose_events(session, found.append, targets=takes, model=model, kind=classifier))
        show_suggestions(session, found[0].events, found[0].left_out, as_json)


def next_label(project: ProjectPath, as_json: AsJson = False) -> None:
    """List what to label next: where takes, alignments and the classifier disagree, each with its reason."""
    from app.services.next_label import what_next

    with opened(project) as session:
        found: list[list[Look]] = []
        run_job(what_next(session, found.append))
        takes = {take.uid: take.name for take in session.videos()}
        names = _key_names(session)
        rows = [
            {
                "take": takes[look.video_uid],
                "frame": look.frame,
                "event": names.get(look.key_event_uid, ""),
                "seconds_in_doubt": round(look.weight_s, 3),
                "why": look.why,
            }
            for look in found[0]
        ]
        lines = [
            f"{r['take']}, {r['event']} at frame {r['frame']}: {r['why']}"
            if r["event"]
            else f"{r['take']}: {r['why']}"
            for r in rows
        ]
        show(rows, as_json, "\n".join(lines) or "Nothing is in doubt: what is labelled agrees.")


def show_suggestions(
    session: Session, labels: tuple[Label, ...], left_out: tuple[str, ...], as_json: bool
) -> None:
    """Print suggestions, and on standard error what was left out and why."""
    rows = suggestion_rows(session, labels)
    nothing = "Nothing to suggest: people have labelled every take that can be reached."
    show(rows, as_json, "\n".join(map(suggestion_line, rows)) or nothing)
    for line in left_out:
        print(f"keyphase: {line}", file=sys.stderr)


def suggestion_rows(session: Session, labels: tuple[Label, ...]) -> list[dict[str, Any]]:
    """Suggestions as plain data."""
    takes = {take.uid: take for take in session.videos()}
    names = _key_names(session)
    rows = []
    for label in labels:
        times = takes[label.video_uid].info.times
        pts = label.pts if isinstance(label, Event) else label.span.start_pts
        row: dict[str, Any] = {
            "take": takes[label.video_uid].name,
            "event": names.get(label.key_event_uid, "") if isinstance(label, Event) else label.name,
            "frame": times.index_at(pts),
            "pts": pts,
            "confidence": label.confidence,
            "uncertainty_frames": label.uncertainty_frames,
            "note": label.note,
        }
        if not isinstance(label, Event):
            row |= {"tier": label.tier, "end_pts": label.span.end_pts}
        rows.append(row)
    return rows


def suggestion_line(row: dict[str, Any]) -> str:
    width = row["uncertainty_frames"]
    return f"{row['take']}: {row['event']} at frame {row['frame']} ±{width:g}, {row['note']}"


def _key_names(session: Session) -> dict[str, str]:
    return {key.uid: key.name for ontology in session.ontologies() for key in ontology.events}
