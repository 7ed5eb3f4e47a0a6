"""A seeded sample of a stream of records: the same records in any order give the same sample."""

from __future__ import annotations

import hashlib
import heapq

from bioinstruct.schema import Instruction

__all__ = ["Sample"]


class Sample:
    """The records whose hashed ids are the smallest, which is a random choice by the seed.

    Holds no more than `size` records. A larger sample of the same seed contains a smaller one.
    """

    def __init__(self, size: int, *, seed: int = 0) -> None:
        self._size = size
        self._seed = seed
        self._heap: list[tuple[int, int, Instruction]] = []  # the largest hash first

    def add(self, example: Instruction, place: int) -> None:
        """Offer a record; `place` is where it stands among all."""
        key = -_hash(example.id, self._seed)
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, (key, place, example))
        elif self._heap and key > self._heap[0][0]:
            heapq.heapreplace(self._heap, (key, place, example))

    def records(self) -> list[Instruction]:
        """The sample, in the order of the dataset."""
        return [example for _, _, example in sorted(self._heap, key=lambda item: item[1])]


def _hash(id: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {id}".encode()).digest()[:8], "big")
