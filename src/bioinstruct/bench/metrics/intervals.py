"""Confidence intervals of scores and of differences, over documents.

Items of one document are not independent: a bootstrap over the 940 sentences of NCBI-disease gives
an interval 1.7 times narrower than one over its 100 abstracts. So counts are summed by document and
whole documents are resampled. Items without a document are documents of their own.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bioinstruct.bench.metrics.base import Array, Metric

__all__ = [
    "DRAWS",
    "FEW",
    "Documents",
    "Interval",
    "Part",
    "by_document",
    "difference",
    "interval",
    "interval_of_draws",
    "mean_difference",
    "mean_interval",
    "unlike_bound",
]

DRAWS = 10_000
LEVEL = 0.95
FEW = 40
"""Below so many documents the interval is corrected for bias."""
FREEDOM = 0.35
"""Share of the degrees of freedom that is used for a score, from `FEW` documents on.

A sample has less kurtosis than what it is drawn from where few documents weigh most, such as the
one that holds half the variance of DDI-2013. Chosen by the simulation of `benchmarks/coverage.py`,
where the full number gives scores whose intervals cover in less than 93 % of the studies.
Differences on the same documents need no such share.
"""
_AT_ONCE = 1_000  # draws made together: bounds the memory at 1,000 x documents numbers
_RANGE = {"Pearson r": (-1.0, 1.0)}
"""Least and greatest value of the metrics that do not lie between 0 and 1."""

Documents = Sequence[Hashable] | None
"""The document of each item; None where each item is a document of its own."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Part:
    """One task's share of a mean: a metric, the counts of each item, and the items' documents."""

    metric: Metric
    counts: Array
    documents: Documents = None


def by_document(counts: Array, documents: Documents) -> Array:
    """Sum the counts of each document: (items, k) to (documents, k), in order of appearance.

    Raises:
        ValueError: there is not one document for each item, or there are no items.
    """
    if not len(counts):
        raise ValueError("no items: nothing can be estimated")
    if documents is None:
        return counts
    if len(documents) != len(counts):
        raise ValueError(f"{len(documents)} documents for {len(counts)} items")
    places = {document: place for place, document in enumerate(dict.fromkeys(documents))}
    sums = np.zeros((len(places), counts.shape[1]))
    np.add.at(sums, [places[document] for document in documents], counts)
    return sums


def interval(
    metric: Metric, counts: Array, documents: Documents = None, *, seed: int = 0
) -> Interval:
    """Return a score with its 95 % interval.

    Args:
        metric: how summed counts become a score.
        counts: counts of each item, shape (items, k).
        documents: the document of each item.
        seed: of the resampling.
    """
    sums = by_document(counts, documents)
    return _interval(sums, metric.value, _RANGE.get(metric.name, (0.0, 1.0)), seed)


def difference(
    metric: Metric, base: Array, tuned: Array, documents: Documents = None, *, seed: int = 0
) -> Interval:
    """Return the score of `tuned` minus that of `base` on the same items, with its 95 % interval.

    Both are resampled with the same documents (Koehn 2004), so what is hard for both cancels out.
    """
    _check_paired(base, tuned)
    k = base.shape[1]
    sums = by_document(np.hstack([base, tuned]), documents)
    low, high = _RANGE.get(metric.name, (0.0, 1.0))

    def apart(sums: Array) -> Array:
        return metric.value(sums[..., k:]) - metric.value(sums[..., :k])

    return _interval(sums, apart, (low - high, high - low), seed, paired=True)


def mean_interval(parts: Sequence[Part], *, seed: int = 0) -> Interval:
    """Return the mean of several scores with its 95 % interval; every task weighs the same.

    The intervals of the scores are combined by the method of variance estimates recovery (Zou and
    Donner 2008), the tasks taken as independent.
    """
    return _mean([interval(p.metric, p.counts, p.documents, seed=seed) for p in parts])


def mean_difference(base: Sequence[Part], tuned: Sequence[Part], *, seed: int = 0) -> Interval:
    """Return the mean of several differences on the same items, with its 95 % interval."""
    return _mean(
        [
            difference(one.metric, one.counts, two.counts, one.documents, seed=seed)
            for one, two in zip(base, tuned, strict=True)
        ]
    )


def unlike_bound(documents: int, level: float = LEVEL) -> float:
    """Return the upper bound on the share of unlike documents when a sample has none.

    The exact (Clopper-Pearson) bound where all of a sample agree: 1 - (0.025)^(1 / documents).
    """
    return float(1.0 - ((1.0 - level) / 2.0) ** (1.0 / documents))


def _check_paired(base: Array, tuned: Array) -> None:
    if base.shape != tuned.shape:
        raise ValueError(f"not the same items: {base.shape} and {tuned.shape}")


