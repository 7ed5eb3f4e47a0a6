"""Number the words of test texts, weigh them by how rare they are, and hash runs of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bioinstruct.filters.stems import COMMON, stem

__all__ = ["Numbered", "Vocabulary", "groups_of", "run_hashes"]

_PRIOR_TEXTS = 2000  # texts of which no test text is one, in which only common words occur
_PRIOR_COMMON = 200
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_RUN = 5  # words; texts that share most of their runs are versions of one text
_MOST_WORDS = 500_000  # words whose number is remembered


class Vocabulary(dict[str, int]):
    """Number of the stem of each word; 0 for a stem that no test text has."""

    def __init__(self) -> None:
        super().__init__()
        self.stems = {"": 0} | {name: n for n, name in enumerate(sorted(COMMON), 1)}
        self.weights = np.zeros(0)

    def __missing__(self, word: str) -> int:
        number = self.stems.get(stem(word), 0)
        if len(self) < _MOST_WORDS:
            self[word] = number
        return number

    def learn(self, texts: Iterable[Sequence[str]]) -> None:
        """Number the stems of test texts, given as words."""
        for words in texts:
            for word in words:
                if word not in self:
                    self[word] = self.stems.setdefault(stem(word), len(self.stems))

    def weigh(self, texts: Numbered, groups: Sequence[int]) -> None:
        """Weigh each stem by the logarithm of how rare it is among groups of test texts.

        `weights[0]` is that of a stem that no test text has. Common words weigh nothing.
        """
        groups_with: Counter[int] = Counter()
        seen: dict[int, set[int]] = {}
        for place, group in enumerate(groups):
            seen.setdefault(group, set()).update(texts.row(place).tolist())
        for numbers in seen.values():
            groups_with.update(numbers)
        total = len(seen) + _PRIOR_TEXTS
        self.weights = np.zeros(len(self.stems))
        for name, number in self.stems.items():
            short = len(name) == 1
            weight = math.log(total / (groups_with[number] + (_PRIOR_COMMON if short else 1)))
            self.weights[number] = 0.0 if name in COMMON else weight / 4 if short else weight
        self.weights[0] = math.log(total)


@dataclass(frozen=True, slots=True)
class Numbered:
    """Texts as numbers of stems, one after the other."""

    flat: NDArray[np.int32]
    ends: NDArray[np.int64]
    """Where each text begins, and the end of the last."""

    @classmethod
    def of(cls, words: Sequence[Sequence[str]], vocabulary: Vocabulary) -> Numbered:
        """Number texts that are given as words."""
        get = vocabulary.__getitem__
        flat = np.fromiter((n for row in words for n in map(get, row)), np.int32)
        return cls(flat, np.cumsum([0, *map(len, words)]))

    def __len__(self) -> int:
        return len(self.ends) - 1

    def row(self, place: int) -> NDArray[np.int32]:
        """Return the numbers of one text."""
        return self.flat[self.ends[place] : self.ends[place + 1]]

    def texts_of(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the text that each position is in."""
        return np.searchsorted(self.ends, positions, side="right") - 1


def run_hashes(texts: Numbered, size: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hashes of all runs of `size` known words inside one text, and their positions."""
    count = len(texts.flat) - size + 1
    if count <= 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    numbers = texts.flat.astype(np.uint64)
    hashes = np.zeros(count, np.uint64)
    for at in range(size):
        hashes = (hashes ^ numbers[at : at + count]) * _FACTOR
        hashes ^= hashes >> np.uint64(29)
    breaks = np.zeros(len(texts.flat) + 1, np.int32)
    breaks[1:] = np.cumsum(texts.flat == 0)
    inside = breaks[size:] == breaks[:count]
    for at in range(1, size):  # a text that begins within the run ends the one before
        starts = texts.ends[1:-1] - at
        inside[starts[(starts >= 0) & (starts < count)]] = False
    positions = np.flatnonzero(inside)
    return hashes[positions], positions


def groups_of(texts: Numbered) -> list[int]:
    """Return the group of each text: versions of one text, such as its layouts, are one group.

    A text joins the group that has most of its runs of five words, if that is half of them.
    """
    hashes, positions = run_hashes(texts, _RUN)
    bounds = np.searchsorted(positions, texts.ends).tolist()
    rows = hashes.tolist()
    group_by_run: dict[int, int] = {}
    found = []
    for place in range(len(texts)):
        runs = set(rows[bounds[place] : bounds[place + 1]])
        known = Counter(group_by_run[run] for run in runs if run in group_by_run)
        best, count = known.most_common(1)[0] if known else (place, 0)
        group = best if 2 * count >= len(runs) and count else place
        found.append(group)
        for run in runs:
            group_by_run.setdefault(run, group)
    return found
