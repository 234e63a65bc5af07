"""All trainings of the bundled lifters in one go on one graphics card, and the figures of their model cards.

`python -m models.train.lifter_study pack --mocap cmu.npz --penn penn_action_labels.npz --data DIR` writes
both data sets small (0.2 mm, 0.25 px), to be carried to the machine with the card.
`python -m models.train.lifter_study run --data DIR --out DIR --minutes 8` trains there: the lifter, the same
with Penn Action's 2D sequences beside, the same on single frames, and a table like the paper's, 1 %, 10 % and
100 % of the labelled frames with and without the unlabelled ones. Trainings run in three processes side by
side; each keeps a checkpoint and goes on from it when the command is given again. All results come as one
file, lifter_study.tar.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from models.run.lift import Lifter
from models.train.evaluate_lift import evaluate_lift
from models.train.lifter_recipe import LifterRecipe
from models.train.train_lifter import train_lifter

MOCAP, PENN, RESULT = "mocap_small.npz", "penn_small.npz", "lifter_study.tar"
# One person, 9.8 % of the training frames: the small labelled set of the table. A tenth of each of this
# person's sequences is the 1 %.
ONE_PERSON = (5,)
_MOCAP_STEP_M, _PENN_STEP_PX = 0.0002, 0.25
# what is scored: true 2D joints first
_ROWS: tuple[dict[str, Any], ...] = ({}, {"noise_m": 0.025}, {"skeleton": "penn13"})


@dataclass(frozen=True, slots=True)
class Study:
    """One training: which labels, whether unlabelled sequences take part, its share of its lane's time.
    kept: its weights come back."""

    name: str
    share: float
    semi: bool = False
    subjects: tuple[int, ...] | None = None
    subset: float = 1.0
    widths: tuple[int, ...] = (3, 3, 3)
    kept: bool = False

    def recipe(self, minutes: float, batch: int) -> LifterRecipe:
        plain = LifterRecipe()
        networks = plain.with_network(widths=self.widths)
        return replace(
            plain,
            **networks,
            minutes=minutes * self.share,
            batch=batch,
            unlabelled_batch=batch // 2,
            subjects=self.subjects,
            subset=self.subset,
            score_every=2000,
            report_every=500,
        )


_TABLE = (("100", None, 1.0), ("10", ONE_PERSON, 1.0), ("1", ONE_PERSON, 0.1))
LANES: dict[str, tuple[Study, ...]] = {
    "main": (Study("main", 1.0, kept=True),),
    "penn": (Study("penn", 1.0, semi=True, kept=True),),
    "table": (
        Study("single-frame", 0.13, widths=(1, 1, 1), kept=True),
        *(
            Study(f"table-{name}{'-semi' if semi else ''}", 0.125, semi, subjects, subset)
            for name, subjects, subset in _TABLE
            for semi in (False, True)
        ),
    ),
}


def pack(mocap: Path, penn: Path, data: Path) -> None:
    """Write both data sets as differences of whole numbers, which compress well."""
    data.mkdir(parents=True, exist_ok=True)
    with np.load(mocap, allow_pickle=False) as full:
        values = {key: full[key] for key in ("name", "subject", "fps", "offset", "nframes")}
        steps = _steps(np.round(full["positions"] / _MOCAP_STEP_M).astype(np.int64))
    np.savez_compressed(data / MOCAP, steps=steps, **values)
    with np.load(penn, allow_pickle=False) as full:
        train = np.flatnonzero(full["train"] == 1)
        count = full["nframes"][train]
        rows = np.concatenate(
            [np.arange(a, a + n) for a, n in zip(full["offset"][train], count, strict=True)]
        )
        visible = full["visible"][rows]
        xy = np.where(visible[..., None] > 0, full["xy"][rows], 1)
        values = {key: full[key][train] for key in ("width", "height", "train", "nframes")}
    steps = _steps(np.round(xy / _PENN_STEP_PX).astype(np.int64))
    values |= {"offset": np.cumsum(count) - count, "visible": np.packbits(visible.astype(bool), axis=1)}
    np.savez_compressed(data / PENN, steps=steps, **values)


def unpack(data: Path, to: Path) -> tuple[Path, Path]:
    """The data sets as the trainings read them."""
    to.mkdir(parents=True, exist_ok=True)
    with np.load(data / MOCAP, allow_pickle=False) as small:
        values = {key: small[key] for key in small.files if key != "steps"}
        positions = (_joined(small["steps"]) * _MOCAP_STEP_M).astype(np.float32)
    np.savez(to / "mocap.npz", positions=positions, **values)
    with np.load(data / PENN, allow_pickle=False) as small:
        values = {key: small[key] for key in small.files if key not in ("steps", "visible")}
        xy = (_joined(small["steps"]) * _PENN_STEP_PX).astype(np.float32)
        visible = np.unpackbits(small["visible"], axis=1)[:, : xy.shape[1]]
    np.savez(to / "penn.npz", xy=xy, visible=visible, **values)
    return to / "mocap.npz", to / "penn.npz"


def _steps(values: NDArray[np.int64]) -> NDArray[np.int32]:
    """Differences from row to row; the first row stays."""
    return np.diff(values, axis=0, prepend=0).astype(np.int32)


def _joined(steps: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.cumsum(steps, axis=0, dtype=np.int64)


def run_lane(lane: str, data: Path, work: Path, minutes: float, batch: int, device: str) -> None:
    """The trainings of one lane, one after the other; each leaves NAME.safetensors and NAME.json."""
    mocap, penn = data / "mocap.npz", data / "penn.npz"
    torch.set_num_threads(2)
    for study in LANES[lane]:
        scores = work / f"{study.name}.json"
        if scores.exists():
            continue
        out, started, note = work / f"{study.name}.safetensors", time.monotonic(), ""
        recipe = study.recipe(minutes, batch)
        for progress in train_lifter(
            mocap, out, recipe, unlabelled=penn if study.semi else None, device=device
        ):
            note = progress.note
            _say(f"{study.name} {progress.fraction:.0%} {note}")
        lifter = Lifter.load(out, device)
        rows = [evaluate_lift(mocap, lifter, **row) for row in (_ROWS if study.kept else _ROWS[:1])]
        result = {"note": note, "seconds": round(time.monotonic() - started), "recipe": repr(recipe)}
        scores.write_text(json.dumps({**result, "scores": rows}), "utf-8")
        _say(f"{study.name} {rows[0]['p_mpjpe_mm']} {rows[0]['scaled_mpjpe_mm']}")


def run(data: Path, out: Path, work: Path, minutes: float, batch: int, device: str) -> Path:
    """All lanes side by side; whatever is there when the time is over is packed."""
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    unpack(data, work)
    # the clock of a training counts its own work only: start-up, scores and packing come on top
    spare_min = min(1.2, 0.25 * minutes)
    processes = []
    for lane in LANES:
        words = ["lane", "--lane", lane, "--data", work, "--out", out, "--work", work]
        words += ["--minutes", minutes - spare_min, "--batch", batch, "--device", device]
        log = (work / f"{lane}.log").open("a")
        command = [sys.executable, "-u", "-m", "models.train.lifter_study", *map(str, words)]
        processes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
    for process in processes:
        left = 60 * minutes - (time.monotonic() - started)
        try:
            process.wait(max(1.0, left))
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait(10)
    return collect(out, work)


def collect(out: Path, work: Path) -> Path:
    """One tar with scores, logs and the weights that are kept, in half precision. A training that was cut off
    gives what its last checkpoint holds.
    """
    chosen: list[Path] = [*sorted(work.glob("*.json")), *sorted(work.glob("*.log"))]
    for study in (study for lane in LANES.values() for study in lane if study.kept):
        weights = work / f"{study.name}.safetensors"
        tensors = (
            load_file(weights) if weights.exists() else _from_checkpoint(work / f"{study.name}.checkpoint")
        )
        if tensors:
            half = work / f"{study.name}-half.safetensors"
            kept = {k: v for k, v in tensors.items() if not k.endswith("num_batches_tracked")}
            save_file({k: v.half().contiguous() for k, v in kept.items()}, half)
            chosen.append(half)
    result = out / RESULT
    with tarfile.open(result, "w") as tar:
        for path in chosen:
            tar.add(path, path.name)
    return result


def _from_checkpoint(path: Path) -> dict[str, torch.Tensor]:
    if not path.exists():
        return {}
    state = torch.load(path, map_location="cpu", weights_only=True)
    root = {f"trajectory.{key}": value for key, value in state["trajectory"].items()}
    return state["model"] | root


def _say(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, flush=True)  # noqa: T201


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m models.train.lifter_study", description=__doc__)
    parser.add_argument("what", choices=("pack", "run", "lane"))
    for name in ("mocap", "penn", "data", "out", "work"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--lane", choices=tuple(LANES))
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args(arguments)
    if given.what == "pack":
        pack(given.mocap, given.penn, given.data)
    elif given.what == "lane":
        run_lane(given.lane, given.data, given.work, given.minutes, given.batch, given.device)
    else:
        work = given.work or given.out / "work"
        _say(str(run(given.data, given.out, work, given.minutes, given.batch, given.device)))


if __name__ == "__main__":
    main(sys.argv[1:])
