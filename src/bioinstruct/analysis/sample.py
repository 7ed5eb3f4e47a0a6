"""A seeded sample of a stream of records, independent of their order."""

from __future__ import annotations

import hashlib
import heapq

from bioinstruct.schema import Instruction

__all__ = ["Sample"]


class Sample:
    """The records with the smallest seeded hashes of their ids.

    Holds at most `size` records. A sample contains every smaller sample of the same seed.
    """

    def __init__(self, size: int, *, seed: int = 0) -> None:
        self._size = size
        self._seed = seed
        self._heap: list[tuple[int, int, Instruction]] = []  # the largest hash first

    def add(self, example: Instruction, place: int) -> None:
        """Offer a record; `place` is its position in the dataset."""
        key = -_hash(example.id, self._seed)
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, (key, place, example))
        elif self._heap and key > self._heap[0][0]:
            heapq.heapreplace(self._heap, (key, place, example))

    def records(self) -> list[Instruction]:
        """Return the sample in dataset order."""
        return [example for _, _, example in sorted(self._heap, key=lambda item: item[1])]


def _hash(id: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {id}".encode()).digest()[:8], "big")
