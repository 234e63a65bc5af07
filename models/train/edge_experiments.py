"""The comparisons of the edge-popup paper on CIFAR-10 as data, and what runs them.

An experiment is a list of trainings under names, each repeated with several seeds. Whatever is finished
stands in `results.csv` and is not trained again; the training that was stopped goes on from its checkpoint.
So a run can be killed at any time, and more seeds or experiments added to the same folder later.

The test pictures are looked at once, after the last epoch: what is reported was not chosen by them (the
paper reports the best epoch on the test pictures).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.nets.random_weights import INITS
from models.nets.zhou_mask import DRAWS
from models.train.cifar import Pictures, fingerprint
from models.train.edge_recipes import EdgeRecipe, Method, published
from models.train.edge_results import RESULTS, Result, append_result, read_results, result_of, training_key
from models.train.train_edge_popup import EdgeRun, check, train_edge_popup

KEEPS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
WIDTHS = (0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Budget:
    """How long each training of an experiment is: its epochs, the share of the training pictures in each, and
    choices that a method changes in its published recipe. draws: how often networks that are drawn are."""

    name: str
    epochs: int
    share: float
    draws: int = DRAWS
    changes: Mapping[Method, Mapping[str, object]] = field(default_factory=dict)


FULL = Budget("full", 100, 1.0)
# Short trainings want larger steps than the published ones; these were the best on 2,000 training pictures
# that were not trained on. All methods take batches of one size, so that they see as many in as many steps.
CPU = Budget(
    "cpu",
    epochs=8,
    share=0.0625,
    draws=2,
    changes={
        "edge-popup": {"batch": 128, "learning_rate": 0.4},
        "zhou": {"batch": 128},
        "dense": {"batch": 128, "learning_rate": 1e-3, "init": "xavier_normal"},
        "magnitude": {"batch": 128, "learning_rate": 1e-3, "init": "xavier_normal"},
        "random": {"batch": 128},
    },
)
BUDGETS = {budget.name: budget for budget in (CPU, FULL)}


@dataclass(frozen=True, slots=True)
class Planned:
    """One training under the name of what it is compared as."""

    label: str
    recipe: EdgeRecipe


@dataclass(frozen=True, slots=True)
class Experiment:
    """Trainings that are compared. network: the one it was planned with."""

    name: str
    budget: str
    network: str
    planned: tuple[Planned, ...]


def plan(name: str, budget: Budget, network: str | None, seeds: Sequence[int]) -> Experiment:
    """The trainings of an experiment: all with the first seed, then all with the next. network: of those that
    can be done with any, Conv4 by default. Raises KnownError for an unknown name, for a network that is not
    the experiment's own, and as `train_edge_popup.check` does."""
    if name not in EXPERIMENTS:
        raise KnownError(f"There is no experiment '{name}'.", hint=f"Known: {', '.join(EXPERIMENTS)}.")
    once = EXPERIMENTS[name](budget, network or "Conv4")
    if network is not None and network != once[0].recipe.network:
        raise KnownError(f"The experiment {name} is about {once[0].recipe.network}, not {network}.")
    planned = tuple(Planned(one.label, replace(one.recipe, seed=seed)) for seed in seeds for one in once)
    for one in planned:
        check(one.recipe)
    return Experiment(name, budget.name, once[0].recipe.network, planned)


def _recipe(budget: Budget, network: str, method: Method, **changes: object) -> EdgeRecipe:
    own = dict(budget.changes.get(method, {}))
    return published(network, method, **{"epochs": budget.epochs, "share": budget.share, **own, **changes})


def _over_keep(budget: Budget, network: str) -> list[Planned]:
    thinned = [
        Planned(f"{100 * keep:g} %", _recipe(budget, network, "edge-popup", keep=keep)) for keep in KEEPS
    ]
    return [Planned("dense", _recipe(budget, network, "dense")), *thinned]


