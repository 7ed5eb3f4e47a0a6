"""How varied the texts of a sample are: words, n-grams, and how alike the texts are."""

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
    """How varied the texts of one field are, over the texts of a sample that are not empty.

    All of these fall as a sample grows: compare only those of samples of the same size.
    """

    texts: int
    words: int
    """In any script, compatibility forms and case folded."""
    type_token_ratio: float
    """Different words by words; the same as distinct-1."""
    distinct_2: float
    """Different pairs of words in a row by all of them (Li et al., 2016)."""
    distinct_3: float
    self_rouge_mean: float
    """ROUGE-L F of two texts, averaged over all pairs."""
    self_rouge_nearest: float
    """ROUGE-L F of a text with the one that is most like it, averaged over the texts."""


def varieties(sample: Sequence[Instruction]) -> dict[str, Variety]:
    """Of instruction, input and output; a field that is always empty is left out."""
    found = {}
    for field in _FIELDS:
        texts = [text for example in sample if (text := getattr(example, field))]
        if texts:
            found[field] = _variety(texts)
    return found


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
    """Different n-grams by n-grams; 0 when no text is long enough to have one."""
    total = 0
    different: set[tuple[str, ...]] = set()
    for words in texts:
        grams = [tuple(words[at : at + size]) for at in range(len(words) - size + 1)]
        total += len(grams)
        different.update(grams)
    return len(different) / total if total else 0.0


def self_rouge(texts: Sequence[str]) -> tuple[float, float]:
    """Mean ROUGE-L F of all pairs, and mean of each text's highest; 0 for fewer than two texts."""
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
