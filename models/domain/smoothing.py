"""How the poses of a track are smoothed: settings that are kept with the track, in seconds and hertz.

Smoothed poses are never stored. They follow from the raw track and these settings whenever they are wanted
(`models.run.smooth`), so they cannot be out of date and raw values are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from models.domain.errors import KnownError

Method = Literal["savgol", "one-euro"]
METHODS: tuple[str, ...] = get_args(Method)
TITLES = {"savgol": "Savitzky–Golay", "one-euro": "one-euro"}


@dataclass(frozen=True, slots=True)
class Smoothing:
    """Settings of one method; those of the other are without effect. Raises KnownError where they make no
    sense.

    window_s: length of the Savitzky–Golay window. order: of its polynomial. min_cutoff_hz: of the one-euro
    filter at rest. beta: how much the cutoff rises with speed, per second and body height, so that it does
    not depend on the size of the picture.
    """

    method: Method = "savgol"
    window_s: float = 0.3
    order: int = 2
    min_cutoff_hz: float = 1.5
    beta: float = 1.0

    def __post_init__(self) -> None:
        limits = (
            (self.method in METHODS, f"The method is one of {', '.join(METHODS)}, not '{self.method}'."),
            (0.02 <= self.window_s <= 10, f"A window of {self.window_s:g} s is not between 0.02 and 10."),
            (1 <= self.order <= 5, f"A polynomial of order {self.order} is not between 1 and 5."),
            (0.01 <= self.min_cutoff_hz <= 100, f"{self.min_cutoff_hz:g} Hz is not between 0.01 and 100."),
            (0 <= self.beta <= 100, f"A beta of {self.beta:g} is not between 0 and 100."),
        )
        for fine, message in limits:
            if not fine:
                raise KnownError(message, hint="See 'keyphase smooth --help' for the settings.")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Smoothing:
        """Settings of a project file; what it does not name is left at its default."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        return cls(**known)

    @property
    def text(self) -> str:
        """For people: "Savitzky–Golay, 0.3 s"."""
        if self.method == "savgol":
            return f"{TITLES[self.method]}, {self.window_s:g} s"
        return f"{TITLES[self.method]}, {self.min_cutoff_hz:g} Hz"