def _over_inits(budget: Budget, network: str) -> list[Planned]:
    plain = [Planned(init, _recipe(budget, network, "edge-popup", init=init)) for init in INITS]
    scaled = [
        Planned(f"{init}, scaled", _recipe(budget, network, "edge-popup", init=init, scaled=True))
        for init in ("signed_constant", "kaiming_normal")
    ]
    return plain + scaled


def _over_widths(budget: Budget, network: str) -> list[Planned]:
    methods: tuple[Method, ...] = ("edge-popup", "dense")
    return [
        Planned(f"{method}, width {width:g}", _recipe(budget, network, method, width=width))
        for width in WIDTHS
        for method in methods
    ]


def _over_methods(budget: Budget, network: str) -> list[Planned]:
    """At keep 0.5, about which the masks of Zhou et al. settle too. A random mask has nothing to train."""
    return [
        Planned("dense", _recipe(budget, network, "dense")),
        Planned("magnitude pruning", _recipe(budget, network, "magnitude")),
        Planned("edge-popup", _recipe(budget, network, "edge-popup")),
        Planned("Zhou et al.", _recipe(budget, network, "zhou")),
        Planned("random mask", _recipe(budget, network, "random", epochs=1, share=0.01)),
    ]


EXPERIMENTS: dict[str, Callable[[Budget, str], list[Planned]]] = {
    **{
        f"keep-conv{depth}": lambda budget, _, network=f"Conv{depth}": _over_keep(budget, network)  # type: ignore[misc]
        for depth in (2, 4, 6, 8)
    },
    "inits": _over_inits,
    "widths": _over_widths,
    "methods": _over_methods,
}


def run_experiment(
    experiment: Experiment,
    train: Pictures,
    test: Pictures,
    out: Path,
    *,
    device: str = "cpu",
    bfloat16: bool = False,
) -> Generator[Progress, None, list[Result]]:
    """Train what is not trained yet; results go to `results.csv` in the folder `out`. Returns those of this
    experiment in the order of the plan. Raises KnownError as `train_edge_popup` does."""
    out.mkdir(parents=True, exist_ok=True)
    table, pictures, planned = out / RESULTS, fingerprint(train, test), experiment.planned
    total = sum(one.recipe.epochs for one in planned)
    done, found = 0, []
    for number, one in enumerate(planned, start=1):
        key = training_key(one.recipe, bfloat16, pictures)
        same = [row for row in read_results(table) if row.key == key]
        note = f"{one.label}, seed {one.recipe.seed} ({number} of {len(planned)})"
        result = next((row for row in same if _belongs(row, experiment, one.label)), None)
        if result is None:
            result = same[0] if same else None  # of another experiment
            checkpoint = out / f"{key}.checkpoint"
            if result is None:
                training = train_edge_popup(
                    one.recipe,
                    train,
                    test,
                    checkpoint,
                    device=device,
                    bfloat16=bfloat16,
                    score_every=one.recipe.epochs,
                    draws=BUDGETS[experiment.budget].draws,
                )
                run = yield from _told(training, done, total, note)
                result = result_of(run, pictures)
            result = replace(result, experiment=experiment.name, budget=experiment.budget, label=one.label)
            append_result(table, result)
            checkpoint.unlink(missing_ok=True)
        done += one.recipe.epochs
        found.append(result)
        yield Progress(done, total, note)
    return found


def _belongs(row: Result, experiment: Experiment, label: str) -> bool:
    of = (experiment.name, experiment.budget, label)
    return (row.experiment, row.budget, row.label) == of


def _told(
    training: Generator[Progress, None, EdgeRun], before: int, total: int, note: str
) -> Generator[Progress, None, EdgeRun]:
    """The progress of one training as that of the experiment."""
    while True:
        try:
            step = next(training)
        except StopIteration as end:
            run: EdgeRun = end.value
            return run
        yield Progress(before + step.done, total, f"{note}: {step.note}")
