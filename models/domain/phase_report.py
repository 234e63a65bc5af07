"""What is told about the phases of a project's takes: made by a service, shown and written by others."""

from __future__ import annotations

from dataclasses import dataclass

from models.domain.ontology import Ontology
from models.domain.phase_statistics import Band, Floats, PhaseSpan, Summary

ANGLE, SPEED = "angle", "speed"


@dataclass(frozen=True, slots=True)
class LabelledTake:
    """A take with phases. rater: whose labels were read, several joined by " + "."""

    uid: str
    name: str
    rater: str
    spans: tuple[PhaseSpan, ...]


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """A phase over takes: seconds and share of the take; outliers: names of takes that stand out."""

    name: str
    color: str
    seconds: Summary
    share: Summary
    spans: tuple[PhaseSpan, ...]
    outliers: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PhaseStatistics:
    """edges: (phases + 1,) of the phase axis. note: one line where something is missing, "" otherwise.

    left_out: names of takes without a phase. raters: everybody who labelled something in the project.
    """

    ontology: Ontology
    takes: tuple[LabelledTake, ...]
    left_out: tuple[str, ...]
    raters: tuple[str, ...]
    edges: Floats
    phases: tuple[PhaseRow, ...]
    note: str

    def name_of(self, take_uid: str) -> str:
        return next(take.name for take in self.takes if take.uid == take_uid)


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a curve shows. kind: "angle" or "speed"; joint: its name; dimensions: 2 or 3."""

    kind: str
    joint: str
    dimensions: int

    @property
    def unit(self) -> str:
        return "°" if self.kind == ANGLE else "torso lengths/s" if self.dimensions == 2 else "m/s"

    @property
    def title(self) -> str:
        what = f"{self.joint} angle" if self.kind == ANGLE else f"speed of {self.joint}"
        return f"{what}, {self.dimensions}D"


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """A quantity over the phase axis: (takes, G) with the names of the takes, their band, who stands out."""

    quantity: Quantity
    take_uids: tuple[str, ...]
    names: tuple[str, ...]
    values: Floats
    band: Band
    outliers: tuple[str, ...]
    note: str

    def lines(self, *, quartiles: bool) -> tuple[Floats, Floats, Floats]:
        """Middle, lower and upper line of the band: mean and one sd, or median and quartiles."""
        band = self.band
        if quartiles:
            return band.median, band.lower_quartile, band.upper_quartile
        return band.mean, band.mean - band.sd, band.mean + band.sd


def band_name(*, quartiles: bool) -> str:
    """What the lines of a band are called."""
    return "median and quartiles" if quartiles else "mean ± sd"
