"""What a dataset contains: counts, sources and lengths, in one pass."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bioinstruct.dataset.label_balance import Answers, Balance
from bioinstruct.schema import Instruction
from bioinstruct.tables import aligned, html_table

__all__ = ["Collector", "Quantiles", "Source", "Statistics", "sources", "statistics"]

_FIELDS = ("instruction", "input", "output")


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Lengths by nearest rank: each is the length of a text that is really there."""

    min: int
    p10: int
    median: int
    p90: int
    p99: int
    max: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where examples came from, under which licence, and how many did."""

    origin: str
    revision: str | None
    license: str
    kind: str
    examples: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a dataset contains; a repeated example counts once, and again in `duplicates`."""

    fingerprint: str
    """SHA-256 of the different records, all fields, in their order."""
    examples: int
    """Different examples: those with an id of their own."""
    duplicates: int
    """Examples that repeated an earlier one; all figures below leave them out."""
    without_input: int
    categories: dict[str, int]
    tasks: dict[str, int]
    kinds: dict[str, int]
    origins: dict[str, int]
    licenses: dict[str, int]
    teachers: dict[str, int]
    """Models that wrote generated examples."""
    tasks_by_category: dict[str, dict[str, int]]
    sources: tuple[Source, ...]
    characters: dict[str, Quantiles]
    """Lengths of instruction, input and output in characters, an absent input being 0."""
    words: dict[str, Quantiles]
    """The same in words, which are what white space separates."""
    tokens: dict[str, Quantiles]
    """The same in tokens, where they were counted."""
    tokenizer: str
    """What counted them; empty when nothing did."""
    answers: dict[str, Balance]
    """Of the tasks whose answers are a closed set of labels."""

    def as_dict(self) -> dict[str, Any]:
        """The statistics as plain values, ready for JSON."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        return "\n".join([self._heading(), *aligned(self._table())])

    def _repr_html_(self) -> str:
        return html_table(self._table(), notes=[self._heading()])

    def _heading(self) -> str:
        words = ", ".join(
            f"{field} {lengths.median:,} (10 to 90 %: {lengths.p10:,} to {lengths.p90:,})"
            for field, lengths in self.words.items()
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
    """Count what `examples` contain, holding none of them."""
    collector = Collector()
    for example in examples:
        collector.add(example)
    return collector.result()


class Collector:
    """Counts examples as they pass; remembers an id of each, and no text but labels.

    `tokens` counts those of a text, by the tokenizer of that name; they are left out without it.
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
        self._characters = {field: Counter[int]() for field in _FIELDS}
        self._words = {field: Counter[int]() for field in _FIELDS}
        self._count_tokens = tokens
        self._tokens = {field: Counter[int]() for field in _FIELDS}
        self._answers: dict[str, Answers] = {}

    def add(self, example: Instruction) -> bool:
        """Count an example; False if it was here before."""
        number = int(example.id, 16)  # a set of integers takes a third of a set of strings
        if number in self._ids:
            self._duplicates += 1
            return False
        self._ids.add(number)
        self._digest.update(json.dumps(example.row(), sort_keys=True).encode())
        made = example.provenance
        self._without_input += not example.input
        self._tasks[example.category.value, example.task] += 1
        self._sources[_source(example)] += 1
        if made.teacher is not None:
            self._teachers[made.teacher.model] += 1
        for field in _FIELDS:
            text: str = getattr(example, field)
            self._characters[field][len(text)] += 1
            self._words[field][len(text.split())] += 1
            if self._count_tokens is not None:
                self._tokens[field][self._count_tokens(text)] += 1
        self._answers.setdefault(example.task, Answers()).add(example.output)
        return True

    def result(self) -> Statistics:
        """The statistics of what has been added so far."""
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
    """Where examples came from, and under which licences; one that is repeated counts each time."""
    return _sources(Counter(_source(example) for example in examples))


def _source(example: Instruction) -> tuple[str, str, str, str]:
    made = example.provenance
    return made.origin, made.revision or "", made.license, made.kind


def _sources(counts: Counter[tuple[str, str, str, str]]) -> tuple[Source, ...]:
    return tuple(
        Source(origin, revision or None, license, kind, count)
        for (origin, revision, license, kind), count in _by_count(counts).items()
    )


def _by_count(counts: Counter[Any]) -> dict[Any, int]:
    """Most frequent first, equal ones by name: the same examples in any order give the same."""
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
        rank = max(1, -(-total * percent // 100))  # rounded up, in whole numbers
        seen = 0
        for length, count in ranked:
            seen += count
            if seen >= rank:
                return length
        raise AssertionError("a rank is at most the total")

    return Quantiles(at(0), at(10), at(50), at(90), at(99), at(100))
