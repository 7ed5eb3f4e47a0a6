"""Metrics for answers that are sets: labels of a text, related pairs."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

from bioinstruct.bench.metrics.base import Metric, f1, mean
from bioinstruct.bench.metrics.closed import mean_over_classes

__all__ = ["example_f1", "label_f1", "macro_label_f1", "pair_f1", "same_set"]

_Set = Collection[Hashable]


def _count(gold: _Set, prediction: _Set | None) -> tuple[float, ...]:
    there, found = set(gold), set(prediction or ())
    return (float(len(there & found)), float(len(there)), float(len(found)))


def _count_by_example(gold: _Set, prediction: _Set | None) -> tuple[float, ...]:
    if prediction is None:
        return (0.0, 1.0)
    right, there, found = _count(gold, prediction)
    return (2.0 * right / (there + found) if there + found else 1.0, 1.0)


def _count_same(gold: _Set, prediction: _Set | None) -> tuple[float, ...]:
    return (float(prediction is not None and set(gold) == set(prediction)), 1.0)


label_f1 = Metric(
    "label F1",
    "micro-averaged F1 over the labels of all texts; an empty set adds nothing",
    _count,
    f1,
)

pair_f1 = Metric(
    "relation F1",
    "micro-averaged F1 over the related pairs of all texts, each pair of a text once; a pair "
    "counts only if both its ends are right, by whichever of their names",
    _count,
    f1,
)

example_f1 = Metric(
    "example F1",
    "mean over texts of the F1 of its labels; 1 where there is no label and none is given",
    _count_by_example,
    mean,
)

same_set = Metric(
    "exact match",
    "share of texts with just the gold labels, no more and no fewer",
    _count_same,
    mean,
)


def macro_label_f1(labels: Sequence[str]) -> Metric:
    """Return macro F1 over the labels; other answers count for no label."""
    names = tuple(labels)

    def count(gold: _Set, prediction: _Set | None) -> tuple[float, ...]:
        found = prediction or ()
        return tuple(
            float(hit)
            for label in names
            for hit in (label in gold and label in found, label in gold, label in found)
        )

    spec = (
        f"mean of the F1 of each of {len(names)} labels, every label weighing the same; a label "
        "that is neither in the gold nor given is left out"
    )
    return Metric("macro F1", spec, count, mean_over_classes(len(names)))
