"""A project: one SQLite file `*.keyphase` that holds everything but the videos.

Every edit is one committed transaction (WAL, synchronous=FULL), so there is nothing to save and a crash loses
nothing that was acknowledged. One process writes; others may read. What the world does to a file (moved,
locked, damaged, newer than this program) is a `KnownError` of one line with a way out.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Engine, bindparam, create_engine, event, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from models.domain.errors import BugError, KnownError
from models.domain.ontology import Ontology
from storage import ontologies, schema
from storage.lock import FileLock
from storage.upgrade import back_up, revision_of, upgrade

_PRAGMAS = ("foreign_keys=ON", "synchronous=FULL", "trusted_schema=OFF", "cell_size_check=ON")
_NOTE_CHANGE = update(schema.session).values(
    clean=False, changes=schema.session.c.changes + 1, last_change_at=bindparam("now")
)
_BUSY_S = 10.0


class Project:
    """An open project file. Usable from several threads: each `with` block has a connection of its own."""

    def __init__(self, path: Path, engine: Engine, lock: FileLock | None, recovered: str) -> None:
        """Used by `create` and `open`. lock: None = read-only."""
        self.path = path
        self.read_only = lock is None
        self.recovered = recovered
        self._engine = engine
        self._lock = lock
        self._writing = threading.Lock()
        self._writer = 0

    @classmethod
    def create(cls, path: Path, ontology: Ontology) -> Project:
        """Make a new project file with `ontology` as the current one, and open it for writing.

        Raises KnownError when the file exists already, or its folder is missing or cannot be written to.
        """
        path = Path(path).absolute()
        if path.exists():
            raise KnownError(f"{path.name} exists already.", hint="Open it, or choose another name.")
        if not path.parent.is_dir():
            raise KnownError(f"There is no folder {path.parent}.", hint="Make it, or choose another place.")
        lock = _take_lock(path)
        draft = path.with_name(f".{path.name}.new")
        try:
            draft.unlink(missing_ok=True)
            engine = _engine(draft, "rwc")
            try:
                with _world_errors(path):
                    upgrade(engine)
                    with engine.begin() as tx:
                        tx.exec_driver_sql(f"PRAGMA application_id={schema.APPLICATION_ID}")
                        tx.execute(
                            schema.session.insert().values(id=1, clean=True, changes=0, last_change_at="")
                        )
                        ontologies.save(tx, ontology)
                        ontologies.set_current(tx, ontology.uid)
            finally:
                engine.dispose()
            draft.replace(path)
            return cls._open_for_writing(path, lock)
        except BaseException:
            draft.unlink(missing_ok=True)
            lock.release()
            raise

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Project:
        """Open a project file; an older one is copied to `NAME.backup-REVISION` and brought up to date.

        Raises KnownError: missing, a folder, not a Keyphase project, damaged, made by a newer Keyphase, in a
        folder that cannot be written to, or open in another process (the last two can be opened read-only).
        """
        path = Path(path).absolute()
        _check_header(path)
        if read_only:
            return cls._open_for_reading(path)
        lock = _take_lock(path)
        try:
            return cls._open_for_writing(path, lock)
        except BaseException:
            lock.release()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One change of the project: committed as a whole at the end, undone as a whole by an exception."""
        if self.read_only:
            raise KnownError(
                f"{self.path.name} is open read-only.",
                hint="Close it in the other window, then open it again here.",
            )
        if self._writer == threading.get_ident():
            raise BugError("a transaction was begun inside a transaction")
        with self._writing:
            self._writer = threading.get_ident()
            try:
                with (
                    _world_errors(self.path),
                    self._engine.connect().execution_options(write=True) as tx,
                    tx.begin(),
                ):
                    driver = tx.connection.driver_connection
                    assert driver is not None
                    before = driver.total_changes
                    yield tx
                    if driver.total_changes != before:
                        _note_change(tx)
            finally:
                self._writer = 0

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view of the project as of now; never waits for a writer."""
        with _world_errors(self.path), self._engine.connect() as tx:
            yield tx

    def close(self) -> None:
        """Close the file; notes that the session ended cleanly. A second call does nothing."""
        lock, self._lock = self._lock, None
        try:
            if lock is not None:
                with self._writing, _world_errors(self.path):
                    with self._engine.connect().execution_options(write=True) as tx, tx.begin():
                        _note_clean_end(tx)
                    self.read_only = True
        finally:
            self._engine.dispose()
            if lock is not None:
                lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def _open_for_writing(cls, path: Path, lock: FileLock) -> Project:
        with _world_errors(path), closing(sqlite3.connect(path, timeout=_BUSY_S)) as plain:
            revision = revision_of(plain)
            _check_revision(path, revision)
            plain.execute("PRAGMA journal_mode=WAL")
        engine = _engine(path, "rw")
        try:
            with _world_errors(path):
                if revision != schema.REVISION:
                    back_up(path, revision)
                    upgrade(engine)
                with engine.connect().execution_options(write=True) as tx, tx.begin():
                    recovered = _recovery_line(tx)
                    _note_clean_end(tx)
        except BaseException:
            engine.dispose()
            raise
        return cls(path, engine, lock, recovered)

    @classmethod
    def _open_for_reading(cls, path: Path) -> Project:
        # Reading a WAL file makes small files beside it; where that is not allowed and no other process can
        # be writing, the file is read as one that never changes.
        wal = path.with_name(path.name + "-wal")
        frozen = not os.access(path.parent, os.W_OK) and not wal.exists()
        engine = _engine(path, "ro", immutable=frozen)
        try:
            with _world_errors(path), engine.connect() as tx:
                driver = tx.connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)
                revision = revision_of(driver)
                _check_revision(path, revision)
        except BaseException:
            engine.dispose()
            raise
        if revision != schema.REVISION:
            engine.dispose()
            raise KnownError(
                f"{path.name} was made by an older Keyphase and must be brought up to date first.",
                hint="Open it once for writing; a backup is made beside it.",
            )
        return cls(path, engine, None, "")


def _engine(path: Path, mode: str, *, immutable: bool = False) -> Engine:
    uri = f"{path.as_uri()}?mode={mode}" + ("&immutable=1" if immutable else "")

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_S
        )
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=8, max_overflow=-1)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("write", mode == "rwc")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _take_lock(path: Path) -> FileLock:
    lock = FileLock(path.with_name(path.name + ".lock"))
    try:
        taken = lock.acquire()
    except OSError as error:
        raise KnownError(
            f"The folder {path.parent} cannot be written to ({error.strerror}).",
            hint="Copy the project to a folder of yours, or open it read-only.",
        ) from None
    if not taken:
        raise KnownError(
            f"{path.name} is open in another Keyphase ({lock.holder()}).",
            hint="Close it there, or open it here read-only.",
        )
    return lock


def _check_header(path: Path) -> None:
    if path.is_dir():
        raise KnownError(f"{path.name} is a folder, not a project.", hint="Choose a .keyphase file.")
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except FileNotFoundError:
        raise KnownError(f"There is no file {path}.", hint="Check the name, or make a new project.") from None
    except OSError as error:
        message = f"{path.name} cannot be read ({error.strerror})."
        raise KnownError(message, hint="Check its permissions.") from None
    if header[:16] != b"SQLite format 3\0" or int.from_bytes(header[68:72], "big") != schema.APPLICATION_ID:
        what = "is empty" if not header else "is not a Keyphase project"
        raise KnownError(f"{path.name} {what}.", hint="Choose a .keyphase file, or go back to a backup.")


def _check_revision(path: Path, revision: str) -> None:
    if not (revision.isdecimal() and len(revision) == len(schema.REVISION)):
        message = f"{path.name} is damaged: its schema version is missing."
        raise KnownError(message, hint="Go back to a backup of it.")
    if revision > schema.REVISION:
        raise KnownError(
            f"{path.name} was made by a newer Keyphase (schema {revision}, here {schema.REVISION}).",
            hint="Update Keyphase to open it.",
        )


def _note_change(tx: Connection) -> None:
    tx.execute(_NOTE_CHANGE, {"now": datetime.now(UTC).isoformat(timespec="seconds")})


def _note_clean_end(tx: Connection) -> None:
    tx.execute(update(schema.session).where(~schema.session.c.clean).values(clean=True, changes=0))


def _recovery_line(tx: Connection) -> str:
    row = tx.execute(select(schema.session)).one()
    if row.clean:
        return ""
    changes = "1 change" if row.changes == 1 else f"{row.changes} changes"
    when = datetime.fromisoformat(row.last_change_at).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"The project was not closed properly last time; {changes} up to {when} were recovered."


@contextmanager
def _world_errors(path: Path) -> Iterator[None]:
    """Turn what the disk or other programs do to the file into a KnownError."""
    try:
        yield
    except (sqlite3.Error, DBAPIError) as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(original, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code not in _WORLD:
            raise
        message, hint = _WORLD[code]
        raise KnownError(message.format(name=path.name), hint=hint) from error


_DAMAGED = ("{name} is damaged.", "Go back to a backup of it, or copy it and ask for help with the copy.")
_WORLD = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: ("The disk is full; {name} was not changed.", "Make room, then do it again."),
    sqlite3.SQLITE_IOERR: ("The disk failed while using {name}.", "Check the disk and its connection."),
    sqlite3.SQLITE_READONLY: ("{name} cannot be written to.", "Check its permissions, or open it read-only."),
    sqlite3.SQLITE_PERM: ("{name} cannot be written to.", "Check its permissions, or open it read-only."),
    sqlite3.SQLITE_CANTOPEN: ("{name} cannot be opened.", "Check that it and its folder may be written to."),
    sqlite3.SQLITE_BUSY: (
        "{name} is in use by another program.",
        "Close that program, or open it read-only.",
    ),
}
