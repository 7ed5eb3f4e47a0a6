"""Collect the counts, sources and lengths of a dataset in one pass."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bioinstruct.dataset.label_balance import Answers, Balance
from bioinstruct.schema import Instruction, Teacher
from bioinstruct.tables import aligned, html_table

__all__ = ["Collector", "Quantiles", "Source", "Statistics", "sources", "statistics"]

_FIELDS = ("instruction", "input", "output")


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles of text lengths by nearest rank: each is the length of an actual text."""

    min: int
    p10: int
    median: int
    p90: int
    p99: int
    max: int


@dataclass(frozen=True, slots=True)
class Source:
    """A source of examples, with its licence and number of examples."""

    origin: str
    revision: str | None
    license: str
    kind: str
    examples: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of a dataset. Repeated examples count only in `duplicates`."""

    fingerprint: str
    """SHA-256 of all fields of the distinct records, in order."""
    examples: int
    """Number of distinct examples, by id."""
    duplicates: int
    """Number of examples that repeat an earlier one; the figures below exclude them."""
    without_input: int
    categories: dict[str, int]
    tasks: dict[str, int]
    kinds: dict[str, int]
    origins: dict[str, int]
    licenses: dict[str, int]
    teachers: dict[str, int]
    """Number of generated examples by the model that wrote them."""
    tasks_by_category: dict[str, dict[str, int]]
    sources: tuple[Source, ...]
    characters: dict[str, Quantiles]
    """Lengths of instruction, input and output in characters; a missing input counts as 0."""
    words: dict[str, Quantiles]
    """Lengths in words, split at white space."""
    tokens: dict[str, Quantiles]
    """Lengths in tokens; empty if they were not counted."""
    tokenizer: str
    """Name of the tokenizer; empty if tokens were not counted."""
    answers: dict[str, Balance]
    """Answer balance of the tasks that have a closed set of labels."""
    generated: dict[str, int] = dataclasses.field(default_factory=dict)
    """Number of generated examples by model, recipe and settings."""
    splits: dict[str, int] = dataclasses.field(default_factory=dict)
    """Number of examples by split; empty if there is only `train`."""

    def as_dict(self) -> dict[str, Any]:
        """Return the statistics as plain values, ready for JSON."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        return "\n".join([self._heading(), *aligned(self._table())])

    def _repr_html_(self) -> str:
        return html_table(self._table(), notes=[self._heading()])

    def _heading(self) -> str:
        words = ", ".join(
            f"{name} {lengths.median:,} (10 to 90 %: {lengths.p10:,} to {lengths.p90:,})"
            for name, lengths in self.words.items()
        )
        return (
            f"{self.examples:,} instructions, {self.duplicates:,} repeated, "
            f"{self.without_input:,} without input; median words: {words or 'none'}"
        )

    def _table(self) -> list[list[str]]:
        counts = {
            "category": self.categories,
            "source": self.origins,
            "licence": self.licenses,
            "kind": self.kinds,
            "teacher": self.teachers,
        }
        rows = [
            [what, name, f"{count:,}", f"{count / (self.examples or 1):.1%}"]
            for what, found in counts.items()
            for name, count in found.items()
        ]
        return [["", "", "records", "share"], *rows]


def statistics(examples: Iterable[Instruction]) -> Statistics:
    """Return the statistics of `examples`, reading them once and holding none."""
    collector = Collector()
    for example in examples:
        collector.add(example)
    return collector.result()


