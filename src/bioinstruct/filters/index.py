"""A growing index of kept texts, searched for near duplicates of a new one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioinstruct.filters.similarity import least_common
from bioinstruct.filters.similarity_join import SCALE, common_words, slack
from bioinstruct.filters.token_codes import Code, Coded

__all__ = ["Pool"]


class _Column:
    """A numpy array that grows."""

    def __init__(self, dtype: type[np.generic], *shape: int) -> None:
        self._all: NDArray[Any] = np.zeros((64, *shape), dtype)
        self._size = 0

    @property
    def values(self) -> NDArray[Any]:
        return self._all[: self._size]

    def extend(self, values: NDArray[Any]) -> None:
        size = self._size + len(values)
        if size > len(self._all):
            shape = max(size, 2 * len(self._all)), *self._all.shape[1:]
            grown = np.zeros(shape, self._all.dtype)
            grown[: self._size] = self.values
            self._all = grown
        self._all[self._size : size] = values
        self._size = size


class Pool:
    """Encoded texts. A search compares the sketches of all of them, a nanosecond each."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._codes: list[Code] = []
        self._words = _Column(np.int32)
        self._lengths = _Column(np.int64)
        self._groups = _Column(np.int64)
        self._places = _Column(np.int64)
        self._sketches = _Column(np.uint64)
        self._wide = _Column(np.uint64, 4)
        self._slack = _Column(np.int16)

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def lengths(self) -> NDArray[np.int64]:
        return self._lengths.values

    @property
    def places(self) -> NDArray[np.int64]:
        """Position of each text among all texts ever seen."""
        return self._places.values

    @property
    def coded(self) -> Coded:
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.lengths)])
        return Coded(self._words.values, offsets, self._groups.values, self._codes)

    def extend(self, coded: Coded, places: NDArray[np.int64]) -> None:
        """Add texts."""
        self._codes += coded.codes
        self._words.extend(coded.words)
        self._lengths.extend(coded.lengths)
        self._groups.extend(coded.groups)
        self._places.extend(places)
        self._sketches.extend(coded.sketches)
        self._wide.extend(coded.wide_sketches)
        self._slack.extend(slack(coded.lengths, self._threshold))

    def find(self, coded: Coded) -> tuple[int, int] | None:
        """Return the row of the first near duplicate and the length of their LCS, or None."""
        code = coded.codes[0]
        if not code:
            return None
        apart = np.bitwise_count(self._sketches.values ^ coded.sketches).astype(np.int16)
        apart *= np.int16(SCALE)
        apart -= self._slack.values
        alike = np.flatnonzero(apart <= slack(coded.lengths, self._threshold))
        alike = alike[self._groups.values[alike] == coded.groups]
        if not len(alike):
            return None
        m, n = coded.lengths, self.lengths[alike]
        least = least_common(m, n, self._threshold)
        wide = np.bitwise_count(self._wide.values[alike] ^ coded.wide_sketches).sum(axis=1)
        near = np.flatnonzero((wide <= m + n - 2 * least) & (least <= np.minimum(m, n)))
        for row, enough in zip(alike[near].tolist(), least[near].tolist(), strict=True):
            common = common_words(code, self._codes[row], enough)
            if common >= enough:
                return row, common
        return None
