"""Metrics as functions of counts summed over items.

The same counts of each item give the score, its bootstrap interval and the paired difference of
two models, without scoring anything twice.
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
    """A score whose best value is 1."""

    name: str
    spec: str
    """Definition of the metric, printed with its value."""
    count: Callable[[Any, Any], tuple[float, ...]]
    """Return the k counts of one item from gold and prediction (None if it could not be parsed)."""
    value: Callable[[Array], Array]
    """Return scores, shape (...), from counts summed over items, shape (..., k)."""
    of_texts: bool = False
    """Whether gold and prediction are the raw texts rather than what the task parses from them."""
    left_out: str = ""
    """Which items cannot be counted, in words; empty if all are. Their counts are all 0."""
    align: Callable[[Sequence[Any]], Sequence[Any]] | None = None
    """Reorder the predictions first; only used to reproduce a published mistake."""

    def counts(self, golds: Sequence[Any], predictions: Sequence[Any]) -> Array:
        """Return the counts of each item, shape (items, k)."""
        aligned = self.align(predictions) if self.align else predictions
        pairs = zip(golds, aligned, strict=True)
        return np.array([self.count(gold, answer) for gold, answer in pairs], dtype=np.float64)

    def counted(self, counts: Array) -> int:
        """Return how many items the score is of, from counts of shape (items, k)."""
        return int(counts.any(axis=1).sum()) if self.left_out else len(counts)


def ratio(numerator: Array, denominator: Array) -> Array:
    """Divide element by element, with 0 / 0 = 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0.0)


def mean(sums: Array) -> Array:
    """Return the mean from a total and a number of items, shape (..., 2)."""
    return ratio(sums[..., 0], sums[..., 1])


def f1(sums: Array) -> Array:
    """Return the micro-averaged F1, 2 tp / (gold + predicted), from counts of shape (..., 3)."""
    return ratio(2.0 * sums[..., 0], sums[..., 1] + sums[..., 2])
