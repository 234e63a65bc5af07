"""Pictures of the real window without a person: what `make run` writes where there is no display.

`python -m app.qt.screenshot P.keyphase OUT.png` writes the label page to OUT.png and, when takes are aligned,
the compare page to OUT_compare.png.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from app.display import has_display

PATIENCE_S = 120.0


def write_screenshots(project: Path, out: Path) -> list[Path]:
    """Open a project in a window of the offscreen platform and grab it once everything has been drawn."""
    from app.qt.start import make_window
    from app.session import Session

    if not has_display():
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    app, window = make_window()
    window.show()
    window.workspace.open(Session.open(project, read_only=True))

    def until(ready: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        settled = 0
        while settled < 20 and time.monotonic() < end:
            app.processEvents()
            time.sleep(0.02)
            settled = settled + 1 if ready() else 0

    written = [out]
    take = window.workspace.take
    edges = window.labelling.edges()
    if edges:
        window.workspace.go_to(edges[len(edges) // 2] - 3)
    until(
        lambda: (
            take is None
            or (window.playback.shown == window.workspace.frame and len(window.timeline.thumbnails) > 0)
        )
    )
    window.grab().save(str(out))
    window.toggle_compare()
    if window.comparing.take_count > 1:
        window.comparing.show_moment(window.comparing.reference_uid, window.workspace.frame)
        until(window.compare_view.stage.state.is_exact)
        written.append(out.with_name(f"{out.stem}_compare{out.suffix}"))
        window.grab().save(str(written[-1]))
    window.close()
    return written


if __name__ == "__main__":
    for path in write_screenshots(Path(sys.argv[1]), Path(sys.argv[2])):
        print(path)
