"""Draw at random, the same on every machine and under every version of Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

__all__ = ["Draw"]

_T = TypeVar("_T")


class Draw:
    """Random choices that follow from a text alone.

    Only `random.Random.random` is used, whose numbers Python promises to keep for a seed; the
    algorithms behind `choice` and `sample` may change.
    """

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to `limit - 1`."""
        return int(self._random() * limit)

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        """Return true with this probability."""
        return self._random() < probability

    def one(self, items: Sequence[_T]) -> _T:
        """Return one of the items."""
        return items[self.below(len(items))]

    def some(self, items: Sequence[_T], count: int) -> list[_T]:
        """Return `count` different items (all, if there are fewer) in random order."""
        return self.shuffled(items)[:count]

    def shuffled(self, items: Sequence[_T]) -> list[_T]:
        """Return the items in random order."""
        mixed = list(items)
        for place in range(len(mixed) - 1, 0, -1):
            other = self.below(place + 1)
            mixed[place], mixed[other] = mixed[other], mixed[place]
        return mixed
