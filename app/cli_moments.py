"""Commands that look at all takes together: find a moment, how takes differ, a map of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer

from app.cli_shared import AsJson, Out, ProjectPath, opened, show, take_named
from app.jobs import run_job

ModelName = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The encoder to compare frames by (default: the bundled one)."),
]


def find(
    project: ProjectPath,
    video: Annotated[str, typer.Option(metavar="NAME", help="Take that shows the moment.")],
    at: Annotated[int, typer.Option(metavar="N", help="Its frame, from 0.")],
    top: Annotated[int, typer.Option(min=1, help="Matches wanted in each take.")] = 1,
    model: ModelName = None,
    as_json: AsJson = False,
) -> None:
    """Find a moment in every take."""
    from app.services.moments import embed_takes, find_frame

    with opened(project) as session:
        take = take_named(session, video)
        name = model or _default_encoder()
        run_job(embed_takes(session, session.videos(), name))
        rows = [
            {
                "take": found.name,
                "frame": match.frame,
                "seconds": round(found.info.times.seconds_at(match.frame), 6),
                "score": round(match.score, 4),
            }
            for found, match in find_frame(session, take, at, name, top=top)
        ]
        lines = [
            f"{r['take']}: frame {r['frame']} ({r['seconds']:.3f} s), score {r['score']:.2f}" for r in rows
        ]
        show(rows, as_json, "\n".join(lines) or "No take has poses to look in.")


def differ(
    project: ProjectPath,
    reference: Annotated[str, typer.Option(metavar="NAME", help="Take whose clock is used.")],
    out: Annotated[Path | None, typer.Option(help="CSV file for all curves.")] = None,
    as_json: AsJson = False,
) -> None:
    """Rank takes from typical to odd, and list where each departs from the others."""
    from app.services.moments import differences, write_differences

    with opened(project, read_only=True) as session:
        result = differences(session, take_named(session, reference))
        if out is not None:
            write_differences(session, result, out)
        names = {take.uid: take.name for take in session.videos()}
        found = {one.uid: one for one in result.found}
        rows: list[dict[str, Any]] = [
            {
                "take": names[uid],
                "deviation_limb_lengths": None if np.isnan(total) else round(total, 4),
                "z": round(z, 3),
                "peaks": [
                    {
                        "frame": peak.take_frame,
                        "reference_frame": peak.frame,
                        "joint": result.joints[peak.joint],
                        "limb_lengths": round(peak.joint_value, 4),
                    }
                    for peak in found[uid].peaks
                ],
            }
            for uid, total, z in result.ranked
        ]
        report = {
            "reference": names[result.reference_uid],
            "poses": "3D" if result.found[0].is_3d else "2D",
            "takes": rows,
            "left_out": result.left_out,
        }
        lines = [_differ_line(row) for row in rows]
        lines += [f"{name}: left out, {why}" for name, why in result.left_out.items()]
        show(report, as_json, "\n".join(lines))


def take_map(
    project: ProjectPath,
    out: Out,
    method: Annotated[Literal["pca", "tsne", "umap"], typer.Option(help="How the plane is made.")] = "pca",
    model: ModelName = None,
    as_json: AsJson = False,
) -> None:
    """Write a plane with every frame of every take on it (CSV: take, frame, x, y)."""
    from app.services.moments import embed_takes, map_takes
    from storage.formats.atomic import replacing

    with opened(project) as session:
        name = model or _default_encoder()
        run_job(embed_takes(session, session.videos(), name))
        placed = map_takes(session, session.videos(), name, method)
        with replacing(out) as file:
            table = csv.writer(file)
            table.writerow(["take", "frame", "x", "y"])
            for video, points in placed:
                for frame, (x, y) in enumerate(points.tolist()):
                    if np.isfinite(x):
                        table.writerow([video.name, frame, f"{x:.5f}", f"{y:.5f}"])
        summary = {"file": str(out), "takes": len(placed), "method": method, "model": name}
        show(summary, as_json, f"Wrote {out} ({len(placed)} takes, {method}).")


def _differ_line(row: dict[str, Any]) -> str:
    off = row["deviation_limb_lengths"]
    peaks = "".join(f"; {peak['joint']} at frame {peak['frame']}" for peak in row["peaks"][:2])
    return f"{row['take']}: " + ("not comparable" if off is None else f"{off:.2f} limb lengths off{peaks}")


def _default_encoder() -> str:
    from app.services.models import known_models

    return known_models("pose-encoder")[0].name
