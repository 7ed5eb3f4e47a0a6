"""How sure a score and a difference of two scores are: bootstrap over items, paired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bioinstruct.bench.metrics import Array, Metric

__all__ = ["Counted", "Interval", "difference", "interval", "mean_difference", "mean_interval"]

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
    return _interval(_value(metric, counts), _draws(metric, counts, seed))


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


Counted = tuple[Metric, Array]
"""A metric and the counts of each item, shape (items, k)."""


def mean_interval(parts: Sequence[Counted], *, seed: int = 0) -> Interval:
    """The mean of several scores with its 95 % interval; each one's items are drawn by themselves.

    Every task weighs the same, however many items it has.
    """
    draws = [_draws(*part, [seed, i]) for i, part in enumerate(parts)]
    return _interval(_mean([_value(*part) for part in parts]), np.mean(draws, axis=0))


def mean_difference(
    base: Sequence[Counted], tuned: Sequence[Counted], *, seed: int = 0
) -> Interval:
    """The mean of several differences on the same items, with its 95 % interval."""
    pairs = list(zip(base, tuned, strict=True))
    draws = [
        np.concatenate(
            [one[0].value(w @ two[1]) - one[0].value(w @ one[1]) for w in _weights(len(one[1]), at)]
        )
        for one, two, at in ((*pair, [seed, i]) for i, pair in enumerate(pairs))
    ]
    value = _mean([_value(*two) - _value(*one) for one, two in pairs])
    return _interval(value, np.mean(draws, axis=0))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _value(metric: Metric, counts: Array) -> float:
    return float(metric.value(counts.sum(axis=0)))


def _draws(metric: Metric, counts: Array, seed: int | list[int]) -> Array:
    return np.concatenate([metric.value(w @ counts) for w in _weights(len(counts), seed)])


def _weights(items: int, seed: int | list[int]) -> Iterator[Array]:
    """How often each item is drawn, shape (draws, items), in parts."""
    random = np.random.default_rng(seed)
    for _ in range(0, DRAWS, _AT_ONCE):
        yield random.multinomial(items, np.full(items, 1 / items), size=_AT_ONCE).astype(np.float64)


def _interval(value: float, draws: Array) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(value, float(low), float(high))
