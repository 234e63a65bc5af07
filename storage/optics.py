"""What a person said of a video's camera and people, kept among the project's settings."""

from __future__ import annotations

from sqlalchemy import Connection

from models.domain.optics import Optics
from storage import settings


def get(tx: Connection, video_uid: str) -> Optics:
    """What is known of a video; nothing where nobody said anything."""
    return Optics.from_json(settings.get(tx, _key(video_uid)))


def put(tx: Connection, video_uid: str, optics: Optics) -> None:
    """Keep what is known of a video; 3D lifted from now on uses it."""
    settings.put(tx, _key(video_uid), optics.as_json())


def _key(video_uid: str) -> str:
    return f"optics/{video_uid}"
