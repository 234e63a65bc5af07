"""Import labels from files, as one undo step. (Exports are plain functions of `storage.formats`.)"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from app.change import ChangeSet, Command, Together
from app.commands import AddTrack, PutEvents, PutInterval, SaveOntology
from app.session import Session
from storage import skeletons, tracks
from storage.formats.csv_format import plan_csv, read_csv
from storage.formats.json_format import read_json
from storage.formats.json_plan import plan_json
from storage.formats.plan import ImportPlan, needed, report_of


@dataclass(frozen=True, slots=True)
class ImportLabels:
    """Put what an import plan holds into the project. Undo leaves skeletons that came along."""

    plan: ImportPlan
    text: str = "import labels"

    def apply(self, tx: Connection) -> ChangeSet:
        for skeleton in self.plan.skeletons:
            skeletons.put(tx, skeleton)
        commands: list[Command] = [SaveOntology(ontology) for ontology in self.plan.ontologies]
        commands.append(PutEvents(self.plan.events))
        commands += [PutInterval(interval) for interval in self.plan.intervals]
        commands += [AddTrack(info) for info, _ in self.plan.tracks]
        change = Together(self.text, tuple(commands)).apply(tx)
        for info, track in self.plan.tracks:
            tracks.write_frames(tx, info.uid, 0, track.values, track.origin)
        return change


def import_file(session: Session, path: Path) -> dict[str, object]:
    """Import a CSV table or a JSON export; what it says by its name's ending. All of it or nothing.

    Returns counts by kind, and "lines": the report for people. Raises KnownError naming what does not fit.
    """
    is_table = path.suffix.lower() == ".csv"
    rows = read_csv(path) if is_table else []
    record = None if is_table else read_json(path)
    with session.project.reading() as tx:
        plan, unchanged = needed(tx, plan_csv(tx, rows) if record is None else plan_json(tx, record))
    report = report_of(plan, unchanged)
    if report.events or report.intervals or report.tracks or report.ontologies:
        session.history.do(ImportLabels(plan))
    return {
        "events": report.events,
        "intervals": report.intervals,
        "tracks": report.tracks,
        "ontologies": report.ontologies,
        "unchanged": report.unchanged,
        "lines": list(report.lines),
    }
