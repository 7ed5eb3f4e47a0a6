"""Split the answers of a task into those seen in training and the others."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from bioinstruct.bench.baselines.floors import names_entities, tagged
from bioinstruct.bench.baselines.lookup import Tagged, surface
from bioinstruct.bench.baselines.memory import (
    Mask,
    Seen,
    entity_counts,
    near_texts,
    seen_pairs,
    surfaces,
)
from bioinstruct.bench.evaluation.evaluate import TaskResult
from bioinstruct.bench.metrics import Array, Metric
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.schema import Category, Instruction

__all__ = ["seen_of"]

Scores = tuple[float | None, float | None]


def seen_of(
    evaluation: Evaluation,
    training: Sequence[Instruction],
    outcomes: tuple[TaskResult, TaskResult | None],
) -> Seen | None:
    """Return a task's first metric on items seen in training and on the others.

    Args:
        evaluation: what was asked.
        training: the training split of the task's corpus.
        outcomes: of the model as it was, and tuned.

    Returns:
        None where there is no training data, or where texts are written.
    """
    task, examples = evaluation.task, evaluation.examples
    if not training or task.group is Category.GEN:
        return None
    if names_entities(task):
        return _of_mentions(evaluation, training, outcomes)
    known, asked = ([e.input or e.instruction for e in each] for each in (training, examples))
    pairs = seen_pairs(known, asked)
    mask = near_texts(known, asked) if pairs is None else pairs
    of = "texts" if pairs is None else "pairs"
    base, tuned = (_of_items(o, mask) if o else None for o in outcomes)
    assert base is not None
    by_item = tuple(map(bool, mask))
    return Seen(of, len(evaluation.items), float(mask.mean()), base, tuned, by_item)


def _of_items(outcome: TaskResult, mask: Mask) -> Scores:
    first = outcome.readouts[0]
    return _score(first.metric, first.counts[mask]), _score(first.metric, first.counts[~mask])


def _of_mentions(
    evaluation: Evaluation,
    training: Sequence[Instruction],
    outcomes: tuple[TaskResult, TaskResult | None],
) -> Seen:
    task, examples = evaluation.task, evaluation.examples
    texts, known = tagged(task, examples), surfaces(tagged(task, training))
    metric = task.metrics[0]
    mentions = sum(len(text.entities) for text in tagged(task, evaluation.items))
    found: list[Scores | None] = []
    seen = unseen = np.zeros(3)
    for outcome in outcomes:
        if outcome is None:
            found.append(None)
            continue
        parts = entity_counts(metric, texts, outcome.readouts[0].answers, known)
        seen, unseen = (part.sum(axis=0) for part in parts)
        found.append((_score(metric, parts[0]), _score(metric, parts[1])))
    base, tuned = found
    assert base is not None
    share = float(seen[1]) / max(1.0, float(seen[1] + unseen[1]))
    return Seen("mentions", mentions, share, base, tuned, tuple(_known(t, known) for t in texts))


def _known(text: Tagged, known: Collection[str]) -> bool | None:
    """Return whether all entities of a text were annotated in training; None if it has none."""
    named = [surface(text.words, entity) in known for entity in text.entities if entity.start >= 0]
    return all(named) if named else None


def _score(metric: Metric, counts: Array) -> float | None:
    return float(metric.value(counts.sum(axis=0))) if counts.any() else None
