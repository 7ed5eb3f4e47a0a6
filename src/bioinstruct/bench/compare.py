"""How sure a score and a difference of two scores are: bootstrap over items, paired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bioinstruct.bench.metrics import Array, Metric

__all__ = ["Interval", "difference", "interval"]

DRAWS = 10_000
_AT_ONCE = 500  # draws resampled together: bounds the memory at 500 x items numbers


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the 2.5 % and 97.5 % points of its bootstrap distribution (percentile method)."""

    value: float
    low: float
    high: float


def interval(metric: Metric, counts: Array, *, seed: int = 0) -> Interval:
    """A score with its 95 % interval.

    Args:
        metric: how summed counts become a score.
        counts: counts of each item, shape (items, k).
        seed: of the resampling.
    """
    draws = np.concatenate([metric.value(w @ counts) for w in _weights(len(counts), seed)])
    return _interval(float(metric.value(counts.sum(axis=0))), draws)


def difference(metric: Metric, base: Array, tuned: Array, *, seed: int = 0) -> Interval:
    """Score of `tuned` minus score of `base` on the same items, with its 95 % interval.

    Both are resampled with the same items (Koehn 2004), so what is hard for both cancels out.
    """
    if base.shape != tuned.shape:
        raise ValueError(f"not the same items: {base.shape} and {tuned.shape}")
    draws = np.concatenate(
        [metric.value(w @ tuned) - metric.value(w @ base) for w in _weights(len(base), seed)]
    )
    value = metric.value(tuned.sum(axis=0)) - metric.value(base.sum(axis=0))
    return _interval(float(value), draws)


def _weights(items: int, seed: int) -> Iterator[Array]:
    """How often each item is drawn, shape (draws, items), in parts."""
    random = np.random.default_rng(seed)
    for _ in range(0, DRAWS, _AT_ONCE):
        yield random.multinomial(items, np.full(items, 1 / items), size=_AT_ONCE).astype(np.float64)


def _interval(value: float, draws: Array) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(value, float(low), float(high))
