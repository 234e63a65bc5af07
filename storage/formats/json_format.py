"""Labels, ontologies and keypoints as one JSON file. Nothing is lost but the history of model runs.

Convention: frame indices count from 0; `pts` are in units of the take's `time_base`; an interval's
`end_frame` and `end_pts` are exclusive; keypoints are px (2D) or metres (3D) with a confidence, null = not
seen; frames in which nothing is seen are left out. Takes are described, not contained: an import finds them
in the project by content hash, else by name and number of frames (labels then follow the frame index).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from sqlalchemy import Connection

from models.domain.errors import KnownError
from models.domain.labels import Event, Interval
from models.domain.track import Origin
from storage import labels, ontologies, skeletons, tracks, videos
from storage.formats.atomic import replacing
from storage.formats.checked import Record
from storage.formats.json_plan import plan_json
from storage.formats.plan import ImportReport, carry_out
from storage.project import Project
from storage.tracks import TrackInfo
from storage.videos import Video

FORMAT, VERSION = "keyphase labels", 1
_BLOCK = 256  # frames of keypoints held in memory at a time
_HINT = "Choose a file that Keyphase exported."


def export_json(project: Project, path: Path, *, keypoints: bool = True) -> None:
    """Write the project's labels, ontologies and (with `keypoints`) active tracks to `path`.

    Raises KnownError when the file cannot be written; what was there is then unharmed.
    """
    with project.reading() as tx, replacing(path) as file:
        takes = {video.uid: video for video in videos.all_videos(tx)}
        file.write(f'{{"format": "{FORMAT}", "version": {VERSION}')
        _write_value(file, "current_ontology", ontologies.current(tx).uid)
        _write_list(file, "ontologies", (asdict(ontology) for ontology in ontologies.all_ontologies(tx)))
        _write_list(file, "skeletons", (asdict(skeletons.get(tx, name)) for name in skeletons.own_names(tx)))
        _write_list(file, "videos", (_video_dict(video) for video in takes.values()))
        _write_list(file, "events", (_event_dict(e, takes[e.video_uid]) for e in labels.events(tx)))
        _write_list(file, "intervals", (_interval_dict(i, takes[i.video_uid]) for i in labels.intervals(tx)))
        if keypoints:
            _write_list(file, "tracks", _track_dicts(tx, takes))
        file.write("\n}\n")


def import_json(project: Project, path: Path) -> ImportReport:
    """Put what `path` holds into the project, all of it or (KnownError) nothing."""
    record = read_json(path)
    with project.transaction() as tx:
        return carry_out(tx, plan_json(tx, record))


def read_json(path: Path) -> Record:
    """The file's outermost object. Raises KnownError when it cannot be read or is of another kind."""
    path = Path(path)
    try:
        data = json.loads(path.read_text("utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise KnownError(f"{path} cannot be read ({error.strerror}).", hint="Check name and place.") from None
    except (ValueError, RecursionError):  # not UTF-8, not JSON, too deep, absurd numbers
        raise KnownError(f"{path.name} is not a JSON file.", hint=_HINT) from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise KnownError(f"{path.name} is not an export of Keyphase.", hint=_HINT)
    record = Record(data, path.name)
    if record.integer("version") > VERSION:
        raise KnownError(f"{path.name} was written by a newer Keyphase.", hint="Update it.")
    return record


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _write_value(file: TextIO, key: str, value: object) -> None:
    file.write(f',\n"{key}": {json.dumps(value, ensure_ascii=False, allow_nan=False)}')


def _write_list(file: TextIO, key: str, items: Iterable[dict[str, Any]]) -> None:
    """One item to a line, so that no big text is ever made at once."""
    file.write(f',\n"{key}": [')
    for i, item in enumerate(items):
        file.write(",\n " if i else "\n ")
        frames = item.pop("frames_data", None)
        text = json.dumps(item, ensure_ascii=False, allow_nan=False)
        if frames is None:
            file.write(text)
        else:
            file.write(f'{text[:-1]}, "poses": [')
            for j, frame in enumerate(frames):
                file.write((",\n  " if j else "\n  ") + json.dumps(frame, allow_nan=False))
            file.write("]}")
    file.write("]")


def _video_dict(video: Video) -> dict[str, Any]:
    info = video.info
    return {
        "uid": video.uid,
        "name": video.name,
        "path": video.path,
        "content_hash": info.content_hash,
        "frames": info.frame_count,
        "time_base": [info.times.time_base.numerator, info.times.time_base.denominator],
        "start_pts": info.times.pts_at(0),
        "end_pts": info.times.end_pts,
        "width_px": info.width_px,
        "height_px": info.height_px,
    }


def _event_dict(event: Event, video: Video) -> dict[str, Any]:
    return {
        "uid": event.uid,
        "video_uid": event.video_uid,
        "key_event_uid": event.key_event_uid,
        "frame": video.info.times.index_at(event.pts),
        "pts": event.pts,
        "origin": event.origin.value,
        "confidence": event.confidence,
        "uncertainty_frames": event.uncertainty_frames,
        "annotator": event.annotator,
        "note": event.note,
        "source_video_uid": event.source_video_uid,
        "model": event.model,
    }


def _interval_dict(interval: Interval, video: Video) -> dict[str, Any]:
    times = video.info.times
    return {
        "uid": interval.uid,
        "video_uid": interval.video_uid,
        "tier": interval.tier,
        "name": interval.name,
        "start_frame": times.index_at(interval.span.start_pts),
        "end_frame": end_frame(video, interval.span.end_pts),
        "start_pts": interval.span.start_pts,
        "end_pts": interval.span.end_pts,
        "origin": interval.origin.value,
        "confidence": interval.confidence,
        "annotator": interval.annotator,
        "note": interval.note,
        "uncertainty_frames": interval.uncertainty_frames,
        "source_video_uid": interval.source_video_uid,
        "model": interval.model,
    }


def end_frame(video: Video, end_pts: int) -> int:
    """First frame that is not in a span ending (exclusively) at `end_pts`."""
    return int(np.searchsorted(video.info.times.pts, end_pts, side="left"))


def _track_dicts(tx: Connection, takes: dict[str, Video]) -> Iterator[dict[str, Any]]:
    for uid in takes:
        for dimensions in (2, 3):
            info = tracks.active(tx, uid, dimensions)
            if info is not None:
                yield {**asdict(info), "frames_data": _frame_dicts(tx, info)}


def _frame_dicts(tx: Connection, info: TrackInfo) -> Iterator[dict[str, Any]]:
    for start in range(0, info.frames, _BLOCK):
        part = tracks.read_frames(tx, info.uid, start, start + _BLOCK)
        values, origin = part.values, part.origin
        told = np.isfinite(values[..., :-1]).any(axis=-1) | (values[..., -1] != 0) | (origin != Origin.NONE)
        for i in np.flatnonzero(told.any(axis=(1, 2))).tolist():
            numbers = [
                [[float(x) if math.isfinite(x) else None for x in joint] for joint in person]
                for person in values[i].tolist()
            ]
            yield {"frame": start + i, "values": numbers, "origin": origin[i].tolist()}
