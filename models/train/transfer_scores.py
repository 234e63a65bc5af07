"""How far events land from the truth when they are carried from one take to another along embeddings.

For each take in turn (the query) its events are found from other takes (the references) and compared with its
own. With one reference: each alone. With several: the median of what they say. Errors are in per cent of the
query's length, and in frames. The crop test cuts 10 to 40 % off the query's ends, never the event, so that
knowing how far a clip has run does not help. The same references and crops are drawn for every method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.run.dtw import dtw
from models.run.embedding_align import align_embeddings
from models.train.phase_scores import mean_interval

Floats = NDArray[np.floating]
# vectors of the reference and of the query, frames of the reference -> frames of the query
Matcher = Callable[[Floats, Floats, NDArray[np.int64]], NDArray[np.float64]]
# index of a take, its first frame and the one after its last -> vectors of these frames, and of no others
Embed = Callable[[int, int, int], Floats]
Part = tuple[int, int]  # first frame of a query that is left, and the one after the last
# reference, query, frames of the reference, part of the query that is left (None: all of it)
# -> frames counted from the beginning of that part; None = not known
Warp = Callable[[int, int, NDArray[np.int64], Part | None], NDArray[np.float64] | None]

REFERENCES, SEVERAL, SUBSETS, SEED = 10, 5, 10, 0
LEAST_CUT, MOST_CUT = 0.1, 0.4  # of the clip, in the crop test
SKIP = 4.0  # price of a frame without a partner at an open end, in typical costs of a good match


@dataclass(frozen=True, slots=True)
class Take:
    """A take with a truth. events: name → frame, only those that are known."""

    name: str
    frames: int
    events: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Error:
    """Of transferred events. percent: of the query's length, mean over queries. interval: half of the 95 %
    interval of that over queries. frames: median over queries and references."""

    percent: float
    interval: float
    frames: float


@dataclass(frozen=True, slots=True)
class EventTransfer:
    """Errors of an event: from one reference, from the median of several, and both for cropped queries.

    None = too few references, or not tried."""

    event: str
    queries: int
    one: Error | None
    several: Error | None
    cropped_one: Error | None
    cropped_several: Error | None


def match_nearest(reference: Floats, query: Floats, frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """The nearest frame of the query for each of the reference's `frames`."""
    return _costs(reference[frames], query).argmin(axis=1).astype(np.float64)


