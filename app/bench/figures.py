"""What a benchmark gives: figures, each beside a reference that was measured in the same run.

Machines differ and are busy with other things, so that a time alone says little. Both sides of a figure are
measured in turns (A B A B …) and their medians compared; what disturbs one disturbs the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. value, reference: in `unit`, of what `against` names. aim: in words, or ""."""

    group: str
    name: str
    value: float
    unit: str
    reference: float
    against: str
    aim: str = ""

    @property
    def ratio(self) -> float:
        """value / reference: below 1 is better for times and memory, above 1 for frames per second."""
        return self.value / self.reference

    def as_json(self) -> dict[str, str | float]:
        """Every field, and the ratio."""
        return asdict(self) | {"ratio": self.ratio}

    def as_texts(self) -> tuple[str, str, str, str, str]:
        """What, value, ratio, reference, aim, for people."""
        reference = f"{_short(self.reference)} {self.unit}, {self.against}"
        return self.name, f"{_short(self.value)} {self.unit}", f"{_short(self.ratio)} ×", reference, self.aim


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. The defaults take about four minutes on two free cores."""

    video_wh: tuple[int, int] = (1280, 720)
    video_frames: int = 240
    gops: tuple[int, ...] = (30, 240)
    seeks: int = 8
    rounds: int = 5
    crops: int = 16
    hrnet_width: int = 32
    hrnet_input_wh: tuple[int, int] = (192, 256)
    hrnet_compile: bool = True
    person_frames: int = 84
    lift_frames: int = 600
    align_frames: int = 300
    dtw_frames: int = 1_000
    takes: int = 50
    label_counts: tuple[int, ...] = (1_000, 10_000, 100_000)
    edits: int = 100
    look_ups: int = 100
    starts: int = 5
    plays: int = 3
    clip_frames: int = 150
    clip_rounds: int = 3
    subnet_batch: int = 128
    mask_weights: int = 10_000_000


def interleaved(
    *runs: Callable[[], object], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Median milliseconds of each run, taken in turns; the first turn warms up and does not count.

    clock: seconds; `time.process_time` for what the processor spends on it, whatever else is running.
    """
    times: list[list[float]] = [[] for _ in runs]
    for turn in range(rounds + 1):
        for run, found in zip(runs, times, strict=True):
            start = clock()
            run()
            if turn:
                found.append(1000 * (clock() - start))
    return [median(found) for found in times]


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
