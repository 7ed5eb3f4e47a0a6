"""Memory apart from skill: which of the items asked were seen in training.

An entity was seen if its words were annotated in training, ignoring case; a pair if both its
ends occur together in a training example; a text if it resembles the nearest training text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bioinstruct.bench.baselines.lookup import Tagged, surface
from bioinstruct.bench.metrics.base import Array, Metric
from bioinstruct.corpora.answers.entities import Entity
from bioinstruct.text import unicode_words

__all__ = [
    "NEAR",
    "Mask",
    "Seen",
    "entity_counts",
    "near_texts",
    "pair_of",
    "seen_pairs",
    "surfaces",
]

NEAR = 0.5
"""Cosine of the TF-IDF vectors from which on two texts are alike."""
_AT_ONCE = 500
_NUMBER = re.compile(r" #\d+$")

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """Share of a task's items that was seen in training, and the score on either part."""

    of: str
    """Kind of item: mentions, pairs or texts."""
    n: int
    share: float
    """Share of the n items that was seen, 0 to 1."""
    base: tuple[float | None, float | None]
    """The first metric on seen and on unseen items; None if there are none."""
    tuned: tuple[float | None, float | None] | None = None
    by_item: tuple[bool | None, ...] = field(default=(), compare=False, repr=False)
    """Whether each question is of what was seen; None where it names no entity. Not in reports: the
    file of items has it."""


def surfaces(training: Sequence[Tagged]) -> set[str]:
    """Return the mentions of the training texts, in lower case."""
    return {surface(text.words, e) for text in training for e in text.entities if e.start >= 0}


def entity_counts(
    metric: Metric,
    texts: Sequence[Tagged],
    predictions: Sequence[Sequence[Entity] | None],
    known: Collection[str],
) -> tuple[Array, Array]:
    """Count the entities that were seen in training and those that were not, apart.

    Gold and predicted entities are parted alike, by their own words, so that a false alarm counts
    against the part that it is of.

    Returns:
        Two arrays of shape (texts, k), for `metric.value`.
    """
    parts: list[Array] = []
    for wanted in (True, False):
        pairs = [
            (_part(text.words, text.entities, known, wanted), _part(text.words, p, known, wanted))
            for text, p in zip(texts, predictions, strict=True)
        ]
        parts.append(metric.counts([gold for gold, _ in pairs], [found for _, found in pairs]))
    return parts[0], parts[1]


def _part(
    text: Sequence[str], entities: Sequence[Entity] | None, known: Collection[str], wanted: bool
) -> list[Entity]:
    return [e for e in entities or () if (e.start >= 0 and surface(text, e) in known) is wanted]


def pair_of(text: str) -> frozenset[str] | None:
    """Return the two ends of a pair that is named in the last two lines of an input, else None."""
    lines = text.rstrip().rsplit("\n", 2)[-2:]
    ends = [line.partition(": ") for line in lines]
    if len(lines) < 2 or not all(mark and rest and len(name) < 20 for name, mark, rest in ends):
        return None
    return frozenset(_NUMBER.sub("", rest).casefold() for _, _, rest in ends)


def seen_pairs(training: Sequence[str], asked: Sequence[str]) -> Mask | None:
    """Return which of the pairs occur in a training input; None if inputs name none."""
    pairs = [pair_of(text) for text in asked]
    if not all(pairs):
        return None
    known = {pair_of(text) for text in training}
    return np.array([pair in known for pair in pairs])


def near_texts(training: Sequence[str], asked: Sequence[str]) -> Mask:
    """Return which of the texts asked have a training text with a cosine of at least `NEAR`."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer: Any = TfidfVectorizer(analyzer=unicode_words, sublinear_tf=True)
    # Of both, since a word that training lacks makes a text unlike.
    vectors = vectorizer.fit_transform([*training, *asked])
    fitted, given = vectors[: len(training)].T.tocsr(), vectors[len(training) :]
    found = np.zeros(len(asked), dtype=np.bool_)
    for start in range(0, len(asked), _AT_ONCE):
        likeness = given[start : start + _AT_ONCE] @ fitted
        found[start : start + _AT_ONCE] = likeness.max(axis=1).toarray().ravel() >= NEAR
    return found
