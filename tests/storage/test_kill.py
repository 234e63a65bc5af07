"""Two hundred processes are killed while they edit one project; not one acknowledged edit may be lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_killed_editors_lose_no_acknowledged_edit(tmp_path: Path) -> None:
    script = Path(__file__).with_name("killing.py")
    command = [sys.executable, str(script), str(tmp_path / "p.keyphase"), "200", "20260101"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["kills"] == 200
    assert summary["acknowledged"] > 200  # the children did work
    assert summary["in_flight"] > 0  # and some were killed in the middle of an edit
