"""`python -m app` and `keyphase`: the window for a project file or for nothing, else the command line."""

from __future__ import annotations

import sys


def main() -> None:
    arguments = sys.argv[1:]
    if not arguments or (len(arguments) == 1 and arguments[0].lower().endswith(".keyphase")):
        from app.qt.start import run_window

        sys.exit(run_window(arguments[0] if arguments else None))
    from app.cli import run

    sys.exit(run(arguments))


if __name__ == "__main__":
    main()
