"""Commands that have models work on a project: poses, 3D, transfer, clips in step."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli_shared import (
    AsJson,
    Decoder,
    Device,
    ProjectPath,
    Reference,
    VideoName,
    opened,
    show,
    take_named,
    takes_named,
)
from app.jobs import run_job


def pose(
    project: ProjectPath,
    video: VideoName = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A network of 'keyphase models list', or a checkpoint file."),
    ] = None,
    device: Device = "auto",
    people: Annotated[int, typer.Option(min=1, max=16, help="Follow at most so many people at a time.")] = 2,
    decoder: Decoder = None,
    as_json: AsJson = False,
) -> None:
    """Estimate 2D poses."""
    from app.services.pose import estimate_poses

    with opened(project) as session:
        names = []
        for take in takes_named(session, video):
            run_job(
                estimate_poses(
                    session, take.uid, model=model, device=device, max_people=people, decoder=decoder
                )
            )
            names.append(take.name)
        show({"poses": names}, as_json, f"Poses of {', '.join(names)}.")


def lift(
    project: ProjectPath,
    video: VideoName = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Bundled network.")] = None,
    device: Device = "auto",
    smoothed: Annotated[
        bool | None, typer.Option("--smoothed/--raw", help="From smoothed poses; else as the last time.")
    ] = None,
    view_deg: Annotated[
        float | None, typer.Option(metavar="DEG", help="What the camera sees across the picture.")
    ] = None,
    focal_px: Annotated[
        float | None, typer.Option(metavar="PX", help="Focal length in pixels of the video, instead.")
    ] = None,
    body_height: Annotated[
        float | None, typer.Option(metavar="M", help="Body height of the people, metres.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Lift 2D poses to 3D skeletons. What is told of camera and body height is kept for the take."""
    from app.services.lift import lift_take, tell_optics

    with opened(project) as session:
        names = []
        for take in takes_named(session, video):
            tell_optics(session, take, view_deg, body_height, focal_px)
            run_job(lift_take(session, take.uid, model=model, device=device, smoothed=smoothed))
            names.append(take.name)
        show({"lifted": names}, as_json, f"3D skeletons of {', '.join(names)}.")


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
        events = transfer_events(session, take_named(session, source), list(takes.values()))
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
