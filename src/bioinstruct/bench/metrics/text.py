"""Metrics for free text: overlap of words, n-grams, characters and concepts."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from bioinstruct.bench.metrics.base import Array, Metric, mean, ratio
from bioinstruct.errors import MissingError
from bioinstruct.text import answer_words, normalize, words

__all__ = ["bleu", "chrf", "concept_f1", "exact_match", "rouge1", "rouge2", "rougeL", "token_f1"]


@functools.cache
def _rouge_scorer(kind: str) -> Any:
    from rouge_score import rouge_scorer

    return rouge_scorer.RougeScorer([kind], use_stemmer=False)


def _rouge_l(gold: str, prediction: str) -> float:
    """Return the ROUGE-L F of rouge-score, using rapidfuzz for the longest common subsequence.

    For answers of 300 words this takes 50 us, rouge-score 50 ms.
    """
    from rapidfuzz.distance import LCSseq

    wanted, given = words(gold), words(prediction)
    if not wanted or not given:
        return 0.0
    same = LCSseq.similarity(wanted, given)
    precision, recall = same / len(given), same / len(wanted)
    return 2 * precision * recall / (precision + recall) if same else 0.0


def _rouge(kind: str) -> Metric:
    size = 2 if kind == "rouge2" else 1

    def count(gold: str, prediction: str | None) -> tuple[float, ...]:
        if len(words(gold)) < size:
            return (0.0, 0.0)  # nothing to recall: even the gold itself would score 0
        if kind == "rougeL":
            return (_rouge_l(gold, prediction or ""), 1.0)
        return (float(_rouge_scorer(kind).score(gold, prediction or "")[kind].fmeasure), 1.0)

    label = kind.removeprefix("rouge")
    short = "fewer than 2" if size == 2 else "no"
    spec = (
        f"mean over items of the ROUGE-{label} F measure of rouge-score, without stemming, over "
        "its words: runs of a-z and 0-9"
    )
    return Metric(
        f"ROUGE-{label}", spec, count, mean, left_out=f"whose gold has {short} words of a-z and 0-9"
    )


rouge1 = _rouge("rouge1")
rouge2 = _rouge("rouge2")
rougeL = _rouge("rougeL")


# ---- exact match and overlap of words


def _count_exact(gold: str, prediction: str | None) -> tuple[float, ...]:
    wanted, given = answer_words(gold), answer_words(prediction or "")
    if not wanted:  # a gold of punctuation
        return (float(normalize(prediction or "") == normalize(gold)), 1.0)
    return (float(wanted == given), 1.0)


def _count_tokens(gold: str, prediction: str | None) -> tuple[float, ...]:
    wanted, given = Counter(answer_words(gold)), Counter(answer_words(prediction or ""))
    if not wanted:
        return (0.0, 0.0)
    return (2.0 * (wanted & given).total() / (wanted.total() + given.total()), 1.0)


_WORDS = (
    "words of any script, with the signs, comparison marks and units that carry meaning; whatever "
    "their case and punctuation"
)

exact_match = Metric(
    "exact match", f"share of items with just the words of the gold: {_WORDS}", _count_exact, mean
)

token_f1 = Metric(
    "token F1",
    f"mean over items of the F1 of its words, in any order: {_WORDS}",
    _count_tokens,
    mean,
    left_out="whose gold has no word",
)


# ---- sacrebleu

_ORDERS = 4


def import_sacrebleu() -> Any:
    """Return the library.

    Raises:
        MissingError: it is not installed.
    """
    try:
        import sacrebleu
    except ImportError:
        raise MissingError(
            "BLEU and chrF need sacrebleu", hint="pip install 'bioinstruct[metrics]'"
        ) from None
    return sacrebleu


def _count_bleu(gold: str, prediction: str | None) -> tuple[float, ...]:
    found = import_sacrebleu().sentence_bleu(prediction or "", [gold])
    return tuple(map(float, (found.sys_len, found.ref_len, *found.counts, *found.totals)))


def _bleu_of(sums: Array) -> Array:
    """Return corpus BLEU with sacrebleu's smoothing: 1/2^n for the n-th order without a match."""
    length, wanted = sums[..., 0], sums[..., 1]
    right, given = sums[..., 2 : 2 + _ORDERS], sums[..., 2 + _ORDERS :]
    unmatched = (right == 0) & (given > 0)
    halved = np.where(unmatched, 0.5 ** unmatched.cumsum(axis=-1), right)
    precision = ratio(halved, given)
    with np.errstate(divide="ignore"):
        logs = np.log(precision).mean(axis=-1)
        brevity = np.minimum(0.0, 1.0 - ratio(wanted, length))
    found: Array = np.where((right.sum(axis=-1) > 0) & (length > 0), np.exp(logs + brevity), 0.0)
    return found


bleu = Metric(
    "BLEU",
    "corpus BLEU-4 of sacrebleu (13a tokens, exponential smoothing), over 100",
    _count_bleu,
    _bleu_of,
)


def _count_chrf(gold: str, prediction: str | None) -> tuple[float, ...]:
    return (float(import_sacrebleu().sentence_chrf(prediction or "", [gold]).score) / 100.0, 1.0)


chrf = Metric("chrF", "mean over items of chrF2 of sacrebleu, over 100", _count_chrf, mean)


# ---- concepts


def concept_f1(lexicon: Mapping[str, str]) -> Metric:
    """Return the F1 of the sets of concepts in gold and answer, in the manner of MEDCON.

    Args:
        lexicon: maps terms to concepts. (MEDCON itself finds UMLS terms with QuickUMLS.)
    """
    terms = _terms(lexicon)
    longest = max(map(len, terms), default=0)

    def at(there: list[str], place: int) -> tuple[frozenset[str], int]:
        """Return the concepts that the words at a place name, and how many words do."""
        for size in range(min(longest, len(there) - place), 0, -1):
            named = tuple(there[place : place + size])
            for term in (named, tuple(map(_unmarked, named))):
                if term in terms:
                    return terms[term], size
        return frozenset(), 1

    def concepts(text: str) -> set[str]:
        """Find the concepts of a text, matching the longest term at each word."""
        there, found, place = answer_words(text), set[str](), 0
        while place < len(there):
            named, size = at(there, place)
            found |= named
            place += size
        return found

    def count(gold: str, prediction: str | None) -> tuple[float, ...]:
        wanted, given = concepts(gold), concepts(prediction or "")
        if not wanted and not given:
            return (0.0, 0.0)
        return (2.0 * len(wanted & given) / (len(wanted) + len(given)), 1.0)

    spec = (
        f"mean over items of the F1 of the sets of concepts named, by a lexicon of {len(terms):,} "
        "terms, longest match first"
    )
    return Metric("concept F1", spec, count, mean, left_out="in which neither text names a concept")


def _terms(lexicon: Mapping[str, str]) -> dict[tuple[str, ...], frozenset[str]]:
    """Return the concepts by the words of their terms; spellings of the same words add up."""
    found: dict[tuple[str, ...], frozenset[str]] = {}
    for term, concept in lexicon.items():
        if key := tuple(answer_words(term)):
            found[key] = found.get(key, frozenset()) | {concept}
    return found


def _unmarked(word: str) -> str:
    """Return a word without its signs: HER2+ names HER2, unless the lexicon has HER2+ itself."""
    return word.strip("<>≤≥~±+-") or word
