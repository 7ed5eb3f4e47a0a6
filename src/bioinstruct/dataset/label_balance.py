"""Measure the answer balance of tasks whose answers are a closed set of labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Answers", "Balance"]

MOST_LABELS = 50  # a task with more labels counts as open-ended
LONGEST = 60  # characters of the longest label
LEAST_EXAMPLES = 20  # a task with fewer examples has no meaningful balance
LEAST_OF_EACH = 5  # mean number of examples per label


@dataclass(frozen=True, slots=True)
class Balance:
    """The labels of a task and the number of examples whose answer contains each."""

    examples: int
    labels: dict[str, int]
    """Most frequent first. A multi-line answer has a label on each line, so the counts may sum to
    more than `examples`."""
    majority: float
    """Share of the examples with the most frequent label. If every answer has one label, this is
    the accuracy of always answering with it."""


class Answers:
    """Count the answers of one task for as long as they can be labels."""

    def __init__(self) -> None:
        self._examples = 0
        self._labels: Counter[str] | None = Counter()

    def add(self, output: str) -> None:
        """Count an answer; the order of the answers does not matter."""
        self._examples += 1
        if self._labels is None:
            return
        labels = set(output.split("\n"))
        self._labels.update(labels)
        if len(self._labels) > MOST_LABELS or any(len(label) > LONGEST for label in labels):
            self._labels = None

    def balance(self) -> Balance | None:
        """Return the balance, or None if the answers are open-ended or the examples too few."""
        labels = self._labels
        if labels is None or self._examples < LEAST_EXAMPLES:
            return None
        if self._examples < LEAST_OF_EACH * len(labels):
            return None
        ordered = _by_count(labels)
        return Balance(self._examples, ordered, max(labels.values()) / self._examples)


def _by_count(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
