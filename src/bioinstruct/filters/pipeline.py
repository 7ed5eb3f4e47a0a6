"""The filters one after the other: what stays, and what goes with its reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioinstruct.files import atomic_file
from bioinstruct.filters.contamination import Contaminated
from bioinstruct.filters.near_duplicates import Match
from bioinstruct.filters.rules import Rule
from bioinstruct.schema import Instruction

__all__ = ["Compare", "Dropped", "Near", "Screened", "compared_text", "screen"]

NEAR = "near-duplicate"
Compare = Callable[[Sequence[str]], Sequence[Match | None]]
"""The near duplicates among texts, such as `NearDuplicates.offer_all`."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A record that is left out, and why."""

    example: Instruction
    reason: str
    """The name of the rule, `contaminated-…` or `near-duplicate`."""
    detail: str = ""
    """What the rule found, or the test text."""
    other: str | None = None
    """The id of the record that a near duplicate is near to."""
    score: float | None = None
    """ROUGE-L F with it."""

    def row(self) -> dict[str, Any]:
        """As plain values, the record last; what is unset is left out."""
        values = {
            "reason": self.reason,
            "detail": self.detail or None,
            "other": self.other,
            "score": self.score,
            "record": self.example.row(),
        }
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Near:
    """How near duplicates are found."""

    compare: Compare
    seeds: Sequence[Instruction] = ()
    """Records that `compare` knows already, in their order."""
    with_input: bool = False
    """Compare instruction and input; Self-Instruct and Alpaca compare the instruction alone."""


@dataclass(frozen=True, slots=True)
class Screened:
    """Every record that was given, in its order: kept or dropped."""

    kept: list[Instruction]
    dropped: list[Dropped]

    def reasons(self) -> dict[str, int]:
        """How many were dropped for each reason, the most frequent first."""
        return dict(Counter(dropped.reason for dropped in self.dropped).most_common())

    @property
    def hidden_by_input(self) -> int:
        """Near duplicates whose instruction is another's and whose input is their own.

        Compiled records share a few instructions: there the input must be compared too.
        """
        return sum(
            dropped.score == 1.0 and dropped.reason == NEAR and bool(dropped.example.input)
            for dropped in self.dropped
        )

    def write_dropped(self, path: Path) -> None:
        """What was dropped, as JSON Lines; the file is whole or not there."""
        with atomic_file(path) as file:
            for dropped in self.dropped:
                file.write((json.dumps(dropped.row(), ensure_ascii=False) + "\n").encode("utf-8"))


def compared_text(example: Instruction, *, with_input: bool) -> str:
    """What near duplicates are near in."""
    if with_input and example.input:
        return f"{example.instruction}\n{example.input}"
    return example.instruction


def screen(
    examples: Iterable[Instruction],
    *,
    rules: Mapping[str, Rule] | None = None,
    contaminated: Contaminated | None = None,
    near: Near | None = None,
) -> Screened:
    """Drop what breaks a rule, then what is contaminated, then near duplicates of what is left.

    Near duplicates come last: a text that goes for another reason must not take others with it.
    """
    every = list(examples)
    gone: dict[int, Dropped] = {}
    for place, example in enumerate(every):
        if broken := _first_broken(rules or {}, example):
            gone[place] = Dropped(example, *broken)
    if contaminated is not None:
        rest = [place for place in range(len(every)) if place not in gone]
        overlaps = contaminated.find_all([every[place] for place in rest])
        for place, overlap in zip(rest, overlaps, strict=True):
            if overlap:
                reason, score = f"contaminated-{overlap.kind}", overlap.score
                gone[place] = Dropped(every[place], reason, _short(overlap.text), score=score)
    if near is not None:
        rest = [place for place in range(len(every)) if place not in gone]
        gone |= {place: dropped for place, dropped in _near(every, rest, near) if dropped}
    kept = [example for place, example in enumerate(every) if place not in gone]
    return Screened(kept, [gone[place] for place in sorted(gone)])


def _first_broken(rules: Mapping[str, Rule], example: Instruction) -> tuple[str, str] | None:
    for name, rule in rules.items():
        if detail := rule(example):
            return name, detail
    return None


def _near(
    every: list[Instruction], rest: list[int], near: Near
) -> Iterable[tuple[int, Dropped | None]]:
    texts = [compared_text(every[place], with_input=near.with_input) for place in rest]
    known = [*near.seeds, *(every[place] for place in rest)]
    for place, match in zip(rest, near.compare(texts), strict=True):
        if match is None:
            yield place, None
        else:
            other = known[match.place]
            text = _short(compared_text(other, with_input=near.with_input))
            yield place, Dropped(every[place], NEAR, text, other.id, match.score)


def _short(text: str, most: int = 200) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
