"""Label a stream offline, and sample labels for review."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from bioinstruct.labels.label import Labelled, labelled
from bioinstruct.labels.offline import VERSION, classifier
from bioinstruct.schema import Category, Instruction

__all__ = ["BANDS", "Audit", "keeps", "label_records"]

BANDS = (0.6, 0.9)
"""A label is doubtful below the first confidence, and certain from the second on."""


def label_records(
    examples: Iterable[Instruction], *, keep_existing: bool = False
) -> Iterator[Labelled]:
    """Label records in order with the classifier that ships with the package.

    With `keep_existing`, only records in OTHER are labelled, which includes unknown
    categories.
    """
    decide = classifier()
    for example in examples:
        verdict = decide(example)
        yield labelled(
            example,
            None if keep_existing and keeps(example) else verdict.category,
            by=VERSION,
            offline=verdict.category,
            confidence=verdict.confidence,
        )


def keeps(example: Instruction) -> bool:
    """Return whether `keep_existing` skips a record."""
    return example.category != Category.OTHER


class Audit:
    """A sample of a stream, stratified by category and confidence, in bounded memory."""

    def __init__(self, size: int, *, seed: int = 0) -> None:
        self._size = size
        self._rng = random.Random(seed)
        self._cells: dict[tuple[Category, int], list[Labelled]] = {}
        self._seen: dict[tuple[Category, int], int] = {}

    def add(self, made: Labelled) -> None:
        """Offer a record; all records of a cell are equally likely to be sampled."""
        cell = made.example.category, sum(made.confidence >= edge for edge in BANDS)
        sample = self._cells.setdefault(cell, [])
        seen = self._seen[cell] = self._seen.get(cell, 0) + 1
        if len(sample) < self._size:
            sample.append(made)
        elif (place := self._rng.randrange(seen)) < self._size:
            sample[place] = made

    def sample(self) -> list[Labelled]:
        """Return at most `size` records, cycling through the cells, low confidence first."""
        cells = [self._cells[cell] for cell in sorted(self._cells, key=lambda c: (c[1], c[0]))]
        turns = [made for turn in zip_longest(*cells) for made in turn if made is not None]
        order = list(Category)
        return sorted(
            turns[: self._size],
            key=lambda made: (order.index(made.example.category), made.confidence),
        )
