"""Find all near duplicates in a list of texts with an exact prefix join in numpy."""

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
BLOCK = 2048  # texts compared with each other before deciding which of them to drop
CANDIDATES = 250_000  # pairs compared at a time, chosen to fit the CPU caches
SCALE = 256  # fixed-point scale of `slack`
MOST = 64 * SCALE  # sketches differ in at most 64 bits


@dataclass(frozen=True, slots=True)
class Prefixes:
    """The rarest words of each text; near duplicates share at least one of them."""

    keys: Integers
    """Word ids of each text in turn, rarest first; a second 'the' has another id."""
    texts: NDArray[np.int32]
    """The text of each key."""
    places: NDArray[np.int32]
    """Number of rarer words in the text of each key."""
    starts: Integers
    """Start of each text in the three arrays above."""
    room: Integers
    """Start of each key in a table of all texts by key."""


def slack(lengths: Integers, threshold: float) -> NDArray[np.int16]:
    """Return each text's share of the words in which near duplicates may differ.

    Two near duplicates differ in at most the sum of their shares. Of m + n words, m + n - 2k
    differ, where k is above threshold * (m + n) / 2, apart from ties. Rounded up, times `SCALE`.
    """
    allowed = np.ceil((1 - threshold) * lengths * SCALE + 1)
    return np.asarray(np.minimum(allowed, MOST), np.int16)


def common_words(a: Code, b: Code, least: int) -> int:
    """Return the length of the longest common subsequence, or 0 if it is below `least`."""
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
    """Give the second, third and later occurrences of a word within a text other ids."""
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
    """The kept texts by key, to find the candidate pairs of the next block of texts."""

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
        """Return the candidate pairs as later text, earlier text and shortest sufficient LCS.

        Earlier texts are the kept ones and, if `inside`, those of the block itself.
        """
        index = self.index
        a, b = index.starts[begin], index.starts[end]
        order = a + np.argsort(index.keys[a:b], kind="stable")
        keys, texts, places = index.keys[order], index.texts[order], index.places[order]
        low = index.room[keys]
        near = [*self._near(texts, places, low, low + self._used[keys], self._texts, self._places)]
        if inside:
            first = np.searchsorted(keys, keys)
            near += self._near(texts, places, first, np.arange(len(keys)), texts, places)
        pairs = np.sort(np.concatenate(near)) if near else np.zeros(0, np.int64)
        # Pairs that share several keys occur several times.
        pairs = pairs[np.flatnonzero(np.diff(pairs, prepend=-1))]
        later, earlier = np.divmod(pairs, len(self.lengths))
        m, n = self.lengths[later], self.lengths[earlier]
        least = least_common(m, n, self._threshold)
        apart = np.bitwise_count(self._wide[later] ^ self._wide[earlier]).sum(axis=1)
        rows = np.flatnonzero(apart <= m + n - 2 * least)
        return later[rows].tolist(), earlier[rows].tolist(), least[rows].tolist()

    def keep(self, begin: int, end: int, kept: NDArray[np.bool_]) -> None:
        """Add the kept texts of the block to the table."""
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
        """Yield candidate pairs of entry i with the other entries from low[i] up to high[i].

        A pair is encoded as later * texts + earlier.
        """
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
            least = np.ceil((m + n) * (self._threshold / 2) - 1e-6)  # apart from ties, see `pairs`
            near = (places[one] <= m - least) & (other_places[other] <= n - least)
            if self._grouped:
                near &= self._groups[a] == self._groups[b]
            near = np.flatnonzero(near)
            yield a[near] * np.int64(len(self.lengths)) + b[near]


def _portions(counts: Integers) -> Iterator[tuple[int, int]]:
    """Yield ranges of entries whose counts sum to about CANDIDATES."""
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
    """Return, for each text, the first kept text that it repeats (or -1) and their LCS.

    The first `pool` texts are always kept; if `frozen`, no others are.
    """
    n, codes = len(coded), coded.codes
    cause = np.full(n, -1, np.int64)
    common = np.zeros(n, np.int64)
    kept = bytearray(b"\1") * n  # faster than an array to read one by one
    flags = np.frombuffer(kept, np.bool_)
    table = _Join(coded, threshold)
    table.keep(0, pool, flags)
    for begin in range(pool, n, BLOCK):
        end = min(begin + BLOCK, n)
        for later, earlier, least in zip(*table.pairs(begin, end, inside=not frozen), strict=True):
            if kept[later] and kept[earlier]:
                length = common_words(codes[later], codes[earlier], least)
                if length >= least:
                    cause[later], common[later], kept[later] = earlier, length, 0
        if not frozen:
            table.keep(begin, end, flags)
    return cause, common
