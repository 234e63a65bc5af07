"""Labels out to files, and in from them as one undo step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from app.change import ChangeSet, Command, Together
from app.commands import AddTrack, PutEvents, PutInterval, SaveOntology
from app.services.keypoint_table import export_keypoints
from app.services.media import refuse_sources
from app.session import Session
from models.domain.errors import KnownError
from storage import skeletons, tracks
from storage.formats.csv_format import export_csv, plan_csv, read_csv
from storage.formats.json_format import export_json, read_json
from storage.formats.json_plan import plan_json
from storage.formats.plan import ImportPlan, needed, report_of
from storage.project import Project


@dataclass(frozen=True, slots=True)
class LabelFormat:
    """losses: what the format cannot hold, one line."""

    name: str
    title: str
    suffix: str
    losses: str
    write: Callable[[Project, Path], None]


EXPORT_FORMATS = (
    LabelFormat("json", "Keyphase JSON", ".json", "", export_json),
    LabelFormat(
        "csv", "Table (CSV), one row per label", ".csv", "keypoints, key events without labels", export_csv
    ),
    LabelFormat(
        "keypoints",
        "Table of 2D keypoints (CSV), raw and smoothed",
        ".csv",
        "labels, 3D skeletons; it cannot be imported",
        export_keypoints,
    ),
)


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


def export_file(session: Session, name: str, path: Path) -> None:
    """Write the labels in format `name`. Raises KnownError when there is no such format, and where `path` is
    the project itself or the file of a take.
    """
    refuse_sources(session, path)
    for known in EXPORT_FORMATS:
        if known.name == name:
            known.write(session.project, path)
            return
    raise KnownError(
        f"There is no export format '{name}'.", hint=f"Known: {', '.join(f.name for f in EXPORT_FORMATS)}."
    )


def import_file(session: Session, path: Path) -> dict[str, Any]:
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
