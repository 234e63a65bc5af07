"""What lies beside a clip: the frame map as CSV and JSON, and the cut list as OpenTimelineIO."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from app.services.clip_plan import Cell, ClipPlan
from app.session import Session
from models.domain.retiming import Segment, segments

TIMELINE_SUFFIX = ".otio"
TOLERANCE_FRAMES = 1.0


def frame_map_csv(plan: ClipPlan) -> str:
    """Clip frame and phase, then for each take its frame index, pts, seconds, if the warp holds it."""
    text = io.StringIO()
    table = csv.writer(text)
    header = ["clip_frame", "part"]
    for cell in plan.cells:
        header += [f"{cell.video.name}:{what}" for what in ("frame", "pts", "seconds", "held")]
    table.writerow(header)
    for n, part in enumerate(_part_names(plan)):
        line: list[object] = [n, part]
        for cell in plan.cells:
            times, index = cell.video.info.times, int(cell.retimed.frames[n])
            seconds = f"{times.seconds_at(index):.6f}"
            line += [index, times.pts_at(index), seconds, int(cell.retimed.frozen[n])]
        table.writerow(line)
    return text.getvalue()


def frame_map_json(session: Session, plan: ClipPlan, files: dict[str, Path]) -> str:
    """The same as JSON. files: the clip of each take (by uid), or one for all."""
    takes = []
    for cell in plan.cells:
        times = cell.video.info.times
        takes.append(
            {
                "name": cell.video.name,
                "uid": cell.video.uid,
                "file": str(session.video_path(cell.video)),
                "content_hash": cell.video.info.content_hash,
                "time_base": str(times.time_base),
                "clip": files[cell.video.uid].name,
                "frames": cell.retimed.frames.tolist(),
                "pts": times.pts[cell.retimed.frames].tolist(),
                "held": np.flatnonzero(cell.retimed.frozen).tolist(),
            }
        )
    content = {
        "format": "keyphase frame map",
        "version": 1,
        "clip_rate": str(plan.rate),
        "clip_frames": plan.frame_count,
        "timing": plan.options.timing,
        "parts": [{"name": part.name, "start": part.start, "stop": part.stop} for part in plan.parts],
        "takes": takes,
    }
    return json.dumps(content, ensure_ascii=False)


def _part_names(plan: ClipPlan) -> Iterator[str]:
    for part in plan.parts:
        for _ in range(part.start, part.stop):
            yield part.name


def cut_list(session: Session, plan: ClipPlan) -> str:
    """An OpenTimelineIO timeline: a track for each take, a clip for each piece of constant speed.

    As OpenTimelineIO has it, the source range of a clip lasts as long as the piece does on the timeline and
    starts at the take's frame; a LinearTimeWarp says how many of the take's frames pass in a frame of the
    timeline's time. Held pictures are FreezeFrames. No frame is off by more than one.
    """
    import opentimelineio as otio

    timeline = otio.schema.Timeline(
        name="aligned takes", global_start_time=otio.opentime.RationalTime(0, float(plan.rate))
    )
    breaks = [part.start for part in plan.parts]
    for cell in plan.cells:
        track = otio.schema.Track(name=cell.video.name, kind=otio.schema.TrackKind.Video)
        for segment in segments(cell.retimed, breaks, TOLERANCE_FRAMES):
            track.append(_clip(otio, session, plan, cell, segment))
        timeline.tracks.append(track)
    text: str = otio.adapters.write_to_string(timeline, "otio_json")
    return text


def _clip(otio: Any, session: Session, plan: ClipPlan, cell: Cell, segment: Segment) -> Any:
    times, rate = cell.video.info.times, float(plan.rate)
    own_rate = times.fps
    last = segment.first + segment.slope * (segment.stop - segment.start - 1)
    media = otio.schema.ExternalReference(
        target_url=session.video_path(cell.video).as_uri(),
        available_range=_range(otio, 0, len(times), own_rate),
    )
    length_s = (segment.stop - segment.start) / rate
    speed = segment.slope * rate / own_rate
    part = next((p.name for p in plan.parts if p.start <= segment.start < p.stop), "")
    clip = otio.schema.Clip(
        name=f"{cell.video.name} {part}".strip(),
        media_reference=media,
        source_range=_range(otio, segment.first, length_s * own_rate, own_rate),
        metadata={
            "keyphase": {
                "clip_frames": [segment.start, segment.stop],
                "first_frame": round(segment.first),
                "last_frame": round(last),
                "first_pts": times.pts_at(min(round(segment.first), len(times) - 1)),
                "time_base": str(times.time_base),
                "phase": part,
            }
        },
    )
    if segment.slope == 0:
        clip.effects.append(otio.schema.FreezeFrame())
    elif abs(speed - 1) > 1e-4:
        clip.effects.append(otio.schema.LinearTimeWarp(time_scalar=speed))
    return clip


def _range(otio: Any, start: float, duration: float, rate: float) -> Any:
    time = otio.opentime.RationalTime
    return otio.opentime.TimeRange(time(start, rate), time(duration, rate))
