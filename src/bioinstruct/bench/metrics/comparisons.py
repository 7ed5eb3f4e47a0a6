"""Tests of paired differences by document, Holm's correction, and what could have been shown."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bioinstruct.bench.metrics.base import Array, Metric
from bioinstruct.bench.metrics.intervals import (
    Documents,
    Interval,
    Part,
    by_document,
    difference,
    mean_difference,
    unlike_bound,
)

__all__ = [
    "FEWEST",
    "PairedTest",
    "Verdict",
    "compare",
    "compare_means",
    "detectable",
    "holm",
    "verdicts",
]

FEWEST = 10
"""Below so many documents no verdict is given: hardly any difference could be shown."""
LEVEL = 0.05
_FLIPS = 10_000
_EXACT = 13  # the most documents for which all 2^m assignments are counted
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class PairedTest:
    """The difference of two systems on the same items."""

    difference: Interval
    """Score of the second minus score of the first."""
    p: float
    """p-value of the two-sided randomisation test by document; not corrected."""
    detectable: float
    """The smallest difference that is found with a power of 80 % at 5 %, not corrected."""
    documents: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict of a table on one comparison among several."""

    p: float | None
    """Corrected by Holm over the tasks of the table; None where no test was made."""
    words: str
    """`better`, `worse`, `not shown`, or the reason why there is no verdict."""


def compare(
    metric: Metric, base: Array, tuned: Array, documents: Documents = None, *, seed: int = 0
) -> PairedTest:
    """Compare two systems on the same items, by document.

    The test asks how often a difference as large comes about if the two systems' answers to each
    document change places at random (Noreen 1989); it assumes nothing of how scores are spread.

    Args:
        metric: how summed counts become a score.
        base: counts of each item by the first system, shape (items, k).
        tuned: those of the second, of the same shape.
        documents: the document of each item; None where each is a document of its own.
        seed: of the resampling.

    Raises:
        ValueError: the items are not the same, or there are none.
    """
    found = difference(metric, base, tuned, documents, seed=seed)
    sums, k = by_document(np.hstack([base, tuned]), documents), base.shape[1]
    return PairedTest(
        difference=found,
        p=_p(metric, sums[:, :k], sums[:, k:], seed),
        detectable=detectable(metric, sums[:, :k], sums[:, k:]),
        documents=len(sums),
    )


def compare_means(base: Sequence[Part], tuned: Sequence[Part], *, seed: int = 0) -> PairedTest:
    """Compare the mean scores of two systems over several tasks, each task weighing the same.

    As `compare`: the answers to the documents of each task change places at random, independently
    of the other tasks. The smallest difference that can be found combines those of the tasks.

    Args:
        base: the tasks' metrics, counts of shape (items, k) and documents, by the first system.
        tuned: the same of the second system, on the same items in the same order.
        seed: of the resampling.

    Raises:
        ValueError: the items are not the same, or there are none.
    """
    found = mean_difference(base, tuned, seed=seed)
    moved = np.zeros(_FLIPS)
    observed, least, documents = 0.0, [], 0
    for number, (one, two) in enumerate(zip(base, tuned, strict=True)):
        before = by_document(one.counts, one.documents)
        after = by_document(two.counts, one.documents)
        draw = np.random.default_rng([seed, number])
        flips = draw.integers(0, 2, (_FLIPS, len(before)), dtype=np.uint8)
        moved += _apart(one.metric, before, after, flips)
        observed += float(one.metric.value(after.sum(axis=0)))
        observed -= float(one.metric.value(before.sum(axis=0)))
        least.append(detectable(one.metric, before, after))
        documents += len(before)
    count = int(np.sum(np.abs(moved) >= abs(observed) - 1e-12))
    return PairedTest(
        difference=found,
        p=(count + 1) / (_FLIPS + 1),
        detectable=math.hypot(*least) / len(least),
        documents=documents,
    )


def _p(metric: Metric, base: Array, tuned: Array, seed: int) -> float:
    observed = abs(float(metric.value(tuned.sum(axis=0)) - metric.value(base.sum(axis=0))))
    flips = _flips(len(base), seed)
    apart = _apart(metric, base, tuned, flips)
    count = int(np.sum(np.abs(apart) >= observed - 1e-12))
    if len(base) <= _EXACT:
        return count / len(flips)
    return (count + 1) / (len(flips) + 1)


def _apart(metric: Metric, base: Array, tuned: Array, flips: npt.NDArray[np.uint8]) -> Array:
    """Return the difference of the systems in each assignment, shape (assignments,)."""
    change, before, after = tuned - base, base.sum(axis=0), tuned.sum(axis=0)
    parts = []
    for start in range(0, len(flips), _AT_ONCE):
        moved = flips[start : start + _AT_ONCE].astype(np.float64) @ change
        parts.append(metric.value(after - moved) - metric.value(before + moved))
    return np.concatenate(parts)


@functools.lru_cache(maxsize=4)
def _flips(documents: int, seed: int) -> npt.NDArray[np.uint8]:
    """Return in which documents the systems change places, shape (assignments, documents)."""
    if documents <= _EXACT:
        numbers = np.arange(2**documents)[:, None] >> np.arange(documents)
        return (numbers & 1).astype(np.uint8)
    return np.random.default_rng(seed).integers(0, 2, (_FLIPS, documents), dtype=np.uint8)


def detectable(metric: Metric, base: Array, tuned: Array) -> float:
    """Return the smallest difference that these documents show with a power of 80 %.

    By the standard error of the difference, from the jackknife. Where all documents agree it is the
    bound of `unlike_bound`.

    Args:
        metric: how summed counts become a score.
        base: counts of each document by the first system, shape (documents, k).
        tuned: those of the second.
    """
    from scipy.special import stdtrit

    m = len(base)
    if m < 2:
        return 1.0
    total, other = base.sum(axis=0), tuned.sum(axis=0)
    without = metric.value(other - tuned) - metric.value(total - base)
    error = float(np.sqrt((m - 1) / m * np.square(without - without.mean()).sum()))
    if error < 1e-12:
        return unlike_bound(m)
    return float(stdtrit(m - 1, 1 - LEVEL / 2) + stdtrit(m - 1, 0.8)) * error


def holm(ps: Sequence[float]) -> list[float]:
    """Return the p values corrected by Holm, in their order: the family-wise error then holds."""
    order = sorted(range(len(ps)), key=lambda i: ps[i])
    found, highest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        found[place] = highest
    return found


def verdicts(comparisons: Sequence[PairedTest]) -> list[Verdict]:
    """Return the verdict on each comparison of a table, at a family-wise error of 5 %."""
    tested = [i for i, each in enumerate(comparisons) if each.documents >= FEWEST]
    ps = dict(zip(tested, holm([comparisons[i].p for i in tested]), strict=True))
    return [_verdict(each, ps.get(i)) for i, each in enumerate(comparisons)]


def _verdict(found: PairedTest, p: float | None) -> Verdict:
    if p is None:
        return Verdict(None, f"too few documents ({found.documents} of {FEWEST})")
    if p > LEVEL:
        return Verdict(p, "not shown")
    return Verdict(p, "better" if found.difference.value > 0 else "worse")
