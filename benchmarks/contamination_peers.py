"""Other rules for contamination, for comparison: n-grams, decon's, and that of 0.1.0."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from bioinstruct.filters import NearDuplicates, ScoredText
from bioinstruct.filters.scored_texts import Part, parts_of
from bioinstruct.text import normalize, unicode_words

__all__ = ["Decon", "Former", "Ngrams"]


def _grams(words: Sequence[str], size: int) -> list[str]:
    return [" ".join(words[at : at + size]) for at in range(len(words) - size + 1)]


class Ngrams:
    """Any `size` words in a row of any test text: the rule of GPT-3 with 13 of them."""

    def __init__(self, texts: Iterable[ScoredText], size: int) -> None:
        self._size = size
        self._known = {g for each in texts for g in _grams(unicode_words(each.text), size)}

    def find_texts(self, texts: Iterable[str]) -> list[bool]:
        return [
            any(g in self._known for g in _grams(unicode_words(text), self._size)) for text in texts
        ]


class Decon:
    """The rule of allenai/decon (SIMPLE) as its documentation gives it.

    The share of the IDF of a question's unique 5-grams that a cluster of the training text has,
    where a cluster ends after 11 misses: all of it for questions of 25 words or fewer, 0.815 for 50
    or more, in between by a line; questions of fewer than 20 words are not searched. Here every
    5-gram is looked up (decon samples each tenth), a token is a word (there, of cl100k), and a
    question stands for the whole item.
    """

    def __init__(self, texts: Iterable[ScoredText]) -> None:
        parts = [part for each in texts if each.part == "question" for part in parts_of(each)]
        self._index: dict[str, list[int]] = {}
        self._grams: list[set[str]] = []
        self._needed: list[float] = []
        for part in parts:
            words = unicode_words(f"{part.stem} {part.options}")
            if len(words) < 20 or len(set(words)) < 4:
                continue
            grams = set(_grams(words, 5))
            for gram in grams:
                self._index.setdefault(gram, []).append(len(self._grams))
            self._grams.append(grams)
            self._needed.append(1.0 - 0.185 * min(max((len(words) - 25) / 25, 0.0), 1.0))
        self._idf = {g: math.log(len(self._grams) / len(own)) for g, own in self._index.items()}
        self._totals = [sum(self._idf[g] for g in grams) for grams in self._grams]

    def find_texts(self, texts: Iterable[str]) -> list[bool]:
        return [self._find(text) for text in texts]

    def _find(self, text: str) -> bool:
        last: dict[int, int] = {}
        held: dict[int, set[str]] = {}
        for at, gram in enumerate(_grams(unicode_words(text), 5)):
            for place in self._index.get(gram, ()):
                if at - last.get(place, at) > 11:
                    held[place] = set()
                last[place] = at
                held.setdefault(place, set()).add(gram)
                weight = sum(self._idf[g] for g in held[place]) if len(held[place]) > 3 else 0.0
                if (
                    self._totals[place]
                    and weight >= self._needed[place] * self._totals[place] - 1e-9
                ):
                    return True
        return False


class Former:
    """The filter of 0.1.0: ROUGE-L above 0.7, 13 words in a row, short texts whole inside."""

    def __init__(self, texts: Iterable[ScoredText]) -> None:
        parts: dict[str, Part] = {}
        for each in texts:
            whole = Part(each, each.part, each.text)
            for part in (whole, *parts_of(each)):
                parts.setdefault(part.stem, part)
        self._exact = {normalize(stem) for stem in parts}
        words = {stem: unicode_words(stem) for stem in parts}
        self._grams = {g for own in words.values() for g in _grams(own, 13)}
        self._short: dict[str, list[str]] = {}
        for own in words.values():
            if 5 <= len(own) < 13:
                self._short.setdefault(" ".join(own[:5]), []).append(" ".join(own))
        self._near = NearDuplicates(0.7, tokenizer="unicode")
        self._near.add(stem for stem, own in words.items() if len(own) >= 6)

    def find_texts(self, texts: Sequence[str]) -> list[bool]:
        texts = list(texts)
        near = Counter[str]()
        once = list(dict.fromkeys(texts))
        for text, match in zip(once, self._near.find_all(once), strict=True):
            near[text] = match is not None and len(unicode_words(text)) >= 6
        return [bool(near[text]) or self._find(text) for text in texts]

    def _find(self, text: str) -> bool:
        if normalize(text) in self._exact:
            return True
        words = unicode_words(text)
        if any(gram in self._grams for gram in _grams(words, 13)):
            return True
        return any(
            f"{' '.join(words[at : at + 13])} ".startswith(f"{whole} ")
            for at, start in enumerate(_grams(words, 5))
            for whole in self._short.get(start, ())
        )
