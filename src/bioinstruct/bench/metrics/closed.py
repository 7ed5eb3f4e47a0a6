"""Metrics for answers from a closed set: accuracy, macro F1, relation F1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bioinstruct.bench.metrics.base import Array, Metric, f1, mean, ratio

__all__ = ["accuracy", "macro_f1", "mean_over_classes", "relation_f1"]


def _count_equal(gold: Any, prediction: Any) -> tuple[float, ...]:
    return (float(prediction is not None and gold == prediction), 1.0)


accuracy = Metric("accuracy", "share of items answered with the gold answer", _count_equal, mean)


def mean_over_classes(classes: int) -> Callable[[Array], Array]:
    """Return a function that averages the F1 of each class over the classes.

    As in scikit-learn, a class that is neither in the gold nor predicted is left out.
    """

    def value(sums: Array) -> Array:
        parts = sums.reshape(*sums.shape[:-1], classes, 3)
        there = (parts[..., 1] + parts[..., 2] > 0).astype(np.float64)
        return ratio((f1(parts) * there).sum(axis=-1), there.sum(axis=-1))

    return value


def macro_f1(labels: Sequence[str]) -> Metric:
    """Return macro F1 over the labels; an unparsed answer counts as a miss of its gold label."""
    names = tuple(labels)

    def count(gold: Any, prediction: Any) -> tuple[float, ...]:
        return tuple(
            float(hit)
            for label in names
            for hit in (gold == prediction == label, gold == label, prediction == label)
        )

    spec = (
        f"mean of the F1 of each of {len(names)} labels, every label weighing the same; a label "
        "that is neither in the gold nor answered is left out"
    )
    return Metric("macro F1", spec, count, mean_over_classes(len(names)))


def relation_f1(negative: str) -> Metric:
    """Return micro F1 over all labels but the negative one."""

    def count(gold: Any, prediction: Any) -> tuple[float, ...]:
        there, found = gold != negative, prediction not in {None, negative}
        return (float(there and gold == prediction), float(there), float(found))

    spec = (
        "micro-averaged F1 over pairs that have a relation; a pair counts only with the right "
        f"type; the label {negative!r} is no relation (counted with it, micro F1 is the accuracy)"
    )
    return Metric("relation F1", spec, count, f1)
