"""`keyphase people`: who is who in the poses of a take. People are numbered from 1, frames from 0."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from app.change import Command
from app.cli_shared import AsJson, ProjectPath, opened, show, take_named
from app.people_commands import (
    MergePeople,
    MovePerson,
    NamePerson,
    RemovePerson,
    SplitPerson,
    SwapPeople,
)

people_app = typer.Typer(no_args_is_help=True)
Take = Annotated[str, typer.Option("--video", metavar="NAME", help="Take.", show_default=False)]
Who = Annotated[int, typer.Argument(min=1, metavar="PERSON", help="Number, from 1.", show_default=False)]
Other = Annotated[int, typer.Argument(min=1, metavar="OTHER", help="Number, from 1.", show_default=False)]


@people_app.command("list")
def list_people(project: ProjectPath, video: Take, as_json: AsJson = False) -> None:
    """Tell who is seen when."""
    from app.services.edit_people import people_of

    with opened(project, read_only=True) as session:
        people = people_of(session, take_named(session, video).uid)
    if as_json:
        show([asdict(person) for person in people], True)
        return
    table = Table("person", "name", "frames seen", "corrected joints", "from–to", box=SIMPLE_HEAD)
    for person in people:
        spans = [f"{start}–{stop - 1}" for start, stop in person.stretches]
        told = ", ".join(spans[:6]) + (f" and {len(spans) - 6} more" if len(spans) > 6 else "")
        table.add_row(
            str(person.number), person.name, str(person.frames_seen), str(person.corrected_joints), told
        )
    Console().print(table)


@people_app.command()
def swap(
    project: ProjectPath,
    a: Who,
    b: Other,
    video: Take,
    start: Annotated[int, typer.Option("--from", min=0, metavar="FRAME", help="First frame.")] = 0,
    stop: Annotated[
        int | None, typer.Option("--to", min=0, metavar="FRAME", help="First frame no more; none: the end.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let two people change places from a frame on, or in a range."""

    def command(uid: str, frames: int) -> SwapPeople:
        return SwapPeople(uid, a - 1, b - 1, start, frames if stop is None else stop)

    _edit(project, video, command, f"Swapped {a} and {b}.", as_json)


@people_app.command()
def split(
    project: ProjectPath,
    person: Who,
    video: Take,
    at: Annotated[int, typer.Option("--at", min=0, metavar="FRAME", help="First frame of the new person.")],
    as_json: AsJson = False,
) -> None:
    """From a frame on, a person is somebody else, who gets a new number."""
    _edit(project, video, lambda uid, _: SplitPerson(uid, person - 1, at), f"Split {person}.", as_json)


@people_app.command()
def merge(project: ProjectPath, person: Who, into: Other, video: Take, as_json: AsJson = False) -> None:
    """PERSON was OTHER all the time: its poses become OTHER's."""
    text = f"Merged {person} into {into}."
    _edit(project, video, lambda uid, _: MergePeople(uid, person - 1, into - 1), text, as_json)


@people_app.command()
def delete(project: ProjectPath, person: Who, video: Take, as_json: AsJson = False) -> None:
    """Remove a person from all frames."""
    _edit(project, video, lambda uid, _: RemovePerson(uid, person - 1), f"Deleted {person}.", as_json)


@people_app.command()
def move(project: ProjectPath, person: Who, to: Other, video: Take, as_json: AsJson = False) -> None:
    """Give a person another number; the first is the main one, for alignment."""
    _edit(
        project,
        video,
        lambda uid, _: MovePerson(uid, person - 1, to - 1),
        f"{person} is {to} now.",
        as_json,
    )


@people_app.command()
def name(
    project: ProjectPath,
    person: Who,
    text: Annotated[str, typer.Argument(metavar="NAME", help="Empty: by number only.")],
    video: Take,
    as_json: AsJson = False,
) -> None:
    """Name a person."""
    _edit(
        project,
        video,
        lambda uid, _: NamePerson(uid, person - 1, text),
        f"{person} is called {text}.",
        as_json,
    )


def _edit(
    project: Path, video: str, command: Callable[[str, int], Command], text: str, as_json: bool
) -> None:
    """Carry out a command, made from the uid and number of frames of the track on screen."""
    from app.services.edit_people import edit_people, people_of, shown_poses

    with opened(project) as session:
        take = take_named(session, video)
        info, _ = shown_poses(session, take.uid)
        edit_people(session, command(info.uid, info.frames))
        people = people_of(session, take.uid)
        show([asdict(person) for person in people], as_json, f"{text} The take shows {len(people)} now.")
