"""Commands that have models work on a project: poses and 3D."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli_shared import (
    AsJson,
    Decoder,
    Device,
    ProjectPath,
    VideoName,
    opened,
    show,
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
