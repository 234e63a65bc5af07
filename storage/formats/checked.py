"""Take values out of a file that somebody else wrote. What does not fit is a KnownError naming the place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NoReturn

from models.domain.errors import KnownError
from models.domain.labels import LabelOrigin

_INT64 = 2**63
_TEXT = 10_000


@dataclass(frozen=True, slots=True)
class Record:
    """One object of a file: `data` by field name, `place` for messages, e.g. "events[3] of labels.json"."""

    data: dict[str, Any]
    place: str

    def fail(self, field: str, what: str) -> NoReturn:
        raise KnownError(f"{self.place}: '{field}' {what}.", hint="Mend the file, then import it again.")

    def text(self, field: str, default: str | None = None) -> str:
        """A text of at most 10,000 characters; required without a `default`."""
        value = self.data.get(field, default)
        if not isinstance(value, str):
            self.fail(field, "is missing" if value is None else "must be text")
        if len(value) > _TEXT or "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            self.fail(field, "is no text that can be kept")
        return value

    def name(self, field: str) -> str:
        """A text that is not empty."""
        value = self.text(field)
        if not value.strip():
            self.fail(field, "is empty")
        return value

    def integer(
        self, field: str, low: int = -_INT64, high: int = _INT64 - 1, default: int | None = None
    ) -> int:
        """A whole number in low..high; required without a `default`."""
        value = self.data.get(field, default)
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(field, "is missing" if value is None else "must be a whole number")
        if not low <= value <= high:
            self.fail(field, f"must lie between {low} and {high}")
        return value

    def number(self, field: str, low: float, high: float, default: float) -> float:
        """A finite number in low..high."""
        value = self.data.get(field, default)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            self.fail(field, "must be a number")
        if not (math.isfinite(value) and low <= value <= high):
            self.fail(field, f"must lie between {low:g} and {high:g}")
        return float(value)

    def flag(self, field: str, default: bool) -> bool:
        value = self.data.get(field, default)
        if not isinstance(value, bool):
            self.fail(field, "must be true or false")
        return value

    def origin(self, field: str = "origin") -> LabelOrigin:
        """Who set a label; "imported" where the file does not say."""
        value = self.text(field, LabelOrigin.IMPORTED.value) or LabelOrigin.IMPORTED.value
        if value not in [origin.value for origin in LabelOrigin]:
            self.fail(field, f"must be one of {', '.join(LabelOrigin)}")
        return LabelOrigin(value)

    def items(self, field: str) -> list[Any]:
        """A list; missing = empty."""
        value = self.data.get(field, [])
        if not isinstance(value, list):
            self.fail(field, "must be a list")
        return value

    def records(self, field: str) -> list[Record]:
        """A list of objects; missing = empty."""
        found = []
        for i, value in enumerate(self.items(field)):
            place = f"{field}[{i}] in {self.place}"
            if not isinstance(value, dict):
                raise KnownError(f"{place} must be an object.", hint="Mend the file, then import it again.")
            found.append(Record(value, place))
        return found

    def names(self, field: str) -> tuple[str, ...]:
        """A list of texts."""
        values = self.items(field)
        return tuple(Record({field: value}, self.place).text(field) for value in values)


def refuse_repeated(uids: list[str], place: str) -> None:
    """KnownError when a uid occurs twice."""
    seen: set[str] = set()
    for uid in uids:
        if uid in seen:
            raise KnownError(
                f"{place}: the uid '{uid}' occurs twice.", hint="Mend the file, then import it again."
            )
        seen.add(uid)