def _mean(found: Sequence[Interval]) -> Interval:
    value = sum(one.value for one in found) / len(found)
    below = math.hypot(*(one.value - one.low for one in found)) / len(found)
    above = math.hypot(*(one.high - one.value for one in found)) / len(found)
    return Interval(value, value - below, value + above)


@functools.lru_cache(maxsize=2)
def weights(documents: int, seed: int = 0, draws: int = DRAWS) -> npt.NDArray[np.uint16]:
    """Return how often each document is in each draw, shape (draws, documents)."""
    random = np.random.default_rng(seed)
    found = np.empty((draws, documents), dtype=np.uint16)
    for start in range(0, draws, _AT_ONCE):
        rows = min(_AT_ONCE, draws - start)
        chosen = random.integers(0, documents, (rows, documents))
        chosen += documents * np.arange(rows)[:, None]
        counts = np.bincount(chosen.ravel(), minlength=rows * documents)
        found[start : start + rows] = counts.reshape(rows, documents)
    return found


def _interval(
    sums: Array,
    value: Callable[[Array], Array],
    extent: tuple[float, float],
    seed: int,
    *,
    paired: bool = False,
) -> Interval:
    """Return the bootstrap interval; where every draw agrees, the exact bound.

    From 40 documents on it is the percentile interval, below the bias-corrected and accelerated
    one (Efron 1987). The levels of both are those of Student's t, with the factor m / (m - 1) that
    the bootstrap lacks (Hesterberg 2015): without, the interval of few documents is too narrow.
    """
    documents, total = len(sums), sums.sum(axis=0)
    found, (least, greatest) = float(value(total)), extent
    draws = _draws(sums, value, seed) if documents > 1 else np.zeros(1)
    if float(np.ptp(draws)) < 1e-12:
        bound = unlike_bound(documents)
        return Interval(found, found - bound * (found - least), found + bound * (greatest - found))
    low, high = interval_of_draws(found, draws, value(total - sums), paired=paired)
    return Interval(found, float(low), float(high))


def interval_of_draws(
    found: Array | float, draws: Array, without: Array, *, paired: bool = False
) -> Array:
    """Return the lower and the upper bound.

    Args:
        found: the value on all documents.
        draws: the values on the bootstrap's draws, along the first axis. Further axes, of all
            three alike, are intervals of their own.
        without: the values with each document left out, along the first axis.
        paired: the values are differences of two systems on the same documents.
    """
    influence = without.mean(axis=0) - without
    z = _expanded(influence, 1.0 if paired or len(without) < FEW else FREEDOM)
    if len(without) >= FEW:
        return _quantiles(draws, np.stack([-z, z]))
    return _quantiles(draws, _corrected(np.stack([-z, z]), found, draws, influence))


def _quantiles(draws: Array, levels: Array) -> Array:
    """Return the quantiles at levels in standard deviations, shape (2, ...) as the levels."""
    from scipy.special import ndtr

    places = ndtr(levels) * (len(draws) - 1)
    ordered = np.sort(draws, axis=0)
    below = np.floor(places).astype(np.intp)
    above = np.minimum(below + 1, len(draws) - 1)
    low, high = (np.take_along_axis(ordered, place, axis=0) for place in (below, above))
    found: Array = low + (places - below) * (high - low)
    return found


def _draws(sums: Array, value: Callable[[Array], Array], seed: int) -> Array:
    drawn = weights(len(sums), seed)
    parts = (drawn[start : start + _AT_ONCE] for start in range(0, len(drawn), _AT_ONCE))
    return np.concatenate([value(part.astype(np.float64) @ sums) for part in parts])


def _corrected(levels: Array, found: Array | float, draws: Array, influence: Array) -> Array:
    """Return the levels (in standard deviations) moved by bias and acceleration."""
    from scipy.special import ndtri

    below = np.mean(draws < found, axis=0) + 0.5 * np.mean(draws == found, axis=0)
    bias = ndtri(np.clip(below, 0.001, 0.999))
    spread = np.maximum((influence**2).sum(axis=0), 1e-24)
    acceleration = (influence**3).sum(axis=0) / (6.0 * spread**1.5)
    moved = bias + levels
    corrected: Array = bias + moved / np.maximum(1.0 - acceleration * moved, 0.1)
    return corrected


def _expanded(influence: Array, share: float) -> Array:
    """Return how many standard deviations of the draws make the interval.

    Student's t has as many degrees of freedom as the variance is known with (Satterthwaite): fewer
    than documents where some weigh far more than others. `share` is the part of them that is used.
    """
    from scipy.special import stdtrit

    m = len(influence)
    spread = np.maximum((influence**2).sum(axis=0), 1e-24)
    kurtosis = m * (influence**4).sum(axis=0) / spread**2
    freedom = np.clip(share * 2.0 * m / np.maximum(kurtosis - 1.0, 1e-9), 1.0, m - 1.0)
    found: Array = -stdtrit(freedom, (1.0 - LEVEL) / 2.0) * math.sqrt(m / (m - 1.0))
    return found
