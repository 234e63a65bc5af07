"""The examination of an installation: honest about what is missing, and it touches nobody's folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.services import doctor


def named(checks: list[dict]) -> dict[str, dict]:
    return {check["name"]: check for check in checks}


def test_it_looks_at_everything_the_program_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(doctor, "_weights", lambda: doctor._check("models", True, "…"))
    checks = named(doctor.examine())
    assert set(checks) == {
        "Python", "packages", "GPU", "window", "codecs", "models", "settings folder", "cache folder",
    }  # fmt: skip
    assert all(check["detail"] for check in checks.values())
    assert checks["Python"]["ok"] and checks["packages"]["ok"] and checks["codecs"]["ok"]


def test_the_folders_are_those_the_program_uses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KEYPHASE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("KEYPHASE_CACHE_DIR", str(tmp_path / "cache"))
    checks = named(doctor._folders())
    assert checks["settings folder"]["detail"] == str(tmp_path / "config") and checks["settings folder"]["ok"]
    assert checks["cache folder"]["detail"] == str(tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir()), "no probe is left behind"


def test_a_folder_that_cannot_be_written_to_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KEYPHASE_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert not named(doctor._folders())["cache folder"]["ok"]


def test_damaged_weights_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from models.run import weights

    entries = weights.load_manifest()
    (tmp_path / "manifest.json").write_bytes((weights.weights_folder() / "manifest.json").read_bytes())
    monkeypatch.setattr(weights, "weights_folder", lambda: tmp_path)
    name = next(iter(entries))
    (tmp_path / entries[name].file).write_bytes(b"cut off")
    found = doctor._weights()
    assert not found["ok"] and found["needed"] and name in found["detail"]


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    found = doctor._packages()
    assert not found["ok"] and "missing: no-such-package" in found["detail"]


def test_qt_is_asked_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    works = doctor._window()
    assert works["ok"] and "offscreen" in works["detail"]
    monkeypatch.setenv("QT_QPA_PLATFORM", "no-such-platform")
    broken = doctor._window()
    assert not broken["ok"] and "make run" in broken["detail"]
    assert os.environ["DISPLAY"] == ":0"
