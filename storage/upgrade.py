"""Bring a project file to the newest schema: the revisions in `storage/migrations`, run by Alembic from here.

There is no alembic.ini and no command line: the files lie in the package, so an installed wheel can do it
too. Alembic is imported only when there is something to do; opening a current file does not pay for it.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Engine, text

MIGRATIONS = Path(__file__).parent / "migrations"


def revision_of(connection: sqlite3.Connection) -> str:
    """The schema revision of an open file; "" when it has none."""
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return ""
        raise
    return str(row[0]) if row else ""


def back_up(path: Path, revision: str) -> Path:
    """Copy a project (with what is still in its journal) to `NAME.keyphase.backup-REVISION`.

    An earlier backup of that name is kept: the copy then gets a number behind it.
    """
    target = path.with_name(f"{path.name}.backup-{revision}")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.backup-{revision}-{number}")
    source, copy = sqlite3.connect(path), sqlite3.connect(target)
    try:
        source.backup(copy)
    except BaseException:
        copy.close()
        target.unlink(missing_ok=True)
        raise
    finally:
        source.close()
        copy.close()
    return target


def upgrade(engine: Engine) -> None:
    """Apply every missing revision in one transaction: the file has all of them or none."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")  # tables are rebuilt; checked as a whole below
        connection.rollback()
        with connection.begin():
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            broken = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
            if broken:
                raise ValueError(f"the new schema leaves rows that refer to nothing: {broken[:3]}")
