"""Which takes are kept from a training to judge what it learned."""

from __future__ import annotations

from collections.abc import Sequence

FEWEST_TO_SPLIT = 5  # of fewer takes none can be spared


def held_back_count(takes: int) -> int:
    """How many of so many takes are kept back: a fifth, but two at least (τ needs a pair); none of fewer than
    five."""
    return 0 if takes < FEWEST_TO_SPLIT else max(2, takes // 5)


def hold_back(takes: Sequence[str]) -> tuple[str, ...]:
    """Those kept back: evenly over the list, always the same for the same list."""
    count = held_back_count(len(takes))
    return tuple(takes[(2 * k + 1) * len(takes) // (2 * count)] for k in range(count))
