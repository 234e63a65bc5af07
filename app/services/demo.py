"""The demo project: takes made by the program itself, taken through the whole loop by the ordinary code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from app.commands import PutEvents
from app.services.align import align_takes
from app.services.clips import export_clip
from app.services.demo_scene import (
    FPS,
    HEIGHT_PX,
    TAKES,
    WIDTH_PX,
    TakeScript,
    event_frames,
    render_take,
    true_warp,
)
from app.services.lift import lift_take
from app.services.media import add_videos
from app.services.pose import estimate_poses
from app.services.transfer import transfer_labels
from app.session import Session
from models.domain.labels import Event, new_uid
from models.domain.mapping import map_keypoints
from models.domain.ontology import load_ontology
from models.domain.progress import Progress
from models.domain.skeleton import load_skeleton
from storage import alignments, labels, tracks
from storage.clip_writer import ClipWriter
from storage.videos import Video

PROJECT_NAME = "demo.keyphase"
CLIP_NAME = "demo_in_step.mp4"


def build_demo(folder: Path, report: Callable[[dict[str, object]], None]) -> Iterator[Progress]:
    """Make the demo project in `folder` and take it through detection, pose, lifting, alignment, transfer and
    clip export. `report` gets a summary against the known truth. What exists already is used again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for script in TAKES:
        path = folder / f"{script.name}.mp4"
        paths.append(path)
        if not path.exists():
            yield from _write_take(script, path)
    project = folder / PROJECT_NAME
    session = (
        Session.open(project) if project.exists() else Session.create(project, load_ontology("jumping_jacks"))
    )
    try:
        yield from add_videos(session, paths)
        takes = _takes(session)
        for video in takes:
            if not _has(session, video, 2):
                yield from estimate_poses(session, video.uid, max_people=1)
            if not _has(session, video, 3):
                yield from lift_take(session, video.uid)
        reference, *others = takes
        if not _aligned(session, reference, others):
            yield from align_takes(session, reference, others)
        if not _labelled(session, reference):
            _label_reference(session, reference)
            transfer_labels(session, [reference], others)
        clip = folder / CLIP_NAME
        if not clip.exists():
            yield from export_clip(session, reference, takes, clip)
        report(summary(session, folder))
    finally:
        session.close()


def summary(session: Session, folder: Path) -> dict[str, object]:
    """How the demo's results compare with the truth its takes were made from."""
    takes = _takes(session)
    entries: list[dict[str, object]] = []
    for script, video in zip(TAKES, takes, strict=True):
        entry: dict[str, object] = {"name": video.name, "frames": video.info.frame_count}
        with session.project.reading() as tx:
            found = tracks.active(tx, video.uid, 2)
            warp = alignments.get(tx, takes[0].uid, video.uid)
            events = {e.key_event_uid: e for e in labels.events(tx, video.uid)}
            track = tracks.read(tx, found.uid) if found else None
        if track is not None:
            truth = np.stack([keypoints for _, keypoints in render_take(script)])
            entry["pck_02"] = round(
                _pck(map_keypoints(track.values[:, 0], track.skeleton, "lsp14"), truth), 3
            )
        if warp is not None:
            expected = true_warp(TAKES[0], script)
            moving = np.isfinite(expected)
            frames = np.flatnonzero(moving)
            error = np.abs(warp.map_indices(frames) - expected[moving])
            entry["warp_error_median_frames"] = round(float(np.median(error)), 2)
        if script is not TAKES[0]:
            ontology = load_ontology("jumping_jacks")
            offsets = [
                abs(video.info.times.index_at(events[key.uid].pts) - frame)
                for key, frame in zip(ontology.events, event_frames(script), strict=True)
                if key.uid in events
            ]
            entry["event_error_frames"] = offsets
        entries.append(entry)
    return {"project": str(folder / PROJECT_NAME), "clip": str(folder / CLIP_NAME), "takes": entries}


def _pck(values: np.ndarray, truth: np.ndarray) -> float:
    """Share of joints nearer to the truth than 0.2 × torso (left shoulder to right hip)."""
    skeleton = load_skeleton("lsp14")
    torso = np.linalg.norm(
        truth[:, skeleton.index("left shoulder"), :2] - truth[:, skeleton.index("right hip"), :2], axis=1
    )
    distance = np.linalg.norm(values[..., :2] - truth[..., :2], axis=2)
    return float((np.nan_to_num(distance, nan=np.inf) < 0.2 * torso[:, None]).mean())


def _write_take(script: TakeScript, path: Path) -> Iterator[Progress]:
    with ClipWriter(path, WIDTH_PX, HEIGHT_PX, Fraction(FPS)) as writer:
        for done, (frame, _) in enumerate(render_take(script)):
            writer.write(frame)
            yield Progress(done + 1, script.frames, f"drawing take {script.name}")


def _takes(session: Session) -> list[Video]:
    """The demo's takes by their files: a person may have given them other names."""
    takes = {Path(video.path).stem: video for video in session.videos()}
    return [takes[script.name] for script in TAKES]


def _has(session: Session, video: Video, dimensions: int) -> bool:
    with session.project.reading() as tx:
        return tracks.active(tx, video.uid, dimensions) is not None


def _aligned(session: Session, reference: Video, others: list[Video]) -> bool:
    with session.project.reading() as tx:
        return all(alignments.get(tx, reference.uid, other.uid) is not None for other in others)


def _labelled(session: Session, video: Video) -> bool:
    with session.project.reading() as tx:
        return bool(labels.events(tx, video.uid))


def _label_reference(session: Session, reference: Video) -> None:
    """The labels a person would set on the first take: its key events are known exactly."""
    ontology = load_ontology("jumping_jacks")
    events = tuple(
        Event(new_uid(), reference.uid, key.uid, reference.info.times.pts_at(frame), annotator="demo")
        for key, frame in zip(ontology.events, event_frames(TAKES[0]), strict=True)
    )
    session.history.do(PutEvents(events))
