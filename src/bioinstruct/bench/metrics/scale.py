"""Metrics for answers on a numeric scale."""

from __future__ import annotations

import numpy as np

from bioinstruct.bench.metrics.base import Array, Metric, ratio

__all__ = ["pearson"]


def _count(gold: float, prediction: float | None) -> tuple[float, ...]:
    x, y = gold, prediction or 0.0
    return (1.0, x, y, x * x, y * y, x * y)


def _correlation(sums: Array) -> Array:
    n, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread_x, spread_y = n * xx - x * x, n * yy - y * y
    # Rounding leaves a zero spread at about 1e-12 of its terms; the correlation is then undefined.
    flat = (spread_x <= 1e-9 * n * xx) | (spread_y <= 1e-9 * n * yy)
    norm = np.sqrt(np.where(flat, 0.0, spread_x * spread_y))
    return ratio(np.where(flat, 0.0, n * xy - x * y), norm)


pearson = Metric(
    "Pearson r",
    "correlation of gold and answered scores over items; an answer that is no number counts as 0, "
    "and where all answers are the same r is 0",
    _count,
    _correlation,
)
