"""Metrics as additive counts: what one item contributes, and what the sums of the items say.

Because every metric is a function of sums over items, the same counts give the score, its
bootstrap interval and the paired difference of two models, without scoring anything twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Array", "Metric", "f1", "mean", "ratio"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Metric:
    """A score, 1 at best."""

    name: str
    spec: str
    """What is counted, in the words that are printed beside the number."""
    count: Callable[[Any, Any], tuple[float, ...]]
    """Gold and prediction of one item to its k counts; a prediction of None was not readable."""
    value: Callable[[Array], Array]
    """Counts summed over items, shape (..., k), to scores, shape (...)."""
    of_texts: bool = False
    """True where gold and prediction are the texts themselves, not what the task reads in them."""
    align: Callable[[Sequence[Any]], Sequence[Any]] | None = None
    """Puts predictions in another order first: only to repeat a published mistake."""

    def counts(self, golds: Sequence[Any], predictions: Sequence[Any]) -> Array:
        """Counts of each item, shape (items, k)."""
        found = self.align(predictions) if self.align else predictions
        pairs = zip(golds, found, strict=True)
        return np.array([self.count(gold, one) for gold, one in pairs], dtype=np.float64)


def ratio(numerator: Array, denominator: Array) -> Array:
    """Element by element, with 0 / 0 = 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0.0)


def mean(sums: Array) -> Array:
    """From a total and how many it is of."""
    return ratio(sums[..., 0], sums[..., 1])


def f1(sums: Array) -> Array:
    """From true positives, gold and predicted: 2 tp / (gold + predicted), micro-averaged."""
    return ratio(2.0 * sums[..., 0], sums[..., 1] + sums[..., 2])
