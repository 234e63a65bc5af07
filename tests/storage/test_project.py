"""The project file: what it keeps, and what it says when the world is in the way."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from models.domain.errors import BugError, KnownError
from models.domain.labels import Interval
from models.domain.ontology import load_ontology
from models.domain.timebase import Span
from storage import alignments, anchors, labels, ontologies, schema, settings, upgrade, videos
from storage.project import Project
from tests.example_project import ANCHOR, EVENTS, INTERVALS, everything, full_project

# as it was before intervals could be suggestions
PLAIN_INTERVAL = Interval("i1", "left", "hands", "one", Span(3003, 6006), note="x")
ROOT = Path(__file__).parents[2]


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def set_pragma(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_project_keeps_what_was_put_in(tmp_path: Path) -> None:
    with full_project(tmp_path) as project:
        before = everything(project)
    with Project.open(tmp_path / "p.keyphase") as project:
        assert everything(project) == before
        assert project.recovered == ""
        with project.reading() as tx:
            assert ontologies.current(tx) == load_ontology("pouring")
            assert set(labels.events(tx)) == set(EVENTS)
            assert set(labels.intervals(tx)) == set(INTERVALS)
    assert [path.name for path in tmp_path.iterdir()] == ["p.keyphase"], (
        "nothing is left beside a closed project"
    )


def test_the_file_is_set_up_to_lose_nothing(tmp_path: Path) -> None:
    with full_project(tmp_path) as project, project.reading() as tx:
        pragma = {
            name: tx.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "application_id")
        }
    assert pragma == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "application_id": schema.APPLICATION_ID,
    }


def test_revisions_and_tables_agree(tmp_path: Path) -> None:
    script = ScriptDirectory(str(upgrade.MIGRATIONS))
    assert script.get_heads() == [schema.REVISION]
    with full_project(tmp_path) as project, project.reading() as tx:
        assert compare_metadata(MigrationContext.configure(tx), schema.metadata) == []


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    with full_project(tmp_path) as project:
        before = everything(project)
        with pytest.raises(RuntimeError), project.transaction() as tx:
            videos.remove(tx, "left")
            raise RuntimeError
        assert everything(project) == before


def test_a_transaction_inside_a_transaction_is_a_bug(tmp_path: Path) -> None:
    with (
        full_project(tmp_path) as project,
        project.transaction(),
        pytest.raises(BugError),
        project.transaction(),
    ):
        pass


def test_threads_write_one_after_the_other_and_read_meanwhile(tmp_path: Path) -> None:
    with full_project(tmp_path) as project:

        def write(name: int) -> None:
            for number in range(20):
                with project.transaction() as tx:
                    settings.put(tx, f"{name}/{number}", settings.get(tx, "sum", 0))
                    settings.put(tx, "sum", settings.get(tx, "sum", 0) + 1)
                with project.reading() as tx:
                    assert settings.get(tx, f"{name}/{number}") is not None

        threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with project.reading() as tx:
            assert settings.get(tx, "sum") == 80


@pytest.mark.parametrize("content", [b"", b"not a database" * 20, b"SQLite format 3\0" + b"\0" * 200])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.keyphase"
    path.write_bytes(content)
    for read_only in (False, True):
        with pytest.raises(KnownError, match=r"other\.keyphase is") as caught:
            Project.open(path, read_only=read_only)
        assert caught.value.hint
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    set_pragma(tmp_path / "other.db", "CREATE TABLE alembic_version (version_num TEXT)")
    with pytest.raises(KnownError, match="is not a Keyphase project"):
        Project.open(tmp_path / "other.db")


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="There is no file"):
        Project.open(tmp_path / "none.keyphase")
    with pytest.raises(KnownError, match="is a folder"):
        Project.open(tmp_path)
    with pytest.raises(KnownError, match="There is no folder"):
        Project.create(tmp_path / "none" / "p.keyphase", load_ontology("pouring"))


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "p.keyphase"
    path.write_text("precious")
    with pytest.raises(KnownError, match="exists already"):
        Project.create(path, load_ontology("pouring"))
    assert path.read_text() == "precious"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere"
)
def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    full_project(tmp_path).close()
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(KnownError, match="cannot be written to") as caught:
            Project.open(tmp_path / "p.keyphase")
        assert "read-only" in caught.value.hint
        with Project.open(tmp_path / "p.keyphase", read_only=True) as project, project.reading() as tx:
            assert len(videos.all_videos(tx)) == 2
    finally:
        tmp_path.chmod(0o755)


def test_damage_is_reported_in_one_line(tmp_path: Path) -> None:
    full_project(tmp_path).close()
    path = tmp_path / "p.keyphase"
    data = bytearray(path.read_bytes())
    data[100 : len(data) // 2] = b"\xff" * (len(data) // 2 - 100)
    path.write_bytes(data)
    with pytest.raises(KnownError, match="is damaged"):
        Project.open(path)
    assert not path.with_name("p.keyphase.lock").exists()


def test_a_damaged_track_row_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    from storage import tracks

    full_project(tmp_path).close()
    set_pragma(
        tmp_path / "p.keyphase", "UPDATE track_chunks SET data = zeroblob(length(data)) WHERE chunk = 1"
    )
    with Project.open(tmp_path / "p.keyphase") as project, project.reading() as tx:
        with pytest.raises(KnownError, match="keypoints from frame 256 on"):
            tracks.read(tx, "track1")
        assert tracks.read_frames(tx, "track1", 0, 256).frames == 256


def test_a_newer_project_is_refused(tmp_path: Path) -> None:
    full_project(tmp_path).close()
    set_pragma(tmp_path / "p.keyphase", "UPDATE alembic_version SET version_num = '9999'")
    for read_only in (False, True):
        with pytest.raises(KnownError, match="newer Keyphase") as caught:
            Project.open(tmp_path / "p.keyphase", read_only=read_only)
        assert "Update" in caught.value.hint


def test_an_older_project_is_copied_and_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_project(tmp_path).close()
    path, released = tmp_path / "p.keyphase", schema.REVISION
    later = tmp_path / "migrations"
    shutil.copytree(upgrade.MIGRATIONS, later)
    (later / "versions" / "0099_next.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        f"revision, down_revision = '0099', '{schema.REVISION}'\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('events') as table:\n"
        "        table.alter_column('note', nullable=True)\n"
        "    op.add_column('videos', sa.Column('extra', sa.Text))\n"
    )
    monkeypatch.setattr(upgrade, "MIGRATIONS", later)
    monkeypatch.setattr(schema, "REVISION", "0099")
    with pytest.raises(KnownError, match="older Keyphase"):
        Project.open(path, read_only=True)
    original = path.read_bytes()
    with Project.open(path) as project, project.reading() as tx:
        assert tx.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0099"
        assert set(labels.events(tx)) == set(EVENTS), "rebuilding a table keeps its rows"
        assert tx.execute(text("SELECT count(*) FROM videos WHERE extra IS NULL")).scalar() == 2
    backup = tmp_path / f"p.keyphase.backup-{released}"
    assert sqlite3.connect(backup).execute("SELECT count(*) FROM events").fetchone() == (len(EVENTS),)

    path.write_bytes(original)  # a second time: the first backup is kept
    Project.open(path).close()
    assert (tmp_path / f"p.keyphase.backup-{released}-2").exists()


def test_a_failing_upgrade_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full_project(tmp_path).close()
    later = tmp_path / "migrations"
    shutil.copytree(upgrade.MIGRATIONS, later)
    (later / "versions" / "0099_next.py").write_text(
        f"from alembic import op\nrevision, down_revision = '0099', '{schema.REVISION}'\n"
        "def upgrade():\n    op.drop_table('events')\n    raise RuntimeError('half way')\n"
    )
    with monkeypatch.context() as patch:
        patch.setattr(upgrade, "MIGRATIONS", later)
        patch.setattr(schema, "REVISION", "0099")
        with pytest.raises(RuntimeError, match="half way"):
            Project.open(tmp_path / "p.keyphase")
    with Project.open(tmp_path / "p.keyphase") as project, project.reading() as tx:
        assert len(labels.events(tx)) == len(EVENTS)


@pytest.mark.parametrize("number", range(1, int(schema.REVISION) + 1))
def test_projects_of_every_released_schema_open(tmp_path: Path, number: int) -> None:
    name = f"schema_{number:04}.keyphase"
    shutil.copy(ROOT / "tests" / "data" / name, tmp_path / name)
    with Project.open(tmp_path / name) as project, project.reading() as tx:
        known = set(EVENTS) if number >= 4 else {replace(e, source_video_uid="", model="") for e in EVENTS}
        assert set(labels.events(tx)) == known
        spans = INTERVALS if number >= 5 else (INTERVALS[0], PLAIN_INTERVAL, INTERVALS[2])
        assert set(labels.intervals(tx)) == set(spans)
        assert alignments.get(tx, "left", "right") is not None
        assert anchors.all_anchors(tx) == ([ANCHOR] if number >= 4 else [])
        assert [video.name for video in videos.all_videos(tx)] == ["left cam", "right cam"]
        assert compare_metadata(MigrationContext.configure(tx), schema.metadata) == []
        checked = text("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%CHECK%'")
        assert set(tx.execute(checked).scalars()) == {"tracks", "intervals", "session"}
        assert tx.execute(text("PRAGMA foreign_key_check")).all() == []


def test_a_second_process_is_told_who_has_the_project(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from models.domain.errors import KnownError\nfrom storage.project import Project\n"
        "from storage import videos\n"
        "try:\n    Project.open(Path(sys.argv[1]))\n"
        "except KnownError as error:\n    print(error.message); print(error.hint)\n"
        "with Project.open(Path(sys.argv[1]), read_only=True) as project:\n"
        "    with project.reading() as tx: print(len(videos.all_videos(tx)))\n"
        "    try:\n        project.transaction().__enter__()\n"
        "    except KnownError as error: print(error.message)\n"
    )
    with full_project(tmp_path) as project:
        before = everything(project)
        done = run_python(code, project.path)
        assert done.stdout.splitlines() == [
            f"p.keyphase is open in another Keyphase ({project._lock.holder()}).",  # type: ignore[union-attr]
            "Close it there, or open it here read-only.",
            "2",
            "p.keyphase is open read-only.",
        ], done.stderr
        assert str(os.getpid()) in done.stdout
        assert everything(project) == before
    assert "another Keyphase" not in run_python(code, tmp_path / "p.keyphase").stdout


def test_after_a_crash_the_project_says_what_was_recovered(tmp_path: Path) -> None:
    full_project(tmp_path).close()
    code = (
        "import os, sys; from pathlib import Path\n"
        "from storage.project import Project\nfrom storage import settings\n"
        "project = Project.open(Path(sys.argv[1]))\n"
        "for i in range(int(sys.argv[2])):\n"
        "    with project.transaction() as tx: settings.put(tx, 'n', i)\n"
        "os._exit(9)\n"
    )
    path = tmp_path / "p.keyphase"
    assert run_python(code, path, 3).returncode == 9
    with Project.open(path) as project, project.reading() as tx:
        assert "3 changes up to 20" in project.recovered
        assert project.recovered.endswith("were recovered.")
        assert settings.get(tx, "n") == 2
    with Project.open(path) as project:
        assert project.recovered == "", "it is said once"
    run_python(code, path, 0)
    with Project.open(path) as project:
        assert project.recovered == "", "nothing had been changed"
