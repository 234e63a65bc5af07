"""What the window remembers between sessions: recent projects, layout, theme, keys. One JSON file per user.

A damaged file is set aside, never an obstacle to starting.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.folders import settings_folder

RECENT_LIMIT = 12


def preferences_path() -> Path:
    """The file."""
    return settings_folder() / "preferences.json"


class Preferences:
    """A small dictionary that is written to disk at every change."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or preferences_path()
        self._values = self._read()

    def get(self, key: str, default: Any = None) -> Any:
        return self._values.get(key, default)

    def put(self, key: str, value: Any) -> None:
        if self._values.get(key) == value:
            return
        self._values[key] = value
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft = self.path.with_suffix(".tmp")
            draft.write_text(json.dumps(self._values, indent=1), "utf-8")
            draft.replace(self.path)
        except OSError:
            return  # a read-only home folder must not stop the work

    def recent_projects(self) -> list[str]:
        """Paths of recently opened projects that still exist, latest first."""
        recent = self.get("recent", [])
        return [path for path in recent if _is_there(path)] if isinstance(recent, list) else []

    def note_project(self, path: Path) -> None:
        full = str(path.resolve())
        self.put("recent", [full, *(p for p in self.recent_projects() if p != full)][:RECENT_LIMIT])

    def _read(self) -> dict[str, Any]:
        try:
            values = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            values = None
        if isinstance(values, dict):
            return values
        with suppress(OSError):
            self.path.replace(self.path.with_suffix(".damaged"))
        return {}


def _is_there(path: object) -> bool:
    try:
        return isinstance(path, str) and Path(path).exists()
    except (OSError, ValueError):  # no path at all
        return False
