"""How often each answer is right, in tasks whose answers are a closed set of labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Answers", "Balance"]

MOST_LABELS = 50  # of a task; with more the answers are taken to be open
LONGEST = 60  # characters of a label
LEAST_EXAMPLES = 20  # of a task: fewer say nothing of a balance
LEAST_OF_EACH = 5  # examples for each label, on average


@dataclass(frozen=True, slots=True)
class Balance:
    """The labels of a task, and of how many examples each is part of the answer."""

    examples: int
    labels: dict[str, int]
    """Most frequent first. An answer of several lines has a label on each, so they may add up to
    more than the examples."""
    majority: float
    """Share of the examples that have the most frequent label. Where an answer has one label, this
    is the accuracy of a constant answer."""


class Answers:
    """Counts the answers of one task while they can still be labels."""

    def __init__(self) -> None:
        self._examples = 0
        self._labels: Counter[str] | None = Counter()

    def add(self, output: str) -> None:
        """Count an answer; the order of answers makes no difference to what comes out."""
        self._examples += 1
        if self._labels is None:
            return
        labels = set(output.split("\n"))
        self._labels.update(labels)
        if len(self._labels) > MOST_LABELS or any(len(label) > LONGEST for label in labels):
            self._labels = None

    def balance(self) -> Balance | None:
        """The balance, or None when the answers are no closed set or the examples too few."""
        labels = self._labels
        if labels is None or self._examples < LEAST_EXAMPLES:
            return None
        if self._examples < LEAST_OF_EACH * len(labels):
            return None
        ordered = _by_count(labels)
        return Balance(self._examples, ordered, max(labels.values()) / self._examples)


def _by_count(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
