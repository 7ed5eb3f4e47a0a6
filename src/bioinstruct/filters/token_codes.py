"""Encode texts for fast comparison: an integer and a character per word, and bit sketches."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice, pairwise

import numpy as np
from numpy.typing import NDArray

from bioinstruct.text import unicode_words

__all__ = ["TOKENIZERS", "Code", "Coded", "Coder", "Tokenizer", "self_instruct_words"]

Tokenizer = Callable[[str], Sequence[Hashable]]
Code = str | list[int]
"""A text with one character per word, or a list of integers if characters run out."""

_LAST_CHARACTER = 0x10FFFF
_SURROGATES = 0xD800, 0x800  # start and number of the surrogate code points
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: neighbours get distant bits
_LETTERS = {byte: byte for byte in b"0123456789abcdefghijklmnopqrstuvwxyz"}
_LETTERS |= {byte: byte + 32 for byte in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_WORDS_ONLY = bytes(_LETTERS.get(byte, 32) for byte in range(256))


def self_instruct_words(text: str) -> list[bytes]:
    """Return `text.words` as bytes, several times faster."""
    lower = text if text.isascii() else text.lower()
    return lower.encode("utf-8", "surrogatepass").translate(_WORDS_ONLY).split()


TOKENIZERS: dict[str, Tokenizer] = {
    "self-instruct": self_instruct_words,
    "unicode": unicode_words,
}


@dataclass(frozen=True)
class Coded:
    """Encoded texts."""

    words: NDArray[np.int32]
    """Word ids of all texts, concatenated. Shape: (words,)."""
    offsets: NDArray[np.int64]
    """Start of each text in `words`, and the end of the last. Shape: (texts + 1,)."""
    groups: NDArray[np.int64]
    """Group of each text; texts of different groups are never near duplicates. Shape: (texts,)."""
    codes: list[Code]

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.codes)

    def __add__(self, other: Coded) -> Coded:
        return Coded(
            np.concatenate([self.words, other.words]),
            np.concatenate([self.offsets, other.offsets[1:] + self.offsets[-1]]),
            np.concatenate([self.groups, other.groups]),
            self.codes + other.codes,
        )

    def take(self, rows: NDArray[np.int64]) -> Coded:
        """Return the texts at the given rows."""
        lengths = self.lengths[rows]
        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        at = np.arange(ends[-1]) + np.repeat(self.offsets[rows] - ends[:-1], lengths)
        return Coded(
            self.words[at], ends, self.groups[rows], [self.codes[row] for row in rows.tolist()]
        )

    @cached_property
    def sketches(self) -> NDArray[np.uint64]:
        """A 64-bit sketch of each text, with one bit set for each of its words. Shape: (texts,).

        Texts whose sketches differ in d bits differ in at least d words.
        """
        return self._sketches(self._hashes() >> np.uint64(58))

    @cached_property
    def wide_sketches(self) -> NDArray[np.uint64]:
        """A 256-bit sketch of each text, for texts whose words fill 64 bits. Shape: (texts, 4)."""
        place = self._hashes() >> np.uint64(56)
        if len(self) == 1:  # same result in a fifth of the calls, for texts that come one by one
            bits = np.zeros((len(place), 4), np.uint64)
            bits[np.arange(len(place)), place >> np.uint64(6)] = np.uint64(1) << (
                place & np.uint64(63)
            )
            return np.bitwise_or.reduce(bits, axis=0, keepdims=True)
        lanes = (np.flatnonzero(place >> np.uint64(6) == lane) for lane in range(4))
        return np.stack([self._sketches(place & np.uint64(63), lane) for lane in lanes], axis=1)

    def _hashes(self) -> NDArray[np.uint64]:
        return (self.words.astype(np.uint64) + np.uint64(1)) * _GOLDEN

    def _sketches(
        self, place: NDArray[np.uint64], only: NDArray[np.int64] | None = None
    ) -> NDArray[np.uint64]:
        bits = np.uint64(1) << place
        if only is not None:
            chosen = bits[only]
            bits = np.zeros_like(bits)
            bits[only] = chosen
        sketches = np.zeros(len(self), np.uint64)
        nonempty = np.flatnonzero(self.lengths)
        if len(nonempty):
            sketches[nonempty] = np.bitwise_or.reduceat(bits, self.offsets[nonempty])
        return sketches


class Coder:
    """Encode texts, numbering words in the order in which they first appear."""

    def __init__(self, tokenize: Tokenizer, group: Callable[[str], Hashable] | None = None) -> None:
        self._tokenize = tokenize
        self._group = group
        self._numbers: dict[Hashable, int] = {}
        self._groups: dict[Hashable, int] = {}

    def encode(self, texts: Iterable[str]) -> Coded:
        """Encode texts; words that earlier texts had keep their numbers."""
        parts = [np.zeros(0, np.int32)]
        lengths, groups = [0], []
        for block in _blocks(texts, 10_000):  # so that not all words are Python objects at once
            words = [self._tokenize(text) for text in block]
            flat = list(chain.from_iterable(words))
            for word in dict.fromkeys(flat):
                self._numbers.setdefault(word, len(self._numbers))
            parts.append(np.fromiter(map(self._numbers.__getitem__, flat), np.int32, len(flat)))
            lengths += map(len, words)
            groups += [self._group_of(text) for text in block]
        numbers = np.concatenate(parts)
        offsets = np.cumsum(lengths)
        return Coded(numbers, offsets, np.array(groups, np.int64), _codes(numbers, offsets))

    def _group_of(self, text: str) -> int:
        if self._group is None:
            return 0
        return self._groups.setdefault(self._group(text), len(self._groups))


def _blocks(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(texts)
    while block := list(islice(rest, size)):
        yield block


def _codes(words: NDArray[np.int32], offsets: NDArray[np.int64]) -> list[Code]:
    """Return the texts in the form that rapidfuzz compares fastest.

    It treats a character and its code point as equal, so both forms can be mixed.
    """
    begin, count = _SURROGATES
    values = words.astype(np.uint32) + 1
    values[values >= begin] += count
    ends = offsets.tolist()
    if len(values) and values.max() > _LAST_CHARACTER:
        numbers = values.tolist()
        return [numbers[a:b] for a, b in pairwise(ends)]
    text = values.astype("<u4").tobytes().decode("utf-32-le")
    return [text[a:b] for a, b in pairwise(ends)]
