"""The card of experiments: `card.md` with a table and a chart for each, from the results in a folder.

It says what was measured, and no more: how many trainings stand behind a figure, which are missing, what was
changed in the published recipes, and the command.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from models.domain.errors import KnownError
from models.train.edge_experiments import BUDGETS, EXPERIMENTS, plan
from models.train.edge_plots import Bar, Point, draw_bars, draw_curve
from models.train.edge_recipes import published
from models.train.edge_results import RESULTS, Result, read_results

CARD = "card.md"
_TITLES = {
    "methods": "Methods at keep 50 %",
    "inits": "Rules for the random weights",
    "widths": "Widths",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """Trainings that differ in their seed only. mean, spread: of the accuracies, 0..1; spread is the standard
    deviation with n − 1, NaN for one training. kept, seconds: means."""

    label: str
    first: Result
    count: int
    mean: float
    spread: float
    kept: float
    seconds: float


def summarized(results: Sequence[Result]) -> list[Summary]:
    """One row for each label, in the order they come first."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.label, []).append(result)
    return [_summary(label, group) for label, group in groups.items()]


def _summary(label: str, group: Sequence[Result]) -> Summary:
    accuracies = [row.accuracy for row in group]
    spread = float(np.std(accuracies, ddof=1)) if len(group) > 1 else math.nan
    kept, seconds = (float(np.mean([getattr(row, name) for row in group])) for name in ("kept", "seconds"))
    return Summary(label, group[0], len(group), float(np.mean(accuracies)), spread, kept, seconds)


def write_card(folder: Path, machine: str) -> Path:
    """Write `card.md` and its charts for all experiments in `results.csv`. Raises KnownError when the folder
    has none, or they cannot be written."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for row in read_results(folder / RESULTS):
        if row.experiment:
            groups.setdefault((row.experiment, row.network, row.budget), []).append(row)
    if not groups:
        raise KnownError(f"There are no results of experiments in {folder}.")
    parts = ["# edge-popup on CIFAR-10", _introduction(machine)]
    for rows in groups.values():
        name, network = rows[0].experiment, rows[0].network.lower()
        name += f"-{rows[0].budget}" if name.endswith(network) else f"-{network}-{rows[0].budget}"
        order = {label: place for place, label in enumerate(_planned(rows[0]))}
        summaries = sorted(summarized(rows), key=lambda row: order.get(row.label, len(order)))
        picture = _chart(rows[0], summaries)
        _write_bytes(
            folder / f"{name}.png",
            cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes(),
        )
        parts.append(_part(rows, summaries, name))
    card = folder / CARD
    _write_bytes(card, ("\n\n".join(parts) + "\n").encode())
    return card


def machine_in_words(device: str) -> str:
    """What computes."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    units = " with AMX" if torch.cpu._is_amx_tile_supported() else ""
    return f"{threads} processor thread{'s' if threads > 1 else ''}{units}"


def _introduction(machine: str) -> str:
    return (
        "Accuracy on the test pictures after the last epoch (not of the best one, as the paper reports), "
        "mean ± standard deviation over the seeds. `keep` is the share of the weights that is kept in each "
        "layer. Pictures: CIFAR-10 (Krizhevsky 2009), a copy that was compressed again as JPEG, which moves "
        f"accuracies a little. Computed on {machine}."
    )