def match_dtw(reference: Floats, query: Floats, frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """Along the cheapest monotone path from corner to corner (squared distances)."""
    return _along(dtw(_costs(reference, query)).path, frames)


def match_open_dtw(reference: Floats, query: Floats, frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """As `match_dtw`, with frames at the ends left without a partner where that is cheaper."""
    cost = _costs(reference, query)
    usual = max(float(np.median(cost.min(axis=0))), float(np.median(cost.min(axis=1))), 1e-12)
    return _along(dtw(cost, skip_cost=SKIP * usual).path, frames)


def match_as_keyphase(reference: Floats, query: Floats, frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """As `keyphase align` warps by embeddings: both ends open, standing still has a price."""
    return align_embeddings(reference, query, fps_reference=1.0, fps_query=1.0).map_indices(frames)


# for whole takes, and for takes of which a part is missing
MATCHERS: dict[str, tuple[Matcher, Matcher]] = {
    "nearest": (match_nearest, match_nearest),
    "dtw": (match_dtw, match_open_dtw),
    "keyphase": (match_as_keyphase, match_as_keyphase),
}


def warp_of(vectors: Sequence[Floats], embed: Embed | None, matcher: str) -> Warp:
    """Warps by the vectors of whole takes. embed: for parts of them; None = parts are not known."""
    whole, partial = MATCHERS[matcher]

    @lru_cache(maxsize=8)
    def vectors_of(query: int, part: Part) -> Floats:
        assert embed is not None
        return embed(query, *part)

    def warp(
        reference: int, query: int, frames: NDArray[np.int64], part: Part | None
    ) -> NDArray[np.float64] | None:
        if part is None:
            return whole(vectors[reference], vectors[query], frames)
        if embed is None:
            return None
        return partial(vectors[reference], vectors_of(query, part), frames)

    return warp


def transfer_scores(
    takes: Sequence[Take],
    warp: Warp,
    events: Sequence[str],
    *,
    cropped: bool = True,
    references: int = REFERENCES,
) -> tuple[EventTransfer, ...]:
    """Errors of each event that at least two takes have.

    references: so many other takes, drawn at random, speak for each query. cropped: run the crop test.
    """
    scores = []
    for event in events:
        have = [i for i, take in enumerate(takes) if event in take.events]
        whole, parts = _Tally(), _Tally()
        for query in have if len(have) > 1 else ():
            chosen = _references(have, query, references)
            truth, length = takes[query].events[event], takes[query].frames
            whole.add(_guesses(takes, warp, event, chosen, query, None), truth, length, query)
            if cropped:
                part = crop(length, truth, np.random.default_rng([SEED, query, events.index(event)]))
                guesses = _guesses(takes, warp, event, chosen, query, part)
                parts.add(guesses, truth - part[0], part[1] - part[0], query)
        if whole.one:
            errors = (whole.of_one(), whole.of_several(), parts.of_one(), parts.of_several())
            scores.append(EventTransfer(event, len(whole.one), *errors))
    return tuple(scores)


def _guesses(
    takes: Sequence[Take], warp: Warp, event: str, chosen: Sequence[int], query: int, part: Part | None
) -> list[float]:
    found = [warp(r, query, np.array([takes[r].events[event]], np.int64), part) for r in chosen]
    return [float(frames[0]) for frames in found if frames is not None]


def crop(length: int, event: int, random: np.random.Generator) -> tuple[int, int]:
    """First frame, and the one after the last, of what is left when 10 to 40 % are cut off a clip's ends, but
    not the event."""
    cut = round(random.uniform(LEAST_CUT, MOST_CUT) * length)
    cut = min(cut, length - 1)
    low, high = max(0, cut - (length - 1 - event)), min(cut, event)
    before = int(random.integers(low, high + 1))
    return before, length - (cut - before)


class _Tally:
    """Collects what references say of each query."""

    def __init__(self) -> None:
        self.one: list[tuple[float, list[float]]] = []  # per query: mean % and each error in frames
        self.several: list[tuple[float, list[float]]] = []

    def add(self, guesses: Sequence[float], truth: int, length: int, query: int) -> None:
        if not guesses:
            return
        said = np.asarray(guesses)
        self.one.append(_spread(np.abs(said - truth), length))
        if len(said) < SEVERAL:
            return
        random = np.random.default_rng([SEED, query])
        subsets = [random.permutation(len(said))[:SEVERAL] for _ in range(SUBSETS)]
        medians = np.array([np.median(said[subset]) for subset in subsets])
        self.several.append(_spread(np.abs(medians - truth), length))

    def of_one(self) -> Error | None:
        return _error(self.one) if self.one else None

    def of_several(self) -> Error | None:
        return _error(self.several) if self.several else None


def _spread(errors: NDArray[np.floating], length: int) -> tuple[float, list[float]]:
    return 100 * float(errors.mean()) / length, errors.tolist()


def _error(rows: Sequence[tuple[float, list[float]]]) -> Error:
    percent, interval = mean_interval([row[0] for row in rows])
    return Error(percent, interval, float(np.median([value for row in rows for value in row[1]])))


def _references(have: Sequence[int], query: int, most: int) -> list[int]:
    others = [i for i in have if i != query]
    order = np.random.default_rng([SEED, query, 1]).permutation(len(others))
    return [others[i] for i in order[:most]]


def _along(path: NDArray[np.int32], frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """Middle of the matches of each frame; between and beyond them straight on."""
    rows, inverse = np.unique(path[:, 0], return_inverse=True)
    middles = np.bincount(inverse, weights=path[:, 1]) / np.bincount(inverse)
    return np.interp(frames, rows, middles)


def _costs(a: Floats, b: Floats) -> NDArray[np.float64]:
    """Squared distances (N, M); frames without a vector (NaN) are as far as anything is from anything."""
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    known = np.isfinite(x).all(axis=1)[:, None] & np.isfinite(y).all(axis=1)[None]
    x, y = np.nan_to_num(x), np.nan_to_num(y)
    cost = np.maximum((x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None] - 2 * x @ y.T, 0)
    if known.all():
        return np.asarray(cost)
    return np.where(known, cost, cost[known].max(initial=1.0) + 1e-6)
