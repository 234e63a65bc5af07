"""Examine the installation: what works here, and what to do about what does not."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from app.folders import cache_folder, settings_folder

PACKAGES = (
    "PySide6-Essentials",
    "pyqtgraph",
    "vispy",
    "torch",
    "opencv-python",
    "av",
    "numpy",
    "sqlalchemy",
    "alembic",
)
# Qt is asked in a process of its own: a missing system library aborts the process that tries.
_OPENGL_PROBE = """
import sys
from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext
app = QGuiApplication(sys.argv[:1])
surface, context = QOffscreenSurface(), QOpenGLContext()
surface.create()
ok = context.create() and context.makeCurrent(surface)
version = context.format()
print(app.platformName(), f"OpenGL {version.majorVersion()}.{version.minorVersion()}" if ok else "no OpenGL")
"""


def examine() -> list[dict[str, Any]]:
    """Checks as dicts: name, ok, needed (False: Keyphase works without it), detail."""
    return [_python(), _packages(), _torch(), _window(), _codecs(), _weights(), *_folders()]


def _check(name: str, ok: bool, detail: str, *, needed: bool = True) -> dict[str, Any]:
    return {"name": name, "ok": ok, "needed": needed, "detail": detail}


def _python() -> dict[str, Any]:
    return _check(
        "Python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.platform()}"
    )


def _packages() -> dict[str, Any]:
    found, missing = [], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    return _check(
        "packages", not missing, ", ".join(found) + (f"; missing: {', '.join(missing)}" if missing else "")
    )


def _torch() -> dict[str, Any]:
    import torch

    if torch.cuda.is_available():
        return _check("GPU", True, torch.cuda.get_device_name(), needed=False)
    return _check("GPU", True, f"none; models run on {os.cpu_count()} processor cores", needed=False)


def _window() -> dict[str, Any]:
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return _check("window", True, "no display here; the command line works", needed=False)
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _OPENGL_PROBE], capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return _check("window", False, "Qt does not answer; is the display that DISPLAY names there?")
    if probe.returncode != 0:
        last = (probe.stderr.strip().splitlines() or ["Qt could not start"])[-1]
        return _check("window", False, f"{last} ('make run' installs what Qt needs, or names it)")
    has_opengl = "no OpenGL" not in probe.stdout
    note = "" if has_opengl else "; the 3D view is painted without it"
    return _check("window", True, f"Qt on {probe.stdout.strip()}{note}", needed=False)


def _codecs() -> dict[str, Any]:
    import av

    wanted = {"h264": "r", "hevc": "r", "vp9": "r", "mjpeg": "r", "libx264": "w"}
    missing = []
    for codec, mode in wanted.items():
        try:
            av.codec.Codec(codec, mode)  # type: ignore[arg-type]
        except Exception:
            missing.append(codec)
    return _check("codecs", not missing, f"FFmpeg with {', '.join(sorted(set(wanted) - set(missing)))}")


def _weights() -> dict[str, Any]:
    from models.run.weights import file_sha256, load_manifest, weights_folder

    wrong = []
    entries = load_manifest()
    for entry in entries.values():
        path = weights_folder() / entry.file
        ranks = path.with_name(str(entry.config.get("ranks", entry.file)))
        if not path.exists() or not ranks.exists() or file_sha256(path) != entry.sha256:
            wrong.append(entry.name)
    detail = f"damaged or missing: {', '.join(wrong)}" if wrong else ", ".join(entries)
    return _check("models", not wrong and bool(entries), detail or "none")


def _folders() -> list[dict[str, Any]]:
    folders = {"settings folder": settings_folder(), "cache folder": cache_folder()}
    return [_check(name, _writable(path), str(path)) for name, path in folders.items()]


def _writable(path: Path) -> bool:
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError:
        return False
    return True
