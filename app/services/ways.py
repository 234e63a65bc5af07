"""Ways from one take to another along the alignments of a project: direct, in reverse, or through a third."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from models.domain.alignment import Alignment
from models.domain.landing import Leg

Way = tuple[Leg, ...]


class Ways:
    """The warps of a project as a map from take to take."""

    def __init__(self, alignments: Iterable[Alignment]) -> None:
        self._legs: dict[tuple[str, str], Leg] = {}
        kept = list(alignments)
        for warp in kept:
            self._legs[warp.reference_uid, warp.query_uid] = Leg(warp)
        for warp in kept:  # backwards only where nobody aligned the pair in this direction
            self._legs.setdefault((warp.query_uid, warp.reference_uid), Leg(warp, backward=True))
        self._next: dict[str, set[str]] = {}
        for start, end in self._legs:
            self._next.setdefault(start, set()).add(end)

    def between(self, start_uid: str, end_uid: str) -> Way | None:
        """The warp of the pair; without one the two legs through a common reference that cost least; None
        when there are none either."""
        direct = self._legs.get((start_uid, end_uid))
        if direct is not None:
            return (direct,)
        middles = self._next.get(start_uid, set()) & self._next.get(end_uid, set())
        ways = [(self._legs[start_uid, uid], self._legs[uid, end_uid]) for uid in sorted(middles)]
        return min(ways, key=cost_of, default=None)


def cost_of(way: Way) -> float:
    """Mean cost of its warps, added up: how unlike the takes on the way are."""
    return sum(leg.mean_cost for leg in way)


def method_of(way: Way) -> str:
    """What made the warps, such as "dtw-pose" or, through a common reference, "dtw-pose + dtw-pose"."""
    return " + ".join(leg.warp.method for leg in way)


def composed(way: Way) -> Alignment:
    """The warp from where a way starts to where it ends."""
    return reduce(Alignment.compose, (leg.warp.inverse() if leg.backward else leg.warp for leg in way))
