"""Find runs of words that a text has in common with test texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bioinstruct.filters.word_numbers import Numbered, Vocabulary, run_hashes
from bioinstruct.text import PASSAGE

__all__ = ["Passages", "WholeRuns"]

LEAST_WORDS = 5  # of a text that is found word for word in a longer one
LEAST_WHOLE = 6.0  # nats, of such a text

LEAST_WEIGHT = 35.0  # nats; a passage of common words is no sign of its source
LEAST_SHARE = 0.15  # of the words of the test text; a greeting is little of a conversation
MOST_GROUPS = 2  # a passage of more test texts is boilerplate
_BITS = 24


class Passages:
    """Runs of 13 words of test texts that few of them share and that have rare words."""

    def __init__(self, texts: Numbered, groups: Sequence[int], vocabulary: Vocabulary) -> None:
        self._weights = vocabulary.weights
        hashes, positions = run_hashes(texts, PASSAGE)
        owners = texts.texts_of(positions)
        pairs = np.array(groups, np.int64)[owners] if len(owners) else owners
        self._lengths = np.diff(texts.ends)
        order = np.lexsort((self._lengths[owners], pairs, hashes))
        hashes, positions = hashes[order], positions[order]
        owners, pairs = owners[order], pairs[order]
        first = np.ones(len(hashes), np.bool_)
        first[1:] = hashes[1:] != hashes[:-1]
        new_group = first.copy()
        new_group[1:] |= pairs[1:] != pairs[:-1]
        starts = np.flatnonzero(first)
        counts = np.add.reduceat(new_group, starts) if len(starts) else starts
        heavy = self._weight(texts, positions[starts]) >= LEAST_WEIGHT
        kept = starts[(counts <= MOST_GROUPS) & heavy]
        self._hashes, self._owners = hashes[kept], owners[kept]
        self._table = np.zeros(1 << _BITS, np.bool_)
        self._table[self._hashes >> np.uint64(64 - _BITS)] = True

    def find(self, texts: Numbered) -> dict[int, int]:
        """Return by text the first test text that it shares a passage of some share with."""
        if not len(self._hashes):
            return {}
        hashes, positions = run_hashes(texts, PASSAGE)
        some = np.flatnonzero(self._table[hashes >> np.uint64(64 - _BITS)])
        at = np.searchsorted(self._hashes, hashes[some]).clip(max=len(self._hashes) - 1)
        equal = self._hashes[at] == hashes[some]
        rows = texts.texts_of(positions[some[equal]])
        shared = Counter(zip(rows.tolist(), self._owners[at[equal]].tolist(), strict=True))
        found: dict[int, int] = {}
        for (row, owner), count in shared.items():
            if count + PASSAGE - 1 >= LEAST_SHARE * self._lengths[owner]:
                found.setdefault(row, owner)
        return found

    def _weight(self, texts: Numbered, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        sums = np.concatenate([[0.0], np.cumsum(self._weights[texts.flat])])
        return np.asarray(sums[positions + PASSAGE] - sums[positions])


class WholeRuns:
    """Short test texts that a longer text has word for word."""

    def __init__(self, texts: Numbered, vocabulary: Vocabulary) -> None:
        self._texts = texts
        hashes, positions = run_hashes(texts, LEAST_WORDS)
        starts = np.flatnonzero(np.isin(positions, texts.ends[:-1]))
        self._owners: dict[int, list[int]] = {}
        for hash, owner in zip(
            hashes[starts].tolist(), texts.texts_of(positions[starts]).tolist(), strict=True
        ):
            weight = vocabulary.weights[np.unique(texts.row(owner))].sum()
            if weight >= LEAST_WHOLE:
                self._owners.setdefault(hash, []).append(owner)
        self._table = np.zeros(1 << _BITS, np.bool_)
        known = np.fromiter(self._owners, np.uint64, len(self._owners))
        self._table[known >> np.uint64(64 - _BITS)] = True

    def find(self, texts: Numbered) -> dict[int, int]:
        """Return by text the first test text that is whole in it."""
        hashes, positions = run_hashes(texts, LEAST_WORDS)
        some = np.flatnonzero(self._table[hashes >> np.uint64(64 - _BITS)])
        at = positions[some]
        found: dict[int, int] = {}
        for row, start, hash in zip(
            texts.texts_of(at).tolist(), at.tolist(), hashes[some].tolist(), strict=True
        ):
            for owner in self._owners.get(hash, ()) if row not in found else ():
                whole = self._texts.row(owner)
                end = start + len(whole)
                if end <= texts.ends[row + 1] and (texts.flat[start:end] == whole).all():
                    found[row] = owner
                    break
        return found
