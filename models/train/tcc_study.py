"""TCC and its baselines on takes with known events, each with the same budget: the table of pixel encoders.

`pouring_clips` draws takes from seeds, so that their key events are known exactly: the first ones are only
scored, the others trained on. Beside the trained encoders stand the controls that every table shows: an
encoder with random weights, the pixels themselves and the place in the clip. Stopped in between it goes on
where it was.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.domain.progress import Progress
from models.nets.tcc import FrameEncoder
from models.run.embed import Encoder, load_encoder
from models.run.embed_frames import Picture, embed_frames, square
from models.train.alignment_controls import time_index
from models.train.clip_frames import Clip, ClipFrames, decode_clips
from models.train.evaluate_alignment import AlignmentScores, Settings, Source, SourceScores, Truth, evaluate
from models.train.pouring_scene import render_pouring
from models.train.pouring_take import FPS, event_frames, random_take
from models.train.tcc_objective import METHODS
from models.train.tcc_recipes import TccRecipe
from models.train.train_tcc import train_tcc
from models.train.transfer_scores import Take

UNTRAINED, PIXELS, TIME = "random weights", "pixels", "time index"
PIXELS_PX = 16  # side of the pictures that are compared as they are


def pouring_clips(takes: int, scored: int, *, first_seed: int = 0) -> list[Clip]:
    """Takes of the seeds from `first_seed` on, the first `scored` of them held out."""
    return [_drawn(first_seed + i, held_out=i < scored) for i in range(takes)]


def study_methods(
    out: Path,
    recipe: TccRecipe,
    methods: Sequence[str],
    clips: Sequence[Clip],
    events: Sequence[str],
    *,
    device: str = "auto",
    precision: str = "32-true",
    settings: Settings | None = None,
) -> Generator[Progress, None, AlignmentScores]:
    """Train each method with the recipe and score it; weights and `scores.json` go to the folder `out`.

    clips: of one action, all labelled; those held out are scored. events: names of their key events. Raises
    KnownError as `train_tcc` does.
    """
    out.mkdir(parents=True, exist_ok=True)
    read = yield from decode_clips(clips, recipe.network.size_px, spill=out)
    again = [_again(clip) for clip in read]
    encoders: list[tuple[str, Encoder]] = []
    for method in methods:
        path = out / f"{method}.safetensors"
        chosen = replace(recipe, objective=replace(recipe.objective, weights=METHODS[method]))
        if not path.exists():
            for progress in train_tcc(again, path, chosen, device=device, precision=precision):
                yield Progress(progress.done, progress.total, f"{method}: {progress.note}")
        encoders.append((method, load_encoder(path)))
    torch.manual_seed(recipe.seed)
    net = FrameEncoder(recipe.network).eval()
    encoders.append((UNTRAINED, Encoder(UNTRAINED, "frames", net, {"dimensions": recipe.network.dimensions})))
    test, train = [c for c in read if c.held_out], [c for c in read if not c.held_out]
    functions: dict[str, Callable[[Picture], NDArray[np.floating]]] = {
        name: _embedder(encoder, read[0].fps, device) for name, encoder in encoders
    }
    functions[PIXELS] = lambda frames: np.stack([_flat(frame) for frame in frames])
    functions[TIME] = lambda frames: time_index(len(frames))
    sources = [_source(name, function, train, test) for name, function in functions.items()]
    truth = _truth(tuple(events), train, test)
    scores = yield from evaluate(read[0].action, truth, sources, settings or Settings())
    (out / "scores.json").write_text(json.dumps(scores.as_json(), indent=1) + "\n", "utf-8")
    return scores


def as_markdown(scores: AlignmentScores) -> str:
    """The table of the model card: one row for each source."""
    lines = [
        "| source | event error, one reference (median frames) | of five (median frames) | cropped (median "
        "frames) | Kendall's τ | accuracy, 10 / 100 % of the labels | progression R² |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in scores.sources:
        accuracy, progression = row.phases.classification, row.phases.progression
        cells = (
            row.source,
            *(_shown(median_frames(row, which)) for which in ("one", "several", "cropped_one")),
            _shown(row.kendalls_tau.get(min(row.kendalls_tau, default=0)), 3),
            f"{_shown(accuracy.get(0.1), 3)} / {_shown(accuracy.get(1.0), 3)}",
            _shown(progression.get(1.0), 3),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def median_frames(row: SourceScores, which: str) -> float | None:
    """Median over the events of their median error by DTW; which: a field of `EventTransfer`."""
    found = [error.frames for event in row.transfer["dtw"] if (error := getattr(event, which)) is not None]
    return float(np.median(found)) if found else None


def _shown(value: float | None, digits: int = 1) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def _drawn(seed: int, *, held_out: bool) -> Clip:
    take = random_take(seed)

    def read() -> Iterator[Picture]:
        yield from render_pouring(take)

    return Clip(take.name, "pouring", float(FPS), read, event_frames(take), held_out)


def _again(clip: ClipFrames) -> Clip:
    """A clip that is in memory already, for the next training."""
    return Clip(clip.name, clip.action, clip.fps, lambda: iter(clip.frames), clip.events, clip.held_out)


def _embedder(encoder: Encoder, fps: float, device: str) -> Callable[[Picture], NDArray[np.floating]]:
    def embed(frames: Picture) -> NDArray[np.floating]:
        blocks = list(embed_frames(encoder, frames, fps, device=device))
        return np.concatenate(blocks).astype(np.float64)

    return embed


def _flat(frame: Picture) -> NDArray[np.float64]:
    return square(frame, PIXELS_PX).astype(np.float64).ravel() / 255


def _source(
    name: str,
    function: Callable[[Picture], Any],
    train: Sequence[ClipFrames],
    test: Sequence[ClipFrames],
) -> Source:
    return Source(
        name, lambda i, first, last: function(test[i].frames[first:last]), lambda i: function(train[i].frames)
    )


def _truth(names: tuple[str, ...], train: Sequence[ClipFrames], test: Sequence[ClipFrames]) -> Truth:
    takes = tuple(
        Take(c.name, len(c), {n: e for n, e in zip(names, c.events, strict=True) if e is not None})
        for c in test
    )
    labels = [tuple(c.phases for c in part) for part in (test, train)]
    return Truth(names, takes, labels[0], len(names) + 1, labels[1])
