"""Smoothed poses of a take: chosen once, derived whenever they are wanted, so never out of date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from app.commands import SetSmoothing
from app.services.edit_people import shown_poses
from app.session import Session
from models.domain.smoothing import Smoothing
from models.domain.track import KeypointTrack, Origin
from models.run.smooth import jitter_px, smooth


@dataclass(frozen=True, slots=True)
class Effect:
    """What smoothing does to a take. moved_px: how far joints are from their raw place, median and largest.

    jitter_px: median change of velocity from frame to frame, raw and smoothed. kept: joints that a person
    placed, which are where they were.
    """

    moved_px: float
    moved_most_px: float
    jitter_raw_px: float
    jitter_px: float
    kept: int


def smooth_take(session: Session, video_uid: str, smoothing: Smoothing | None) -> Effect | None:
    """Choose how the poses of a take are smoothed (one undo step); None = no more. Raises KnownError when it
    has no 2D poses."""
    info, track = shown_poses(session, video_uid)
    if smoothing != info.smoothing:
        session.history.do(SetSmoothing(info.uid, smoothing))
    return effect(session, video_uid, track, smoothing) if smoothing else None


def effect(session: Session, video_uid: str, track: KeypointTrack, smoothing: Smoothing) -> Effect:
    """What smoothing would do to a track of a take."""
    soft = smooth(track, session.video(video_uid).info.times.seconds, smoothing)
    moved = np.linalg.norm(soft.values[..., :2] - track.values[..., :2], axis=-1)
    seen = moved[np.isfinite(moved)]
    return Effect(
        float(np.median(seen)) if len(seen) else 0.0,
        float(seen.max()) if len(seen) else 0.0,
        jitter_px(track.values),
        jitter_px(soft.values),
        int((track.origin == Origin.HUMAN).sum()),
    )


def smoothed_poses(session: Session, video_uid: str) -> KeypointTrack | None:
    """The smoothed poses of a take, or None when it has none or they are not smoothed."""
    found = session.track(video_uid, 2)
    if found is None or found[0].smoothing is None:
        return None
    return smooth(found[1], session.video(video_uid).info.times.seconds, found[0].smoothing)
