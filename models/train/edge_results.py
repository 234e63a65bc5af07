"""What trainings on CIFAR-10 leave behind: a row in `results.csv`, and the network.

The table is only ever added to. A row holds the whole recipe, so that it can be told which training it is.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from models.domain.errors import KnownError
from models.run import supermask
from models.run.supermask_pack import HIDDEN
from models.train.checkpoints import save_weights
from models.train.edge_recipes import EdgeRecipe
from models.train.train_edge_popup import EdgeRun, kept_share

RESULTS = "results.csv"


@dataclass(frozen=True, slots=True)
class Result:
    """A finished training in an experiment. accuracy: on the test pictures after the last epoch, 0..1. kept:
    share of the weights in use. weights: those left out included. seconds: of the training alone, whatever
    else the machine did. pictures: their fingerprint. key: of the training, which several experiments may
    share."""

    experiment: str
    budget: str
    label: str
    network: str
    method: str
    keep: float
    init: str
    scaled: bool
    width: float
    optimizer: str
    learning_rate: float
    weight_decay: float
    batch: int
    epochs: int
    share: float
    seed: int
    bfloat16: bool
    accuracy: float
    best: float
    loss: float
    kept: float
    weights: int
    seconds: float
    pictures: str
    key: str


COLUMNS = tuple(column.name for column in fields(Result))


def result_of(run: EdgeRun, pictures: str) -> Result:
    """The row of a training at its end, outside of any experiment."""
    recipe = run.recipe
    shared = {key: value for key, value in asdict(recipe).items() if key in COLUMNS}
    return Result(
        experiment="",
        budget="",
        label=recipe.method,
        bfloat16=run.bfloat16,
        accuracy=run.accuracy,
        best=run.best,
        loss=run.loss,
        kept=kept_share(run.net, run.masks),
        weights=sum(p.numel() for name, p in run.net.named_parameters() if name.endswith("weight")),
        seconds=round(run.seconds, 1),
        pictures=pictures,
        key=training_key(recipe, run.bfloat16, pictures),
        **shared,
    )


def training_key(recipe: EdgeRecipe, bfloat16: bool, pictures: str) -> str:
    """Tells trainings apart: a name for people and eight digits of everything."""
    whole = f"{asdict(recipe)!r} {bfloat16} {pictures}"
    digits = hashlib.blake2b(whole.encode(), digest_size=4).hexdigest()
    return f"{recipe.network}-{recipe.method}-{digits}"


def append_result(table: Path, result: Result) -> None:
    """Add a row at the end. The file is replaced whole, so that it is never half written."""
    draft = table.with_name(f".{table.name}.new")
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in [*read_results(table), result])
    try:
        draft.write_text(text.getvalue(), "utf-8")
        draft.replace(table)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise KnownError(
            f"{table} could not be written: {error.strerror or error}.", hint="Make room and run again."
        ) from error


def read_results(table: Path) -> list[Result]:
    """The rows of a results file in their order; none where there is no file. Raises KnownError when it is
    not one."""
    if not table.exists():
        return []
    kinds = {column.name: _READ[str(column.type)] for column in fields(Result)}
    try:
        with table.open(newline="", encoding="utf-8") as file:
            return [Result(**{n: kinds[n](row[n]) for n in COLUMNS}) for row in csv.DictReader(file)]  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError) as error:
        raise KnownError(
            f"{table} is no table of results, or a damaged one.", hint="Name another folder with --out."
        ) from error


_READ: dict[str, Callable[[str], object]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": lambda text: {"True": True, "False": False}[text],
}


def save_result(run: EdgeRun, path: Path) -> Path:
    """Write the network of a training to `path` with the suffix of its kind, and return that.

    A network that is only thinned becomes a `.kpm`; one with trained weights or with logits of a drawn mask
    a `.safetensors`. Raises KnownError when the disk is full.
    """
    recipe = run.recipe
    description = {"kind": HIDDEN, **asdict(recipe), "accuracy": run.accuracy}
    if recipe.method in ("edge-popup", "random"):
        target = path.with_name(path.name + supermask.SUFFIX)
        supermask.pack(
            run.net,
            target,
            seed=recipe.seed,
            init=recipe.init,
            keep=recipe.keep,
            scaled=recipe.scaled,
            description=description,
        )
        return target
    target = path.with_name(path.name + ".safetensors")
    tensors = {key: value.detach().cpu().contiguous() for key, value in run.net.state_dict().items()}
    save_weights(tensors, target, description)
    return target
