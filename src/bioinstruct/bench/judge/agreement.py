"""Rank correlation of a judge's scores with human scores of the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bioinstruct.bench.metrics import Array
from bioinstruct.bench.metrics.intervals import Interval, weights
from bioinstruct.corpora.mts_dialog import Judged as Human

__all__ = ["HUMAN", "Agreement", "Correlation", "agreement", "spearman"]

HUMAN = ("factual_f1", "factual_precision", "factual_recall", "hallucination_rate", "omission_rate")
"""Human scores in the correlation study of MTS-Dialog; lower is better for the last two."""
_POINTS = ("points", "correct", "complete", "clear")
_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Correlation:
    """Correlation of one of the judge's scores with one human score."""

    points: str
    human: str
    spearman: Interval
    """Spearman's rank correlation, with a 95 % bootstrap interval over conversations."""
    pearson: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Correlations over all texts with a readable verdict."""

    n: int
    unreadable: int
    correlations: tuple[Correlation, ...]
    spec: str = (
        "Spearman's rank correlation (ties have their mean rank) over summaries of MTS-Dialog's "
        "correlation study; negative is agreement where the human score is a rate of errors"
    )


def agreement(
    points: Sequence[Sequence[float]],
    humans: Sequence[Human],
    *,
    unreadable: int = 0,
    seed: int = 0,
) -> Agreement:
    """Correlate a judge's scores with human scores of the same texts.

    Args:
        points: the judge's overall, correct, complete and clear scores of each text.
        humans: the human scores of each text.
        unreadable: number of verdicts that could not be read.
        seed: seed of the bootstrap.
    """
    given = np.array(points, dtype=np.float64)
    _, documents = np.unique([human.document for human in humans], return_inverse=True)
    correlations = []
    for name in HUMAN:
        scores = np.array([getattr(human, name) for human in humans], dtype=np.float64)
        rates = scores >= 0  # one omission rate of the 400 is -1 in the published file
        for at, of in enumerate(_POINTS):
            if of == "points" or name == _CLOSEST.get(of):
                one, other = given[rates, at], scores[rates]
                found = _with_interval(one, other, documents[rates], seed)
                correlations.append(Correlation(of, name, found, _r(one, other)))
    return Agreement(len(humans), unreadable, tuple(correlations))


_CLOSEST = {"correct": "factual_precision", "complete": "factual_recall"}


def spearman(one: Array, other: Array) -> float:
    """Return Spearman's rank correlation; 0 if either side is constant."""
    return _r(_ranks(one), _ranks(other))


def _with_interval(
    one: Array, other: Array, documents: npt.NDArray[np.intp], seed: int
) -> Interval:
    _, places = np.unique(documents, return_inverse=True)
    drawn = weights(int(places.max()) + 1, seed, _DRAWS).astype(np.intp)
    draws = [np.repeat(np.arange(len(one)), draw[places]) for draw in drawn]
    values = [spearman(one[draw], other[draw]) for draw in draws]
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(spearman(one, other), float(low), float(high))


def _ranks(values: Array) -> Array:
    """Return ranks from 0; ties share their mean rank."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Array = (last - (counts + 1) / 2)[which]
    return ranks


def _r(one: Array, other: Array) -> float:
    x, y = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm > 1e-12 else 0.0
