"""What users install: one top-level name, a command line without Qt, one set of layers."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_the_wheel_has_one_top_level_name(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"keyphase"}


def test_the_wheel_holds_every_module_and_resource_of_the_tree(wheel):
    shipped = set(wheel.namelist())
    for folder in ("app", "models", "widgets", "storage", "resources"):
        for path in (ROOT / folder).rglob("*"):
            inside = path.relative_to(ROOT).as_posix()
            if path.is_dir() or "__pycache__" in inside or inside.startswith("app/launcher/"):
                continue
            assert f"keyphase/{inside}" in shipped, f"{inside} is not in the wheel"


def test_the_installed_wheel_starts_from_anywhere(wheel, tmp_path):
    wheel.extractall(tmp_path)
    code = "import sys; sys.argv = ['keyphase', 'doctor', '--json']; import keyphase; keyphase.main()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    checks = {check["name"]: check["ok"] for check in json.loads(done.stdout)}
    assert checks["models"], done.stdout + done.stderr


def test_importing_the_domain_pulls_in_neither_torch_nor_qt():
    modules = python(
        "import sys, models.domain.alignment, models.domain.labels; print(' '.join(sys.modules))"
    )
    assert not {"torch", "cv2", "PySide6", "sqlalchemy"} & set(modules.split())


def test_the_command_line_never_imports_qt(tmp_path):
    project = tmp_path / "p.keyphase"
    code = (
        "import sys; from app.cli import run\n"
        f"assert run(['init', {str(project)!r}, '--json']) == 0\n"
        f"assert run(['info', {str(project)!r}, '--json']) == 0\n"
        "import app.services.pose, app.services.lift, app.services.align\n"
        "import app.services.clips, app.services.demo\n"
        "print([m for m in sys.modules if m.startswith(('PySide6', 'vispy', 'pyqtgraph'))], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == "[]"
