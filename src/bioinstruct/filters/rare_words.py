"""Find texts that share the rare words of parts of test texts, in any order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioinstruct.errors import UnknownNameError
from bioinstruct.filters.content_words import subject
from bioinstruct.filters.scored_texts import Part, split_options
from bioinstruct.filters.stems import fold
from bioinstruct.filters.word_numbers import Numbered, Vocabulary

__all__ = ["LEVELS", "Found", "Level", "RareWords"]

_MOST_KEYS = 32  # rarest words by which a long text is known
_MOST_PARTS = 500  # words of more parts than this find no candidates
_BLOCK = 64  # words; a short part is looked for in two blocks in a row
_SHORT = 60  # words of a part that is looked for by block, and of a question of a frame
_MANY_BLOCKS = 2  # a text of more is long for each short part
_LEAST_RARE = 15.0  # weight that a part must have to be recognised without its options
_INSIDE = 0.25  # how much more of a part, up to all of it, a longer text must have in one place
_FEW_KEYS = 4
_LEAST_INSIDE = 25.0
_LEAST_OPTIONS = 12.0
_OPTIONS_SHARE = 0.85
_LONGEST_ASKED = 500  # characters
_SENTENCES = re.compile(r"(?<=[.!?])\s+|\n")


@dataclass(frozen=True, slots=True)
class Level:
    """How much of the weight of a test text a training text must have."""

    share: float
    """For parts of many rare words."""
    few: float
    """Added for parts of few: all of it for three rare words, less for more, none from 13 on."""
    back: float
    """Share of the weight of the training text, around the common words, that the test has."""
    least: float
    """Weight in common, in nats."""


LEVELS = {
    "strict": Level(0.9, 0.1, 0.75, 20.0),
    "default": Level(0.6, 0.2, 0.55, 18.0),
    "loose": Level(0.3, 0.0, 0.25, 12.0),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A part of a test text that was met."""

    place: int
    """Position of the part."""
    score: float
    """Share of the weight of the part that the training text has."""
    whole: bool
    """Whether it is all of the training text and not a piece of it."""
    options: bool = False
    """Whether the options decided."""


@dataclass(frozen=True, slots=True)
class _Entry:
    keys: dict[int, float]
    weight: float
    options: dict[int, float]
    words: int
    subject: tuple[str, ...] | None


