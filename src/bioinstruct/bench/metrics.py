"""Metrics as additive counts: what one item contributes, and what the sums of the items say.

Because every metric is a function of sums over items, the same counts give the score, its
bootstrap interval and the paired difference of two models, without scoring anything twice.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bioinstruct.text import words

__all__ = ["Array", "Metric", "accuracy", "entity_f1", "rouge1", "rouge2", "rougeL"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Metric:
    """A score between 0 and 1."""

    name: str
    spec: str
    """What is counted, in the words that are printed beside the number."""
    count: Callable[[Any, Any], tuple[float, ...]]
    """Gold and prediction of one item to its k counts; a prediction of None was not readable."""
    value: Callable[[Array], Array]
    """Counts summed over items, shape (..., k), to scores, shape (...)."""


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Element by element, with 0 / 0 = 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0.0)


def _mean(sums: Array) -> Array:
    return _ratio(sums[..., 0], sums[..., 1])


def _f1(sums: Array) -> Array:
    """From true positives, gold and predicted: 2 tp / (gold + predicted), micro-averaged."""
    return _ratio(2.0 * sums[..., 0], sums[..., 1] + sums[..., 2])


def _count_equal(gold: Any, prediction: Any) -> tuple[float, ...]:
    return (float(prediction is not None and gold == prediction), 1.0)


def _count_entities(
    gold: Sequence[Hashable], prediction: Sequence[Hashable] | None
) -> tuple[float, ...]:
    found = Counter(prediction or ())
    right = Counter(gold) & found
    return (float(right.total()), float(len(gold)), float(found.total()))


@functools.cache
def _rouge_scorer() -> Any:
    from rouge_score import rouge_scorer

    return rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)


def _rouge(kind: str) -> Metric:
    size = 2 if kind == "rouge2" else 1

    def count(gold: str, prediction: str | None) -> tuple[float, ...]:
        if len(words(gold)) < size:
            return (0.0, 0.0)  # nothing to recall: even the gold itself would score 0
        return (float(_rouge_scorer().score(gold, prediction or "")[kind].fmeasure), 1.0)

    label = kind.removeprefix("rouge")
    too_short = "fewer than 2 words" if size == 2 else "no word"
    spec = (
        f"mean over items of the ROUGE-{label} F measure of rouge-score, without stemming; "
        f"items whose gold has {too_short} are left out"
    )
    return Metric(f"ROUGE-{label}", spec, count, _mean)


accuracy = Metric("accuracy", "share of items answered with the gold answer", _count_equal, _mean)

entity_f1 = Metric(
    "entity F1",
    "micro-averaged F1 over entities; an entity counts only if its first word, last word and type "
    "are right; repeated mentions count each",
    _count_entities,
    _f1,
)

rouge1, rouge2, rougeL = _rouge("rouge1"), _rouge("rouge2"), _rouge("rougeL")
