"""The jobs panel: progress, an estimate, a way to stop, and what went wrong."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from models.domain.progress import Progress
from widgets.job_panel import JobPanel, JobState, JobStatus, RemainingTime


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def panel(qtbot: QtBot, clock: Clock) -> JobPanel:
    made = JobPanel(clock=clock)
    qtbot.addWidget(made)
    return made


def test_estimate_follows_the_recent_speed() -> None:
    remaining = RemainingTime()
    assert remaining.update(0, 0.0) is None
    assert remaining.update(0.5, 0.3) is None
    assert remaining.update(10, 0.5) == pytest.approx(10)
    for second in range(11, 60):
        left_s = remaining.update(second, 0.5 + 0.001 * (second - 10))
    assert left_s == pytest.approx((0.5 - 0.049) / 0.001, rel=0.05)
    assert remaining.update(61, 0.0) is None


def test_a_running_job_says_share_and_time_left(panel: JobPanel, clock: Clock) -> None:
    panel.set_job(JobStatus("1", "Poses · walk", JobState.RUNNING, Progress(0, 200)))
    assert panel.text_of("1") == "0 %"
    clock.now_s = 12
    panel.set_job(JobStatus("1", "Poses · walk", JobState.RUNNING, Progress(100, 200, "frame 100")))
    assert panel.text_of("1") == "50 % · 12 s left · frame 100"


def test_cancel_asks_once(panel: JobPanel, qtbot: QtBot) -> None:
    panel.set_job(JobStatus("7", "Align", JobState.RUNNING, Progress(1, 4)))
    asked: list[str] = []
    panel.cancel_requested.connect(asked.append)
    cancel = next(b for b in panel.findChildren(QPushButton) if b.text() == "cancel")
    cancel.click()
    cancel.click()
    assert asked == ["7"] and cancel.text() == "stopping…"
    panel.set_job(JobStatus("7", "Align", JobState.CANCELLED, Progress(1, 4)))
    assert "stays" in panel.text_of("7")


def test_a_failed_job_shows_error_and_hint(panel: JobPanel) -> None:
    failed = JobStatus("1", "Poses", JobState.FAILED, error="The disk is full.", hint="Free some space.")
    panel.set_job(failed)
    assert panel.text_of("1") == "The disk is full. Free some space."


def test_newest_on_top_and_clearing_keeps_what_runs(panel: JobPanel) -> None:
    panel.set_job(JobStatus("1", "a", JobState.FINISHED))
    panel.set_job(JobStatus("2", "b", JobState.RUNNING))
    panel.set_job(JobStatus("3", "c"))
    assert panel.job_uids == ["3", "2", "1"]
    assert panel.running_count == 2
    panel.clear_finished()
    assert panel.job_uids == ["3", "2"]
    panel.grab()


def test_a_long_file_name_leaves_its_links_within_the_panel(qtbot: QtBot, panel: JobPanel) -> None:
    name = "a_take_with_a_very_long_name_sound_of_another_take_with_a_long_name.mp4"
    panel.set_job(
        JobStatus("1", f"Sound · {name}", JobState.FINISHED, Progress(1, 1, name), result=f"/x/{name}")
    )
    panel.resize(226, 400)
    panel.show()
    QApplication.processEvents()
    panel.grab()  # lays everything out
    show = next(b for b in panel.findChildren(QPushButton) if b.text() == "show in folder")
    assert show.mapTo(panel, show.rect().topRight()).x() <= panel.width()
    assert panel.text_of("1") == f"Done. {name}"


def test_a_cancelled_export_says_that_nothing_was_left(panel: JobPanel) -> None:
    panel.set_job(JobStatus("1", "Clip", JobState.CANCELLED, result="/x/clip.mp4"))
    panel.set_job(JobStatus("2", "Poses", JobState.CANCELLED))
    assert panel.text_of("1") == "Cancelled. No file was left behind."
    assert panel.text_of("2") == "Cancelled. What was written stays."
