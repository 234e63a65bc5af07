"""A job in a process of its own: `keyphase worker JOB.json`, which the window starts for trainings.

Why a process: it can be stopped at once, it cannot take the window down, and its memory goes with it.
The file describes the job. Standard output is one JSON object per line: {"step": …} after each step, then
{"result": …}, {"error": …, "hint": …} or {"stopped": true}. When standard input ends, or brings a line, the
job stops after its current step: so it never outlives the window that started it. What it has kept stays, and
the same job goes on from there.
"""

from __future__ import annotations

import json
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from models.domain.errors import KnownError

Job = Callable[[Mapping[str, Any]], Iterator[Any]]
STOPPED, FAILED = 3, 1


def _train_alignment(description: Mapping[str, Any]) -> Iterator[Any]:
    from app.services.train_alignment import TrainingPlan, train_on_takes

    yield from train_on_takes(TrainingPlan.from_json(description))


JOBS: dict[str, Job] = {"train-alignment": _train_alignment}


def work(file: Path, out: IO[str] | None = None, stop: IO[str] | None = None) -> int:
    """Run the job a file describes; returns the exit code. Steps are dataclasses; the last one is repeated as
    the result."""
    out = out or sys.stdout
    asked_to_stop = threading.Event()
    threading.Thread(target=_listen, args=(stop or sys.stdin, asked_to_stop), daemon=True).start()
    try:
        steps = _job(file)
        last: dict[str, Any] = {}
        for step in steps:
            last = asdict(step)
            _tell(out, {"step": last})
            if asked_to_stop.is_set() and last["done"] < last["total"]:
                steps.close()  # type: ignore[attr-defined]
                _tell(out, {"stopped": True})
                return STOPPED
        _tell(out, {"result": last})
    except KnownError as error:
        _tell(out, {"error": error.message, "hint": error.hint})
        return FAILED
    except OSError as error:
        _tell(out, {"error": f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), "hint": ""})
        return FAILED
    except Exception as error:
        report = traceback.format_exc()
        _tell(out, {"error": f"{type(error).__name__}: {error}", "hint": "", "report": report})
        return FAILED
    return 0


def _job(file: Path) -> Iterator[Any]:
    try:
        description = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise KnownError(f"The job file {file.name} cannot be read.", hint=str(error)) from None
    kind = description.get("kind") if isinstance(description, dict) else None
    if kind not in JOBS:
        raise KnownError(f"The job file {file.name} names no known job.", hint=f"Known: {', '.join(JOBS)}.")
    return JOBS[kind](description)


def _listen(stop: IO[str], asked_to_stop: threading.Event) -> None:
    stop.readline()
    asked_to_stop.set()


def _tell(out: IO[str], line: Mapping[str, Any]) -> None:
    out.write(json.dumps(line) + "\n")
    out.flush()
