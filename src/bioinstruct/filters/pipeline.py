"""Filter steps one after the other: which records stay, and why the others go.

A step looks at records in their order and returns, for each, a rejection or None. It may remember
records, so one that a later step rejects can still count as seen: near duplicates come last.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeAlias, overload

from bioinstruct.filters.contamination import Contaminated, Overlap
from bioinstruct.filters.near_duplicates import Match, NearDuplicates
from bioinstruct.filters.rules import Rule
from bioinstruct.rejection import Rejection
from bioinstruct.schema import Instruction

__all__ = [
    "Compare",
    "Duplicates",
    "Near",
    "Step",
    "answered_text",
    "apply",
    "compared_text",
    "contamination_step",
    "decide",
    "rules_step",
    "split",
]

NEAR = "near-duplicate"
_SHOWN = 200  # characters of a text that a record is too near to
_FEW = 20  # texts to offer one by one: for more it pays to compare them together

Step: TypeAlias = Callable[[Sequence[Instruction]], Sequence[Rejection | None]]
"""Returns a rejection or None for each of some records, in their order."""
Compare: TypeAlias = Callable[[Sequence[str]], Sequence[Match | None]]
"""Returns the near duplicates among texts, such as `NearDuplicates.offer_all`."""


def apply(
    stream: Iterable[Instruction], steps: Sequence[Step], *, batch: int | None = None
) -> Iterator[tuple[Instruction, Rejection | None]]:
    """Yield each record with its rejection by the first step that has one, or None.

    The decisions do not depend on `batch`: the number of records that are held and given to a step
    at a time; None for all of them.
    """
    rest = iter(stream)
    while records := list(islice(rest, batch)):
        yield from zip(records, decide(records, steps), strict=True)


def split(
    stream: Iterable[Instruction], steps: Sequence[Step]
) -> tuple[list[Instruction], list[Rejection]]:
    """Return the records that stay and the rejections, each in the order of the records."""
    kept: list[Instruction] = []
    rejections: list[Rejection] = []
    for example, rejection in apply(stream, steps):
        if rejection is None:
            kept.append(example)
        else:
            rejections.append(rejection)
    return kept, rejections


def decide(records: Sequence[Instruction], steps: Sequence[Step]) -> list[Rejection | None]:
    """Return for each record the rejection by the first step that has one, or None.

    A step is only given the records that those before it have let through.
    """
    found: list[Rejection | None] = [None] * len(records)
    for step in steps:
        left = [place for place, rejection in enumerate(found) if rejection is None]
        given = records if len(left) == len(records) else _Some(records, left)
        for place, rejection in zip(left, step(given), strict=True):
            if rejection is not None:
                found[place] = replace(rejection, record=records[place])
    return found


def rules_step(rules: Mapping[str, Rule]) -> Step:
    """Return a step that rejects what breaks a rule, for the first that it breaks."""

    def first_broken(example: Instruction) -> Rejection | None:
        for name, rule in rules.items():
            if detail := rule(example):
                return Rejection(reason=name, detail=detail)
        return None

    return lambda records: list(map(first_broken, records))


def contamination_step(contaminated: Contaminated) -> Step:
    """Return a step that rejects what overlaps a test text."""

    def reject(overlap: Overlap | None) -> Rejection | None:
        if overlap is None:
            return None
        reason = f"contaminated-{overlap.kind}"
        return Rejection(
            reason=reason,
            detail=_short(overlap.text),
            other=overlap.id or None,
            score=overlap.score,
            test=" ".join(filter(None, [overlap.task, overlap.part])),
        )

    return lambda records: list(map(reject, contaminated.find_all(records)))


class Duplicates:
    """A step that rejects records whose id was seen."""

    def __init__(self, reason: str = "duplicate", *, remember: bool = True) -> None:
        """`remember`: count every record as seen; without, only those that are added."""
        self._reason, self._remember = reason, remember
        self._seen: set[int] = set()

    def add(self, id: str) -> None:
        """Count an id as seen."""
        self._seen.add(int(id, 16))

    def __call__(self, records: Sequence[Instruction]) -> list[Rejection | None]:
        return list(map(self._decide, records))

    def _decide(self, example: Instruction) -> Rejection | None:
        if int(example.id, 16) in self._seen:
            return Rejection(reason=self._reason, other=example.id)
        if self._remember:
            self.add(example.id)
        return None


class Near:
    """A step that rejects near duplicates of records that it let through before."""

    def __init__(
        self,
        make: Callable[[Sequence[str]], Compare],
        *,
        seeds: Iterable[Instruction] = (),
        text: Callable[[Instruction], str] | None = None,
        group: Callable[[Instruction], Hashable] = lambda example: "",
    ) -> None:
        """Start with seeds.

        Args:
            make: returns what compares the texts of a group; given the texts of the seeds in it.
            seeds: records to compare with from the start.
            text: the text of a record that is compared; by default its instruction.
            group: only records of one group are compared.
        """
        self._make, self._group = make, group
        self._text = text or compared_text
        self._compare: dict[Hashable, Compare] = {}
        self._known: dict[Hashable, dict[int, tuple[str, str]]] = {}  # id and text by place
        self._offered: dict[Hashable, int] = {}
        seeded: dict[Hashable, list[tuple[str, str]]] = {}
        for seed in seeds:
            seeded.setdefault(group(seed), []).append((seed.id, self._text(seed)))
        for name, known in seeded.items():
            self._start(name, known)

    @classmethod
    def by_rouge(
        cls,
        threshold: float,
        *,
        tokenizer: str = "self-instruct",
        same_subject: bool = False,
        seeds: Iterable[Instruction] = (),
        text: Callable[[Instruction], str] | None = None,
        group: Callable[[Instruction], Hashable] = lambda example: "",
    ) -> Near:
        """Return a step that compares by ROUGE-L F; the arguments are those of `NearDuplicates`.

        Raises:
            BioinstructError: the threshold is not from 0 to 1, or there is no such tokenizer.
        """

        def make(known: Sequence[str]) -> Compare:
            near = NearDuplicates(threshold, tokenizer=tokenizer, same_subject=same_subject)
            near.add(known)

            def compare(texts: Sequence[str]) -> Sequence[Match | None]:
                if len(texts) <= _FEW:
                    return [near.offer(text) for text in texts]
                return near.offer_all(texts)

            return compare

        make([])  # a threshold that is wrong is an error now
        return cls(make, seeds=seeds, text=text, group=group)

    def __call__(self, records: Sequence[Instruction]) -> list[Rejection | None]:
        groups: dict[Hashable, list[tuple[int, str, str]]] = {}
        for place, example in enumerate(records):
            entry = (place, example.id, self._text(example))
            groups.setdefault(self._group(example), []).append(entry)
        found: list[Rejection | None] = [None] * len(records)
        for name, entries in groups.items():
            matches = self._matches(name, [text for _, _, text in entries])
            known, first = self._known[name], self._offered[name]
            for offset, ((place, id, text), match) in enumerate(zip(entries, matches, strict=True)):
                if match is None:
                    known[first + offset] = id, text
                    continue
                other, near = known[match.place]
                found[place] = Rejection(
                    reason=NEAR, detail=_short(near), other=other, score=match.score
                )
            self._offered[name] += len(entries)
        return found

    def _start(self, name: Hashable, known: Sequence[tuple[str, str]]) -> None:
        self._known[name] = dict(enumerate(known))
        self._offered[name] = len(known)
        self._compare[name] = self._make([text for _, text in known])

    def _matches(self, name: Hashable, texts: Sequence[str]) -> Sequence[Match | None]:
        if name not in self._compare:
            self._start(name, [])
        return self._compare[name](texts)


def compared_text(example: Instruction, *, with_input: bool = False) -> str:
    """Return the instruction, with its input if wanted: what Self-Instruct compares, and more."""
    if with_input and example.input:
        return f"{example.instruction}\n{example.input}"
    return example.instruction


def answered_text(example: Instruction) -> str:
    """Return input and output: what a compiled record has of its own, without a shared wording."""
    return f"{example.input or example.instruction}\n{example.output}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


class _Some(Sequence[Instruction]):
    """Some of the records of a sequence, read from it when they are used."""

    def __init__(self, records: Sequence[Instruction], places: Sequence[int]) -> None:
        self._records, self._places = records, places

    @overload
    def __getitem__(self, index: int) -> Instruction: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Instruction]: ...
    def __getitem__(self, index: int | slice) -> Instruction | Sequence[Instruction]:
        if isinstance(index, slice):
            return _Some(self._records, self._places[index])
        return self._records[self._places[index]]

    def __len__(self) -> int:
        return len(self._places)
