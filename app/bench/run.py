"""All benchmarks, in groups that can be run alone. Files are generated in a temporary folder and deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from app.bench import align, children, clips, models, poses, storage, subnet, video
from app.bench.figures import Figure, Sizes
from models.domain.errors import KnownError
from models.domain.progress import Progress

Group = Callable[[Sizes, Path], Iterator[Figure]]

GROUPS: dict[str, Group] = {
    "video": video.figures,
    "models": lambda sizes, _folder: models.figures(sizes),
    "poses": poses.figures,
    "subnet": subnet.figures,
    "align": lambda sizes, _folder: align.figures(sizes),
    "clips": clips.figures,
    "storage": storage.figures,
    "timeline": children.timeline_figures,
    "window": children.window_figures,
    "edit": children.edit_figures,
    "compare": children.compare_figures,
}


def run_benchmarks(
    report: Callable[[Figure], None], only: str | None = None, sizes: Sizes | None = None
) -> Iterator[Progress]:
    """Measure every group, or only the one of that name; `report` gets the figures as they come.

    Raises KnownError naming the groups when there is none called `only`.
    """
    if only is not None and only not in GROUPS:
        raise KnownError(f"There is no benchmark '{only}'.", hint=f"Known: {', '.join(GROUPS)}.")
    names = [only] if only is not None else list(GROUPS)
    for done, name in enumerate(names):
        yield Progress(done, len(names), f"measuring: {name}")
        with TemporaryDirectory(prefix="keyphase-bench-") as folder:
            for figure in GROUPS[name](sizes or Sizes(), Path(folder)):
                report(figure)
    yield Progress(len(names), len(names), "measured")
