"""A job in a process of its own tells its steps, stops when asked, and says what went wrong in one line."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import worker
from models.domain.errors import KnownError
from models.domain.progress import Progress


class Silence(io.StringIO):
    """Standard input of a parent that says nothing until it is asked to."""

    def __init__(self) -> None:
        super().__init__()
        import threading

        self.spoken = threading.Event()

    def readline(self, *_: Any) -> str:  # type: ignore[override]
        self.spoken.wait()
        return "stop\n"


def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, job: Any, stop: io.StringIO | None = None
) -> tuple[int, list[dict[str, Any]]]:
    monkeypatch.setitem(worker.JOBS, "try", job)
    file = tmp_path / "job.json"
    file.write_text(json.dumps({"kind": "try", "count": 3}))
    out = io.StringIO()
    code = worker.work(file, out, stop or Silence())
    return code, [json.loads(line) for line in out.getvalue().splitlines()]


def test_every_step_is_told_and_the_last_one_is_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def job(description: dict[str, Any]) -> Iterator[Progress]:
        for k in range(description["count"]):
            yield Progress(k + 1, 3, f"step {k + 1}")

    code, said = run(tmp_path, monkeypatch, job)
    assert code == 0
    assert [line["step"]["done"] for line in said[:-1]] == [1, 2, 3]
    assert said[-1] == {"result": {"done": 3, "total": 3, "note": "step 3"}}


def test_a_word_from_the_parent_stops_it_after_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent, kept = Silence(), []

    def job(_description: dict[str, Any]) -> Iterator[Progress]:
        try:
            for k in range(100_000):
                if k == 5:
                    parent.spoken.set()
                time.sleep(0.001)  # so that the listening thread gets its turn
                yield Progress(k, 100_000)
        except GeneratorExit:
            kept.append(k)
            raise

    code, said = run(tmp_path, monkeypatch, job, parent)
    assert code == worker.STOPPED and said[-1] == {"stopped": True}
    assert kept and 5 <= kept[0] < 99_000  # the job could save where it was


def test_what_the_world_did_is_one_line_and_a_bug_has_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_description: dict[str, Any]) -> Iterator[Progress]:
        raise KnownError("There is one take.", hint="Add another.")
        yield

    code, said = run(tmp_path, monkeypatch, refused)
    assert code == worker.FAILED and said == [{"error": "There is one take.", "hint": "Add another."}]

    def broken(_description: dict[str, Any]) -> Iterator[Progress]:
        yield Progress(0, 1)
        raise ZeroDivisionError("of ours")

    code, said = run(tmp_path, monkeypatch, broken)
    assert code == worker.FAILED and said[-1]["error"] == "ZeroDivisionError: of ours"
    assert "Traceback" in said[-1]["report"]


@pytest.mark.parametrize("text", ["", "[]", '{"kind": "unheard of"}', "{"])
def test_a_damaged_description_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "job.json"
    file.write_text(text)
    out = io.StringIO()
    assert worker.work(file, out, Silence()) == worker.FAILED
    assert "job.json" in json.loads(out.getvalue())["error"]
