"""The installed wheel's only top-level name: puts the program's folders on the path and starts it."""

import sys
from pathlib import Path


def main() -> None:
    here = Path(__file__).parent
    sys.path.insert(0, str(here if (here / "app").is_dir() else here.parents[1]))  # wheel, or source tree
    from app.__main__ import main as start

    start()