class Collector:
    """Collect statistics from a stream of examples; holds their ids, and no text but labels.

    `tokens` counts the tokens of a text with the tokenizer named `tokenizer`; without it, token
    lengths are omitted.
    """

    def __init__(self, tokens: Callable[[str], int] | None = None, *, tokenizer: str = "") -> None:
        self._tokenizer = tokenizer
        self._digest = hashlib.sha256()
        self._ids: set[int] = set()
        self._duplicates = 0
        self._without_input = 0
        self._tasks: Counter[tuple[str, str]] = Counter()
        self._sources: Counter[tuple[str, str, str, str]] = Counter()
        self._teachers: Counter[str] = Counter()
        self._generated: Counter[str] = Counter()
        self._characters = {field: Counter[int]() for field in _FIELDS}
        self._words = {field: Counter[int]() for field in _FIELDS}
        self._count_tokens = tokens
        self._tokens = {field: Counter[int]() for field in _FIELDS}
        self._answers: dict[str, Answers] = {}

    def add(self, example: Instruction) -> bool:
        """Count an example and return True, or return False if it repeats an earlier one."""
        number = int(example.id, 16)  # a set of integers takes a third of the memory of strings
        if number in self._ids:
            self._duplicates += 1
            return False
        self._ids.add(number)
        self._digest.update(json.dumps(example.row(), sort_keys=True).encode())
        teacher = example.provenance.teacher
        self._without_input += not example.input
        self._tasks[example.category.value, example.task] += 1
        self._sources[_source(example)] += 1
        if teacher is not None:
            self._teachers[teacher.model] += 1
            self._generated[_settings(teacher)] += 1
        for field in _FIELDS:
            text: str = getattr(example, field)
            self._characters[field][len(text)] += 1
            self._words[field][len(text.split())] += 1
            if self._count_tokens is not None:
                self._tokens[field][self._count_tokens(text)] += 1
        self._answers.setdefault(example.task, Answers()).add(example.output)
        return True

    def result(self) -> Statistics:
        """Return the statistics of the examples added so far."""
        return Statistics(
            fingerprint=self._digest.hexdigest(),
            examples=len(self._ids),
            duplicates=self._duplicates,
            without_input=self._without_input,
            categories=_total(self._tasks, 0),
            tasks=_total(self._tasks, 1),
            kinds=_total(self._sources, 3),
            origins=_total(self._sources, 0),
            licenses=_total(self._sources, 2),
            teachers=_by_count(self._teachers),
            generated=_by_count(self._generated),
            tasks_by_category=_nested(self._tasks),
            sources=_sources(self._sources),
            characters=_quantiles(self._characters),
            words=_quantiles(self._words),
            tokens=_quantiles(self._tokens),
            tokenizer=self._tokenizer,
            answers={
                task: balance
                for task in sorted(self._answers)
                if (balance := self._answers[task].balance())
            },
        )


def sources(examples: Iterable[Instruction]) -> tuple[Source, ...]:
    """Return the sources of the examples and their licences; repeated examples count each time."""
    return _sources(Counter(_source(example) for example in examples))


def _source(example: Instruction) -> tuple[str, str, str, str]:
    provenance = example.provenance
    return provenance.origin, provenance.revision or "", provenance.license, provenance.kind


def _settings(teacher: Teacher) -> str:
    names = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
    given = [(name, getattr(teacher, name)) for name in names]
    parts = [f"{name} {value}" for name, value in given if value is not None]
    return ", ".join([teacher.model, f"recipe {teacher.prompt}", *parts])


def _sources(counts: Counter[tuple[str, str, str, str]]) -> tuple[Source, ...]:
    return tuple(
        Source(origin, revision or None, license, kind, count)
        for (origin, revision, license, kind), count in _by_count(counts).items()
    )


def _by_count(counts: Counter[Any]) -> dict[Any, int]:
    """Sort by count, then by name, so that the order of the examples does not matter."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _total(counts: Counter[Any], position: int) -> dict[str, int]:
    total: Counter[str] = Counter()
    for key, count in counts.items():
        total[key[position]] += count
    return _by_count(total)


def _nested(tasks: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    nested: dict[str, Counter[str]] = {}
    for (category, task), count in tasks.items():
        nested.setdefault(category, Counter())[task] += count
    return {category: _by_count(nested[category]) for category in sorted(nested)}


def _quantiles(lengths: dict[str, Counter[int]]) -> dict[str, Quantiles]:
    return {field: _quantile(counts) for field, counts in lengths.items() if counts}


def _quantile(counts: Counter[int]) -> Quantiles:
    ranked = sorted(counts.items())
    total = counts.total()

    def at(percent: int) -> int:
        rank = max(1, -(-total * percent // 100))  # ceiling, in integers
        seen = 0
        for length, count in ranked:
            seen += count
            if seen >= rank:
                return length
        raise AssertionError("a rank is at most the total")

    return Quantiles(at(0), at(10), at(50), at(90), at(99), at(100))
