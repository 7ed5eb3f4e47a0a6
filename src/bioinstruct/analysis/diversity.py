"""Measure the lexical diversity of texts: type-token ratio, distinct-n and self-ROUGE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from bioinstruct.filters.similarity import rouge_l
from bioinstruct.filters.similarity_join import common_words
from bioinstruct.filters.token_codes import Coder
from bioinstruct.schema import Instruction
from bioinstruct.text import unicode_words

__all__ = ["Variety", "self_rouge", "varieties"]

_FIELDS = ("instruction", "input", "output")


@dataclass(frozen=True, slots=True)
class Variety:
    """Diversity of one field, over the non-empty texts of a sample.

    The ratios fall as a sample grows: compare only samples of the same size.
    """

    texts: int
    words: int
    """Words of any script, with compatibility forms and case folded."""
    type_token_ratio: float
    """Distinct words divided by words; the same as distinct-1."""
    distinct_2: float
    """Distinct word bigrams divided by all bigrams (Li et al., 2016)."""
    distinct_3: float
    self_rouge_mean: float
    """ROUGE-L F averaged over all pairs of texts."""
    self_rouge_nearest: float
    """ROUGE-L F of each text with its most similar text, averaged over the texts."""


def varieties(sample: Sequence[Instruction]) -> dict[str, Variety]:
    """Measure the diversity of instruction, input and output; omit a field that is always empty."""
    measured = {}
    for field in _FIELDS:
        texts = [text for example in sample if (text := getattr(example, field))]
        if texts:
            measured[field] = _variety(texts)
    return measured


def _variety(texts: Sequence[str]) -> Variety:
    words = [unicode_words(text) for text in texts]
    mean, nearest = self_rouge(texts)
    return Variety(
        texts=len(texts),
        words=sum(map(len, words)),
        type_token_ratio=_distinct(words, 1),
        distinct_2=_distinct(words, 2),
        distinct_3=_distinct(words, 3),
        self_rouge_mean=mean,
        self_rouge_nearest=nearest,
    )


def _distinct(texts: Sequence[Sequence[str]], size: int) -> float:
    """Return distinct n-grams divided by all n-grams; 0 when no text is long enough."""
    total = 0
    different: set[tuple[str, ...]] = set()
    for words in texts:
        grams = [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]
        total += len(grams)
        different.update(grams)
    return len(different) / total if total else 0.0


def self_rouge(texts: Sequence[str]) -> tuple[float, float]:
    """Return the mean ROUGE-L F of all pairs and the mean of each text's highest.

    Both are 0 for fewer than two texts.
    """
    if len(texts) < 2:
        return 0.0, 0.0
    coded = Coder(unicode_words).encode(texts)
    lengths = coded.lengths.tolist()
    highest = [0.0] * len(texts)
    total = 0.0
    for a, b in combinations(range(len(texts)), 2):
        common = common_words(coded.codes[a], coded.codes[b], 0)
        score = rouge_l(common, lengths[a], lengths[b])
        total += score
        highest[a] = max(highest[a], score)
        highest[b] = max(highest[b], score)
    pairs = len(texts) * (len(texts) - 1) // 2
    return total / pairs, sum(highest) / len(highest)
