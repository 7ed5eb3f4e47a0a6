"""Entity F1, with exact and with overlapping spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from bioinstruct.bench.metrics.base import Metric, f1

__all__ = ["entity_f1", "overlap_f1"]


def _count(gold: Sequence[Hashable], prediction: Sequence[Hashable] | None) -> tuple[float, ...]:
    found = Counter(prediction or ())
    right = Counter(gold) & found
    return (float(right.total()), float(len(gold)), float(found.total()))


_Span = tuple[int, int, str]


def _count_overlaps(gold: Sequence[_Span], prediction: Sequence[_Span] | None) -> tuple[float, ...]:
    """Match each gold entity with an equal prediction, or else with the first free overlap."""
    free = list(prediction or ())
    missed = []
    for entity in gold:
        if entity in free:
            free.remove(entity)
        else:
            missed.append(entity)
    right = len(gold) - len(missed)
    for start, end, type in missed:
        place = (p for p in free if p[0] < end and start < p[1] and p[2] == type)
        found = next(place, None)
        if found is not None:
            free.remove(found)
            right += 1
    return (float(right), float(len(gold)), float(len(prediction or ())))


entity_f1 = Metric(
    "entity F1",
    "micro-averaged F1 over entities; an entity counts only if its first word, last word and type "
    "are right; repeated mentions count each",
    _count,
    f1,
)

overlap_f1 = Metric(
    "entity F1, overlap",
    "micro-averaged F1 over entities; an entity counts if a word of it is found with its type; one "
    "answer finds one entity at most",
    _count_overlaps,
    f1,
)