def _part(rows: Sequence[Result], summaries: Sequence[Summary], name: str) -> str:
    first = rows[0]
    title = _TITLES.get(first.experiment, "Accuracy over keep")
    lines = [f"## {first.network}: {title[0].lower() + title[1:]}", "", f"![{title}]({name}.png)", ""]
    lines += [
        "| | seeds | test accuracy | weights kept | weights | learning rate | time of one training |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in summaries:
        spread = "" if math.isnan(row.spread) else f" ± {100 * row.spread:.1f}"
        rate = f"{row.first.optimizer} {row.first.learning_rate:g}" if row.first.method != "random" else "–"
        lines.append(
            f"| {row.label} | {row.count} | {100 * row.mean:.1f}{spread} % | {100 * row.kept:.1f} % | "
            f"{row.first.weights:,} | {rate} | {row.seconds:.0f} s |"
        )
    about = [_budget(first, rows), *_changes(rows), *_missing(rows)]
    return "\n".join([*lines, "", *about, "", _command(first, rows)])


def _budget(first: Result, rows: Sequence[Result]) -> str:
    epochs = max(row.epochs for row in rows)
    share = max(row.share for row in rows)
    products = "bfloat16" if first.bfloat16 else "float32"
    batches = " or ".join(str(batch) for batch in sorted({row.batch for row in rows}))
    return (
        f"Budget “{first.budget}”: {epochs} epochs of {100 * share:g} % of the training pictures, batches of "
        f"{batches}, products in {products}.{_draws(rows)}"
    )


def _draws(rows: Sequence[Result]) -> str:
    if all(row.method != "zhou" for row in rows) or rows[0].budget not in BUDGETS:
        return ""
    draws = BUDGETS[rows[0].budget].draws
    return f" Networks of Zhou et al. are drawn {draws} times and their accuracies averaged."


def _changes(rows: Sequence[Result]) -> list[str]:
    """What the budget changes in the published recipes of the methods."""
    first = rows[0]
    changes = BUDGETS[first.budget].changes if first.budget in BUDGETS else {}
    texts = []
    for method in dict.fromkeys(row.method for row in rows if row.method != "random"):
        whole = published(first.network, method)  # type: ignore[arg-type]
        own = {n: v for n, v in changes.get(method, {}).items() if v != getattr(whole, n)}  # type: ignore[call-overload]
        if own:
            parts = (f"{n.replace('_', ' ')} {v} instead of {getattr(whole, n)}" for n, v in own.items())
            texts.append(f"{method}: {', '.join(parts)}")
    return [f"Changed in the published recipes: {'; '.join(texts)}."] if texts else []


def _planned(first: Result) -> list[str]:
    """The labels of an experiment in their order; none of one that is no longer known."""
    if first.budget not in BUDGETS or first.experiment not in EXPERIMENTS:
        return []
    planned = plan(first.experiment, BUDGETS[first.budget], first.network, [0]).planned
    return [one.label for one in planned]


def _missing(rows: Sequence[Result]) -> list[str]:
    """A line when not everything that belongs to the experiment is there."""
    counts = {row.label: row.count for row in summarized(rows)}
    most = max(counts.values())
    few = [label for label in _planned(rows[0]) if counts.get(label, 0) < most]
    return [f"Not all trainings are done yet: {', '.join(few)}."] if few else []


def _command(first: Result, rows: Sequence[Result]) -> str:
    network = "" if first.experiment.startswith("keep-") else f" --network {first.network}"
    numbers = {row.seed for row in rows}
    seeds = f"{len(numbers)}{f' --seed {min(numbers)}' if min(numbers) else ''}"
    products = " --bfloat16" if first.bfloat16 else ""
    return (
        f"`keyphase train edge-popup --experiment {first.experiment}{network} --budget {first.budget} "
        f"--seeds {seeds}{products} --data DIR --out DIR`"
    )


def _chart(first: Result, summaries: Sequence[Summary]) -> np.ndarray:
    title = f"{first.network}, {max(s.first.epochs for s in summaries)} epochs"
    title += f" of {100 * max(s.first.share for s in summaries):g} % of the pictures"
    if first.experiment.startswith("keep-"):
        points = [Point(s.first.keep, s.mean, s.spread) for s in summaries if s.first.method == "edge-popup"]
        levels = [Bar(s.label, s.mean, s.spread) for s in summaries if s.first.method != "edge-popup"]
        return draw_curve(
            title, points, levels, x_label="weights kept in each layer", y_label="test accuracy"
        )
    return draw_bars(title, [Bar(s.label, s.mean, s.spread) for s in summaries], x_label="test accuracy")


def _write_bytes(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise KnownError(f"{path} could not be written: {error.strerror or error}.") from error
