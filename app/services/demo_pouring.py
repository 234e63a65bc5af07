"""The pouring demo: a project of drawn takes, labelled with the key events at their true frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from app.commands import PutEvents
from app.services.media import add_videos
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import Event, new_uid
from models.domain.ontology import load_ontology
from models.domain.progress import Progress
from models.train.pouring_scene import HEIGHT_PX, WIDTH_PX, render_pouring
from models.train.pouring_take import FPS, PouringTake, event_frames, random_take
from storage import labels
from storage.clip_writer import ClipWriter

PROJECT_NAME = "pouring.keyphase"
TAKES = 8
MOST_TAKES = 500


def build_pouring_demo(
    folder: Path, report: Callable[[dict[str, object]], None], *, takes: int = TAKES, seed: int = 0
) -> Iterator[Progress]:
    """Draw takes of seeds `seed`, `seed` + 1, …, and make a project of them in `folder`, labelled with the
    truth. `report` gets the project's path and the event frames of each take. What exists already is used
    again; labels that a person has changed stay. Raises KnownError where `takes` is not 1 to 500.
    """
    if not 1 <= takes <= MOST_TAKES:
        raise KnownError(f"{takes} takes cannot be drawn.", hint=f"Ask for 1 to {MOST_TAKES}.")
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {folder / f"{take.name}.mp4": take for take in (random_take(seed + i) for i in range(takes))}
    for path, take in drawn.items():
        if not path.exists():
            yield from _write(take, path)
    project = folder / PROJECT_NAME
    session = Session.open(project) if project.exists() else Session.create(project, load_ontology("pouring"))
    with session:
        yield from add_videos(session, list(drawn))
        for path, take in drawn.items():
            _label(session, path, take)
    report(
        {
            "project": str(project),
            "takes": [
                {"name": take.name, "frames": take.frames, "events": list(event_frames(take))}
                for take in drawn.values()
            ],
        }
    )


def _write(take: PouringTake, path: Path) -> Iterator[Progress]:
    with ClipWriter(path, WIDTH_PX, HEIGHT_PX, Fraction(FPS)) as writer:
        for done, frame in enumerate(render_pouring(take)):
            writer.write(frame)
            yield Progress(done + 1, take.frames, f"drawing take {take.name}")


def _label(session: Session, path: Path, take: PouringTake) -> None:
    """Set the true key events of a take that has no labels yet."""
    for video in session.videos():
        if Path(video.path).name == path.name:
            with session.project.reading() as tx:
                if labels.events(tx, video.uid):
                    return
            events = tuple(
                Event(new_uid(), video.uid, key.uid, video.info.times.pts_at(frame), annotator="demo")
                for key, frame in zip(load_ontology("pouring").events, event_frames(take), strict=True)
            )
            session.history.do(PutEvents(events))
