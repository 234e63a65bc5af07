"""The benchmarks run and tell figures that can be read; how fast anything is is not asserted here."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from app.bench.figures import Figure, Sizes, interleaved
from app.bench.run import GROUPS, run_benchmarks
from app.cli import run
from models.domain.errors import KnownError

TINY = Sizes(
    video_wh=(160, 96),
    video_frames=60,
    gops=(10, 70),
    seeks=2,
    rounds=1,
    crops=1,
    hrnet_width=8,
    hrnet_input_wh=(64, 64),
    hrnet_compile=False,
    person_frames=4,
    lift_frames=40,
    align_frames=40,
    dtw_frames=40,
    takes=3,
    label_counts=(30, 60),
    edits=2,
    look_ups=2,
    starts=1,
    plays=1,
    clip_frames=30,
    clip_rounds=1,
    subnet_batch=2,
    mask_weights=1_000,
)
FEWEST = {"video": 8, "models": 2, "poses": 3, "align": 4, "storage": 4, "timeline": 6, "window": 2}
FEWEST |= {"edit": 2, "clips": 3, "compare": 1, "subnet": 7}


@pytest.mark.parametrize("group", list(GROUPS))
def test_every_group_tells_figures_with_a_reference(group: str) -> None:
    figures: list[Figure] = []
    progress = list(run_benchmarks(figures.append, group, TINY))
    assert progress[-1].fraction == 1
    assert len(figures) >= FEWEST[group]
    assert len({figure.name for figure in figures}) == len(figures)
    for figure in figures:
        assert figure.group == group
        assert figure.name and figure.unit and figure.against
        assert all(math.isfinite(x) and x > 0 for x in (figure.value, figure.reference, figure.ratio))


def test_figures_as_rows() -> None:
    figure = Figure("video", "seek", 12.0, "ms", 10.0, "bare decode", "≤ 1.2 ×")
    assert figure.as_texts() == ("seek", "12 ms", "1.2 ×", "10 ms, bare decode", "≤ 1.2 ×")
    assert json.loads(json.dumps(figure.as_json()))["ratio"] == 1.2


def test_runs_take_turns_and_the_first_turn_does_not_count() -> None:
    turns: list[str] = []
    times = interleaved(lambda: turns.append("a"), lambda: turns.append("b"), rounds=2)
    assert turns == ["a", "b"] * 3
    assert len(times) == 2


def test_an_unknown_group_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KnownError, match="no benchmark 'speed'"):
        list(run_benchmarks(lambda _figure: None, "speed"))
    assert run(["bench", "--only", "speed"]) != 0
    assert "window" in capsys.readouterr().err


def test_measuring_needs_no_qt_in_this_process() -> None:
    code = (
        "import sys, app.bench.run\n"
        "print([m for m in sys.modules if m.startswith(('PySide6', 'widgets', 'torch'))])"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"
