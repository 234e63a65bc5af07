"""Small JSON values kept in the project file: current ontology, view settings, names."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from storage import schema

_PUT = schema.upsert(schema.settings)


def get(tx: Connection, key: str, default: Any = None) -> Any:
    """The value of `key`, or `default` when it was never put."""
    row = tx.execute(select(schema.settings.c.value).where(schema.settings.c.key == key)).first()
    return default if row is None else row.value


def put(tx: Connection, key: str, value: Any) -> None:
    """Keep a JSON value under `key`."""
    tx.execute(_PUT, {"key": key, "value": value})
