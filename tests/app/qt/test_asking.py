"""What a dialog answers reaches the job."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.domain.progress import Progress
from tests.app.conftest import Desk
from widgets.run_dialogs import PoseRunDialog


def test_every_answer_of_the_pose_dialog_reaches_the_run(
    desk: Desk, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.services import pose
    from models.run.pose2d import DECODERS

    desk.open(project)
    asked: list[dict[str, object]] = []

    def estimate(session: object, uid: str, **options: object) -> object:
        asked.append(options)
        yield Progress(1, 1)

    def accept(dialog: PoseRunDialog) -> int:
        names = [decoder.name for decoder in dialog._decoders]
        assert set(names) <= {"", *DECODERS}
        dialog.choose_decoder("udp")
        dialog._people.setValue(3)
        return 1

    monkeypatch.setattr(pose, "estimate_poses", estimate)
    monkeypatch.setattr(PoseRunDialog, "exec", accept)
    desk.window.asking.run_poses([desk.window.workspace.takes[0].uid])
    desk.settle()
    assert [(o["decoder"], o["max_people"], o["device"]) for o in asked] == [("udp", 3, "auto")]
