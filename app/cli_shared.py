"""What the commands of the command line share: their common options, how results are shown, opening."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from app.session import Session
from models.domain.errors import KnownError
from storage import videos
from storage.videos import Video

ProjectPath = Annotated[Path, typer.Argument(metavar="P.keyphase", help="Project file.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
VideoName = Annotated[str | None, typer.Option("--video", metavar="NAME", help="Only this take.")]
Decoder = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="peak, softmax, dark or udp (default: what the network was made for)."),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Reference = Annotated[str, typer.Option(metavar="NAME", help="The take the others follow.")]
Out = Annotated[Path, typer.Option("--out", metavar="PATH", help="Where to write.")]


def show(result: Any, as_json: bool, text: str = "") -> None:
    """Print a result: as JSON (where NaN, which it does not know, is null), or as text for people."""
    if as_json:
        text = json.dumps(without_nan(result), indent=1, ensure_ascii=False, allow_nan=False)
    print(text or result)


def without_nan(value: Any) -> Any:
    """Plain data with None for every number that is not finite."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    return [without_nan(inner) for inner in value] if isinstance(value, list | tuple) else value


@contextmanager
def opened(path: Path, *, read_only: bool = False) -> Iterator[Session]:
    session = Session.open(path, read_only=read_only)
    try:
        if session.project.recovered:
            print(f"keyphase: {session.project.recovered}", file=sys.stderr)
        yield session
    finally:
        session.close()


def take_named(session: Session, name: str) -> Video:
    with session.project.reading() as tx:
        return videos.by_name(tx, name)


def takes_named(session: Session, name: str | None) -> list[Video]:
    takes = [take_named(session, name)] if name else session.videos()
    if not takes:
        raise KnownError("The project has no takes yet.", hint="Add videos with 'keyphase add'.")
    return takes