class RareWords:
    """Parts of test texts, by their rare words.

    Args:
        parts: the parts.
        vocabulary: numbers and weights of their words.
        level: how much a training text must share.
    """

    def __init__(
        self, parts: Sequence[Part], vocabulary: Vocabulary, level: str = "default"
    ) -> None:
        if level not in LEVELS:
            raise UnknownNameError("level", level, list(LEVELS))
        self._level, self._vocabulary = LEVELS[level], vocabulary
        self._entries = [self._entry(part) for part in parts]
        short = [n for n, entry in enumerate(self._entries) if entry.words <= _SHORT]
        long = [n for n, entry in enumerate(self._entries) if entry.words > _SHORT]
        self._short, self._long = self._columns(short), self._columns(long)

    def find(self, texts: Sequence[str], numbered: Numbered) -> list[Found | None]:
        """Return for each text the part of which it has the largest share, or None."""
        rows = np.arange(len(texts))
        starts, ends = numbered.ends[:-1], numbered.ends[1:]
        pairs = set(self._long.candidates(numbered.flat, starts, ends, rows))
        counts = np.maximum(
            (ends - starts - 1) // _BLOCK, 1
        )  # each with the next, but for the last
        rows = np.repeat(rows, counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        from_here = starts[rows] + _BLOCK * (np.arange(len(rows)) - first)
        to = np.minimum(from_here + 2 * _BLOCK, ends[rows])
        is_long = np.repeat(counts > _MANY_BLOCKS, counts)
        pairs.update(self._short.candidates(numbered.flat, from_here, to, rows, is_long))
        places_by_row: dict[int, list[int]] = {}
        for row, place in sorted(pairs):
            places_by_row.setdefault(row, []).append(place)
        best: list[Found | None] = [None] * len(texts)
        for row, some in places_by_row.items():
            own = numbered.row(row).tolist()
            present = set(own)
            found = [self._compare(texts[row], own, present, place) for place in some]
            best[row] = max(filter(None, found), key=lambda one: one.score, default=None)
        return best

    def _keys(self, text: str) -> dict[int, float]:
        weights = self._vocabulary.weights
        numbers = sorted({self._vocabulary[word] for word in fold(text)})
        rarest = sorted(numbers, key=lambda number: -weights[number])[:_MOST_KEYS]
        return {number: float(weights[number]) for number in rarest if weights[number] > 0}

    def _entry(self, part: Part) -> _Entry:
        keys, options = self._keys(part.stem), self._keys(part.options)
        if len(keys) + len(options) < 2 and not part.source.framed:
            keys = options = {}
        words = len(fold(part.stem))
        if not part.source.framed:
            return _Entry(keys, sum(keys.values()), options, words, None)
        asked = _asked(part.stem) if part.name != "answer" and words <= _SHORT else ()
        return _Entry(keys if asked else {}, sum(keys.values()), {}, words, asked)

    def _columns(self, places: Sequence[int]) -> _Columns:
        keys: list[dict[int, float]] = []
        owners: list[int] = []
        goals: list[tuple[float, float]] = []
        for place in places:
            entry = self._entries[place]
            if entry.subject:
                keys.append(entry.keys)
                owners.append(place)
                goals.append((entry.weight, entry.weight))
            elif _is_known(entry):
                keys.append(entry.keys)
                owners.append(place)
                shares = self._share(entry), self._inside(entry)
                goals.append((shares[0] * entry.weight, shares[1] * entry.weight))
            total = sum(entry.options.values())
            if total >= _LEAST_OPTIONS:
                keys.append(entry.options)
                owners.append(place)
                goals.append((_OPTIONS_SHARE * total, _OPTIONS_SHARE * total))
        return _Columns(keys, owners, goals, len(self._vocabulary.stems))

    def _share(self, entry: _Entry) -> float:
        fewness = max(0.0, min(1.0, (13 - len(entry.keys)) / 10))
        return self._level.share + fewness * self._level.few

    def _inside(self, entry: _Entry) -> float:
        return min(self._share(entry) + _INSIDE, 0.97)

    def _compare(self, text: str, own: list[int], present: set[int], place: int) -> Found | None:
        entry = self._entries[place]
        if entry.subject is not None:
            return _same_question(text, entry.subject, place)
        share = sum(entry.keys[n] for n in entry.keys if n in present) / (entry.weight or 1.0)
        is_long = len(own) > 2 * entry.words + 20
        needed = self._inside(entry) if is_long else self._share(entry)
        least = _LEAST_INSIDE if is_long else self._level.least
        if _is_known(entry) and share >= needed and share * entry.weight >= least:
            found = self._alone(text, own, place, needed, is_long=is_long)
            if found:
                return found
        return self._with_options(own, present, share, place)

    def _alone(
        self, text: str, own: list[int], place: int, needed: float, *, is_long: bool
    ) -> Found | None:
        """Compare a part without options."""
        entry = self._entries[place]
        if is_long:
            start, end, weight = _window(own, entry)
            own = own[start:end]
        else:
            stem, options = split_options(text)
            own = own[: len(fold(stem))] if options else own
            weight = sum(entry.keys[n] for n in sorted({*own} & entry.keys.keys()))
        share = weight / entry.weight
        back = weight / (weight + self._rest(own, entry.keys)) if weight else 0.0
        if share >= needed and back >= self._level.back:
            return Found(place, min(share, 1.0), not is_long)
        return None

    def _with_options(
        self, own: list[int], present: set[int], share: float, place: int
    ) -> Found | None:
        """Compare a question by its options too: equal options need less of an equal stem."""
        entry = self._entries[place]
        total = sum(entry.options.values())
        if total < _LEAST_OPTIONS or len(own) > 3 * (entry.words + 60):
            return None
        options = sum(entry.options[n] for n in sorted(present & entry.options.keys()))
        if options < _OPTIONS_SHARE * total:
            return None
        if entry.weight >= 8 and share >= 0.5:
            return Found(place, (share + options / total) / 2, True, True)
        if entry.weight < 8 and total >= 30 and self._rest(own, entry.options) <= 0.3 * total:
            return Found(place, options / total, True, True)
        return None

    def _rest(self, own: Sequence[int], shared: dict[int, float]) -> float:
        """Return the weight of the words of a training text that the part has not."""
        weights = self._vocabulary.weights
        others = Counter(n for n in own if n not in shared)
        unknown = others.pop(0, 0)
        return float(sum(weights[n] for n in others) + unknown * weights[0])


class _Columns:
    """Sets of keys, each with the weight that a text must have of it."""

    def __init__(
        self,
        keys: Sequence[dict[int, float]],
        owners: Sequence[int],
        goals: Sequence[tuple[float, float]],
        words: int,
    ) -> None:
        from scipy import sparse  # noqa: TID251 - the only sparse product outside of metrics

        counts = Counter(number for each in keys for number in each)
        rows: list[int] = []
        columns: list[int] = []
        values: list[float] = []
        needs = []
        for column, (each, goal) in enumerate(zip(keys, goals, strict=True)):
            missing = 0.0
            for rank, number in enumerate(sorted(each, key=lambda n: (counts[n], n))):
                if rank < 2 or counts[number] <= _MOST_PARTS:
                    rows.append(number)
                    columns.append(column)
                    values.append(each[number])
                else:
                    missing += each[number]
            needs.append([max(each - missing, 0.0) * (1 - 1e-5) + 1e-6 for each in goal])
        self._owners = np.array(owners or [0], np.int64)
        self._needs = np.array(needs or [[np.inf, np.inf]], np.float32).T
        self._words = words
        self._postings: Any = sparse.csr_matrix(
            (np.array(values, np.float32), (rows, columns)), shape=(words, max(len(keys), 1))
        )
        self._indexed = np.zeros(words, np.bool_)
        self._indexed[rows] = True

    def candidates(
        self,
        flat: NDArray[np.int32],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        rows: NDArray[np.int64],
        is_long: NDArray[np.bool_] | None = None,
    ) -> list[tuple[int, int]]:
        """Return pairs of a row and the owner of a set of keys of which it may have enough.

        Args:
            flat: numbers of words.
            starts: where each stretch of them begins.
            ends: where it ends.
            rows: row of each stretch.
            is_long: whether it is of a text of which more is asked.
        """
        from scipy import sparse  # noqa: TID251 - the only sparse product outside of metrics

        kept = self._indexed[flat]
        before = np.concatenate([[0], np.cumsum(kept)])
        numbers, starts, ends = flat[kept], before[starts], before[ends]
        lengths = ends - starts
        pointers = np.concatenate([[0], np.cumsum(lengths)])
        taken = np.repeat(starts - pointers[:-1], lengths) + np.arange(pointers[-1])
        ones = np.ones(len(taken), np.float32)
        shape = (len(rows), self._words)
        bags: Any = sparse.csr_matrix((ones, numbers[taken], pointers), shape=shape)
        bags.sum_duplicates()
        bags.data[:] = 1
        scores: Any = bags @ self._postings
        needs = self._needs[0][scores.indices]
        counts = np.diff(scores.indptr)
        if is_long is not None:
            inside = self._needs[1][scores.indices]
            needs = np.where(np.repeat(is_long, counts), inside, needs)
        enough = scores.data >= needs
        of_rows = np.repeat(rows, counts)[enough]
        owners = self._owners[scores.indices[enough]]
        return list(zip(of_rows.tolist(), owners.tolist(), strict=True))


def _is_known(entry: _Entry) -> bool:
    """Return whether a part has rare words enough to be recognised without its options."""
    return entry.weight >= _LEAST_RARE and len(entry.keys) >= _FEW_KEYS + bool(entry.options)


@lru_cache(16)
def _questions(text: str) -> frozenset[tuple[str, ...]]:
    sentences = _SENTENCES.split(text) if "?" in text else []
    return frozenset(_asked(each.strip()) for each in sentences if each.rstrip().endswith("?"))


@lru_cache(256)
def _asked(text: str) -> tuple[str, ...]:
    return tuple(sorted(subject(text)))


def _same_question(text: str, asked: tuple[str, ...], place: int) -> Found | None:
    """Compare the content words of a text, or of each question in it, with those of a question."""
    if len(text) < _LONGEST_ASKED and _asked(text) == asked:
        return Found(place, 1.0, True)
    return Found(place, 1.0, False) if asked in _questions(text) else None


def _window(own: list[int], entry: _Entry) -> tuple[int, int, float]:
    """Return the tightest stretch with the most weight, half as long again as the part at most."""
    at = [place for place, number in enumerate(own) if number in entry.keys]
    length = 3 * entry.words // 2 + 5
    held: Counter[int] = Counter()
    weight, left, best = 0.0, 0, (0, 0, 0.0)
    for right, place in enumerate(at):
        number = own[place]
        held[number] += 1
        if held[number] == 1:
            weight += entry.keys[number]
        while place - at[left] >= length or (left < right and held[own[at[left]]] > 1):
            held[own[at[left]]] -= 1
            if not held[own[at[left]]]:
                weight -= entry.keys[own[at[left]]]
            left += 1
        if weight > best[2] + 1e-9:
            best = (at[left], place + 1, weight)
    return best
