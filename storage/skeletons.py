"""Skeletons of a project: those that ship with the program by name, a project's own as JSON in its file."""

from __future__ import annotations

from sqlalchemy import Connection, select

from models.domain.errors import KnownError
from models.domain.skeleton import Skeleton, load_skeleton, skeleton_names
from storage import schema

_PUT = schema.upsert(schema.skeletons)


def put(tx: Connection, skeleton: Skeleton) -> None:
    """Keep a skeleton of the project's own. Raises KnownError when its name is a shipped one's."""
    if skeleton.name in skeleton_names():
        raise KnownError(f"'{skeleton.name}' is a skeleton of Keyphase's own.", hint="Choose another name.")
    data = {
        "title": skeleton.title,
        "joints": list(skeleton.joints),
        "edges": [list(edge) for edge in skeleton.edges],
        "flip": list(skeleton.flip),
        "parents": list(skeleton.parents),
    }
    tx.execute(_PUT, {"name": skeleton.name, "data": data})


def get(tx: Connection, name: str) -> Skeleton:
    """A shipped skeleton or one of the project's own; KnownError when there is neither."""
    if name in skeleton_names():
        return load_skeleton(name)
    data = tx.execute(select(schema.skeletons.c.data).where(schema.skeletons.c.name == name)).scalar()
    if data is None:
        return load_skeleton(name)  # raises, naming those there are
    return Skeleton(
        name=name,
        title=data["title"],
        joints=tuple(data["joints"]),
        edges=tuple((a, b) for a, b in data["edges"]),
        flip=tuple(data["flip"]),
        parents=tuple(data["parents"]),
    )


def own_names(tx: Connection) -> list[str]:
    """Names of the skeletons kept in this project."""
    return list(tx.execute(select(schema.skeletons.c.name).order_by(schema.skeletons.c.name)).scalars())
