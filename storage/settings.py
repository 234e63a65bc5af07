"""Small JSON values kept in the project file: current ontology, view settings, names."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from storage import schema


def get(tx: Connection, key: str, default: Any = None) -> Any:
    """The value of `key`, or `default` when it was never put."""
    row = tx.execute(select(schema.settings.c.value).where(schema.settings.c.key == key)).first()
    return default if row is None else row.value


def put(tx: Connection, key: str, value: Any) -> None:
    """Keep a JSON value under `key`."""
    statement = insert(schema.settings).values(key=key, value=value)
    tx.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": statement.excluded.value}))
