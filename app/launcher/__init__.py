"""The installed wheel's only top-level name: puts the program's folders on the path and starts it."""

import sys
from pathlib import Path


def main() -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from app.__main__ import main as start

    start()
