"""All near duplicates of a list of texts at once: a prefix join in numpy, exact at any length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

from bioinstruct.filters.similarity import least_common, prefix_length
from bioinstruct.filters.token_codes import Code, Coded

__all__ = ["Prefixes", "common_words", "join", "prefixes", "slack"]

Integers = NDArray[np.int64]
BLOCK = 2048  # texts that are compared with each other before any is known to be dropped
CANDIDATES = 250_000  # compared at one time: what fits into the caches
SCALE = 256  # of `slack`, so that a fraction of a word is a whole number
MOST = 64 * SCALE  # two sketches differ in 64 bits at most


@dataclass(frozen=True, slots=True)
class Prefixes:
    """The rarest words of each text, of which near duplicates share at least one."""

    keys: Integers
    """Numbers of words, text after text, rarest first; a second 'the' is another key."""
    texts: NDArray[np.int32]
    """Which text has the key."""
    places: NDArray[np.int32]
    """How many of its words are rarer."""
    starts: Integers
    """Where each text begins in the three above."""
    room: Integers
    """Where each key begins in a table that holds all texts by key."""


def slack(lengths: Integers, threshold: float) -> NDArray[np.int16]:
    """How many words two near duplicates may differ in, is the sum of theirs; rounded up, scaled.

    m + n - 2k words differ, and k is above threshold * (m + n) / 2, ties apart.
    """
    allowed = np.ceil((1 - threshold) * lengths * SCALE + 1)
    return np.asarray(np.minimum(allowed, MOST), np.int16)


def common_words(a: Code, b: Code, least: int) -> int:
    """Length of the longest common subsequence, or 0 when it is below `least`."""
    if a == b:
        return len(a)
    return int(LCSseq.similarity(a, b, score_cutoff=least))


def prefixes(coded: Coded, threshold: float) -> Prefixes:
    """Index every text by its rarest words."""
    lengths = coded.lengths
    texts = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    keys = _numbered(coded.words, texts)
    count = np.bincount(keys)
    rank = np.empty(len(count), np.int64)
    rank[np.argsort(count, kind="stable")] = np.arange(len(count))
    order = np.argsort(texts * np.int64(max(len(count), 1)) + rank[keys])
    keys = keys[order]
    places = np.arange(len(keys)) - coded.offsets[:-1][texts]
    chosen = np.flatnonzero(places < prefix_length(lengths, threshold)[texts])
    keys, texts, places = keys[chosen], texts[chosen], places[chosen]
    starts = np.searchsorted(texts, np.arange(len(lengths) + 1))
    room = np.zeros(len(count) + 1, np.int64)
    np.cumsum(np.bincount(keys, minlength=len(count)), out=room[1:])
    return Prefixes(keys, texts, places.astype(np.int32), starts, room)


def _numbered(words: NDArray[np.int32], texts: NDArray[np.int32]) -> Integers:
    """Words, but the second, third… of the same word in one text are words of their own."""
    keys = words.astype(np.int64)
    if not len(keys):
        return keys
    wide = np.int64(keys.max() + 1)
    both = texts * wide + keys
    order = np.argsort(both, kind="stable")
    both = both[order]
    at = np.arange(len(both))
    first = np.concatenate([[True], both[1:] != both[:-1]])
    number = at - np.maximum.accumulate(np.where(first, at, 0))
    again = np.flatnonzero(number)
    if len(again):
        repeated = keys[order[again]] * (number.max() + 1) + number[again]
        keys[order[again]] = wide + np.unique(repeated, return_inverse=True)[1]
    return keys


class _Join:
    """The texts kept so far, by key, and the near pairs of the next block of texts."""

    def __init__(self, coded: Coded, threshold: float) -> None:
        self.lengths = coded.lengths
        self.index = prefixes(coded, threshold)
        self._threshold = threshold
        self._groups = coded.groups
        self._grouped = bool(coded.groups.any())
        self._sketches = coded.sketches
        self._wide = coded.wide_sketches
        self._slack = slack(self.lengths, threshold)
        size = len(self.index.keys)
        self._used = np.zeros(len(self.index.room) - 1, np.int64)
        self._texts = np.zeros(size, np.int32)
        self._places = np.zeros(size, np.int32)

    def pairs(
        self, begin: int, end: int, *, inside: bool
    ) -> tuple[list[int], list[int], list[int]]:
        """Later text, earlier text and least common words, in order, of all that may be near.

        The earlier ones are those that are kept and, when `inside`, those of the block itself.
        """
        index = self.index
        a, b = index.starts[begin], index.starts[end]
        order = a + np.argsort(index.keys[a:b], kind="stable")
        keys, texts, places = index.keys[order], index.texts[order], index.places[order]
        low = index.room[keys]
        found = [*self._near(texts, places, low, low + self._used[keys], self._texts, self._places)]
        if inside:
            first = np.searchsorted(keys, keys)
            found += self._near(texts, places, first, np.arange(len(keys)), texts, places)
        pairs = np.sort(np.concatenate(found)) if found else np.zeros(0, np.int64)
        pairs = pairs[
            np.flatnonzero(np.diff(pairs, prepend=-1))
        ]  # each once, met by what word it may
        later, earlier = np.divmod(pairs, len(self.lengths))
        m, n = self.lengths[later], self.lengths[earlier]
        least = least_common(m, n, self._threshold)
        apart = np.bitwise_count(self._wide[later] ^ self._wide[earlier]).sum(axis=1)
        near = np.flatnonzero(apart <= m + n - 2 * least)
        return later[near].tolist(), earlier[near].tolist(), least[near].tolist()

    def keep(self, begin: int, end: int, kept: NDArray[np.bool_]) -> None:
        """Remember the kept texts of the block."""
        index = self.index
        a, b = index.starts[begin], index.starts[end]
        chosen = a + np.flatnonzero(kept[index.texts[a:b]])
        chosen = chosen[np.argsort(index.keys[chosen], kind="stable")]
        keys = index.keys[chosen]
        rank = np.arange(len(keys)) - np.searchsorted(keys, keys)
        to = index.room[keys] + self._used[keys] + rank
        self._texts[to], self._places[to] = index.texts[chosen], index.places[chosen]
        self._used += np.bincount(keys, minlength=len(self._used))

    def _near(
        self,
        texts: NDArray[np.int32],
        places: NDArray[np.int32],
        low: Integers,
        high: Integers,
        other_texts: NDArray[np.int32],
        other_places: NDArray[np.int32],
    ) -> Iterator[Integers]:
        """Pairs, as later * n + earlier, of entry i with the others from low[i] up to high[i]."""
        for i, j in _portions(high - low):
            count = high[i:j] - low[i:j]
            one = np.repeat(np.arange(i, j, dtype=np.int32), count)
            skip = np.cumsum(count) - count
            other = np.repeat((low[i:j] - skip).astype(np.int32), count)
            other += np.arange(len(one), dtype=np.int32)
            a, b = texts[one], other_texts[other]
            apart = np.bitwise_count(self._sketches[a] ^ self._sketches[b]).astype(np.int16)
            allowed = self._slack[a].astype(np.int32) + self._slack[b]
            alike = np.flatnonzero(apart * np.int32(SCALE) <= allowed)
            a, b, one, other = a[alike], b[alike], one[alike], other[alike]
            m, n = self.lengths[a], self.lengths[b]
            least = np.ceil((m + n) * (self._threshold / 2) - 1e-6)  # ties aside, see `pairs`
            near = (places[one] <= m - least) & (other_places[other] <= n - least)
            if self._grouped:
                near &= self._groups[a] == self._groups[b]
            near = np.flatnonzero(near)
            yield a[near] * np.int64(len(self.lengths)) + b[near]


def _portions(counts: Integers) -> Iterator[tuple[int, int]]:
    """Ranges of entries whose counts add up to about CANDIDATES."""
    ends = np.cumsum(counts)
    i = 0
    while i < len(counts):
        done = int(ends[i - 1]) if i else 0
        j = max(int(np.searchsorted(ends, done + CANDIDATES, side="right")), i + 1)
        if ends[j - 1] > done:
            yield i, j
        i = j


def join(
    coded: Coded, *, pool: int, threshold: float, frozen: bool = False
) -> tuple[Integers, Integers]:
    """For each text the first kept one that it is too near to, or -1, and their common words.

    The first `pool` texts are kept whatever they are like; when `frozen`, only they are.
    """
    n, codes = len(coded), coded.codes
    cause = np.full(n, -1, np.int64)
    common = np.zeros(n, np.int64)
    kept = bytearray(b"\1") * n  # looked at one by one, where an array is slow
    flags = np.frombuffer(kept, np.bool_)
    table = _Join(coded, threshold)
    table.keep(0, pool, flags)
    for begin in range(pool, n, BLOCK):
        end = min(begin + BLOCK, n)
        for later, earlier, least in zip(*table.pairs(begin, end, inside=not frozen), strict=True):
            if kept[later] and kept[earlier]:
                found = common_words(codes[later], codes[earlier], least)
                if found >= least:
                    cause[later], common[later], kept[later] = earlier, found, 0
        if not frozen:
            table.keep(begin, end, flags)
    return cause, common
