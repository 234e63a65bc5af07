"""Jobs: generators that report progress. Here: how the command line runs one to its end."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from models.domain.progress import Progress


def run_job(job: Iterable[Progress], *, quiet: bool = False) -> Progress | None:
    """Run a job to its end, with a progress bar on a terminal. Returns the last progress.

    Ctrl+C stops between two steps; what was committed stays, and the job goes on there next time.
    """
    last = None
    for step in _shown(job) if not quiet and sys.stderr.isatty() else job:
        last = step
    return last


def _shown(job: Iterable[Progress]) -> Iterable[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task, note = None, None
        for step in job:
            family = step.note.split(":")[0]
            if task is None or family != note:
                if task is not None:
                    bar.remove_task(task)
                task, note = bar.add_task(step.note, total=step.total or None), family
            bar.update(task, completed=step.done, total=step.total or None, description=step.note)
            yield step
