"""By hand: how the threshold was chosen above which a take is suspected not to show the action.

`python -m tests.perf.doubtful_takes PENN` (Penn Action's labels: the .npz or the folder): in every action,
ten official training clips are aligned to another one by their poses, and one clip of each other action too.
Printed: how often a clip of the action (a false alarm) and a stranger cost more than `times` the median.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from models.domain.errors import KnownError
from models.run.align import align_sequences
from models.run.multi_align import pair_cost
from models.train.penn_sequences import FPS, SKELETON, PennSequence, load_penn_sequences

CLIPS = 10


def cost(reference: PennSequence, query: PennSequence) -> float:
    rates = {"fps_reference": FPS, "fps_query": FPS}
    warp = align_sequences(reference.xyc, query.xyc, SKELETON, SKELETON, **rates)  # type: ignore[arg-type]
    return pair_cost(warp, len(reference.xyc), len(query.xyc))


def main(folder: Path) -> None:
    clips: dict[str, list[PennSequence]] = {}
    for clip in load_penn_sequences(folder):
        if clip.train:
            clips.setdefault(clip.action, []).append(clip)
    rng = np.random.default_rng(0)
    own: list[float] = []
    strange: list[float] = []
    for action, found in clips.items():
        reference, *others = (found[k] for k in rng.permutation(len(found))[: CLIPS + 1])
        try:
            costs = np.array([cost(reference, other) for other in others])
        except KnownError:
            continue
        own += [c / np.median(np.delete(costs, k)) for k, c in enumerate(costs)]
        for stranger in (c[rng.integers(len(c))] for a, c in clips.items() if a != action):
            try:
                strange.append(cost(reference, stranger) / float(np.median(costs)))
            except KnownError:
                continue
    print(f"{len(own)} clips of the action, {len(strange)} strangers")
    for times in (1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.5):
        false, right = np.mean(np.array(own) > times), np.mean(np.array(strange) > times)
        print(f"times {times}: false alarms {100 * false:.1f} %, strangers found {100 * right:.1f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
