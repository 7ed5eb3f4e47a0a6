"""From answers to records: what is accepted, and what is rejected with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from bioinstruct.filters import Contaminated, NearDuplicates, Rule, choose_rules
from bioinstruct.generation.parse import UNPARSABLE, Draft, Unread, parse
from bioinstruct.generation.prompt import Prompt
from bioinstruct.generation.recipes import Recipe
from bioinstruct.llm.types import Failure, Outcome
from bioinstruct.schema import Category, Instruction, Provenance, Teacher

__all__ = ["ORIGIN", "Acceptor", "Judged", "Reject", "Sieve"]

ORIGIN = "bioinstruct-generated"
_CUT = {"length", "content_filter"}
_NO_TASK = "generated"
_LONGEST_TASK = 60  # characters
_SHOWN = 200  # characters of the text that a rejected one is too near to


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve:
    """What a record must pass, in this order."""

    rules: Mapping[str, Rule] = field(default_factory=dict)
    contaminated: Contaminated | None = None
    near_duplicates: float = 0.7

    @classmethod
    def of(cls, recipe: Recipe) -> Sieve:
        """The one that a recipe has."""
        return cls(rules=choose_rules(recipe.rules), near_duplicates=recipe.near_duplicates)


@dataclass(frozen=True, slots=True)
class Reject:
    """A part of an answer, or a whole one, that gave no record."""

    request: int
    """Its number in the run."""
    item: int
    """Which part of the answer, from 1; 0 for the whole."""
    reason: str
    """A rule's name, `contaminated-…`, `near-duplicate`, `cut-off`, … or why a request failed."""
    detail: str
    text: str
    """As the teacher wrote it."""
    other: str | None = None
    """The id of the record that it is too near to."""
    score: float | None = None
    """ROUGE-L F with that, or with a test text."""

    def row(self, key: str) -> dict[str, Any]:
        """As plain values; `key` is that of the request in the transcript."""
        values = {
            "reason": self.reason,
            "detail": self.detail or None,
            "other": self.other,
            "score": self.score,
            "request": self.request,
            "item": self.item,
            "key": key,
            "text": self.text,
        }
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one answer, in its order."""

    accepted: list[Instruction] = field(default_factory=list)
    rejected: list[Reject] = field(default_factory=list)


class Acceptor:
    """Judges answers in the order of their requests; what it keeps decides on what follows."""

    def __init__(self, seeds: Iterable[Instruction], sieve: Sieve, *, license: str) -> None:
        self.sieve = sieve
        self._license = license
        self._near = NearDuplicates(sieve.near_duplicates)
        self._known = {place: (s.id, s.instruction) for place, s in enumerate(seeds)}
        self._near.add(text for _, text in self._known.values())
        self._ids = {id for id, _ in self._known.values()}
        self._offered = len(self._known)

    def take(self, prompt: Prompt, outcome: Outcome, *, most: int | None = None) -> Judged:
        """Judge an answer; after `most` accepted records the rest of it is left alone."""
        judged = Judged()
        if isinstance(outcome, Failure):
            reject = Reject(prompt.number, 0, outcome.reason, outcome.message, "")
            judged.rejected.append(reject)
            return judged
        teacher = prompt.teacher
        if outcome.model and outcome.model != teacher.model:  # the server's name often has a date
            teacher = teacher.model_copy(update={"model": outcome.model})
        parts = parse(outcome.text, prompt.form, cut=outcome.finish_reason in _CUT)
        for item, part in enumerate(parts, start=1):
            if most is not None and len(judged.accepted) >= most:
                break
            found = self._judge(part, teacher, prompt.number, item)
            if isinstance(found, Instruction):
                judged.accepted.append(found)
            else:
                judged.rejected.append(found)
        return judged

    def _judge(
        self, part: Draft | Unread, teacher: Teacher, number: int, item: int
    ) -> Instruction | Reject:
        if isinstance(part, Unread):
            return Reject(number, item, part.reason, part.detail, part.raw)
        try:
            record = self._record(part, teacher, f"{number}.{item}")
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            detail = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
            return Reject(number, item, UNPARSABLE, detail, part.raw)
        fault = self._fault(record)
        if fault is None:
            self._ids.add(record.id)
            return record
        reason, detail, other, score = fault
        return Reject(number, item, reason, detail, part.raw, other, score)

    def _record(self, part: Draft, teacher: Teacher, document: str) -> Instruction:
        fields = part.fields
        return Instruction(
            instruction=fields["instruction"],
            input=fields["input"],
            output=fields["output"],
            category=_category(fields.get("category", "")),
            task=_task(fields.get("task", "")),
            provenance=Provenance(
                kind="generated",
                origin=ORIGIN,
                license=self._license,
                document=document,
                teacher=teacher,
            ),
        )

    def _fault(self, record: Instruction) -> tuple[str, str, str | None, float | None] | None:
        """What is wrong; near duplicates last, since an instruction that is offered stays."""
        for name, rule in self.sieve.rules.items():
            if detail := rule(record):
                return name, detail, None, None
        if self.sieve.contaminated is not None:
            overlap = self.sieve.contaminated.find(record)
            if overlap is not None:
                return f"contaminated-{overlap.kind}", overlap.text[:_SHOWN], None, overlap.score
        if record.id in self._ids:  # an instruction without a word is near to none
            return "exact-duplicate", "", record.id, None
        match = self._near.offer(record.instruction)
        place, self._offered = self._offered, self._offered + 1
        if match is not None:
            other, text = self._known[match.place]
            return "near-duplicate", text[:_SHOWN], other, match.score
        self._known[place] = (record.id, record.instruction)
        return None


def _category(text: str) -> Category:
    """As the teacher says; OTHER where it says nothing that is one."""
    name = text.strip().upper()
    return Category(name) if name in Category.__members__ else Category.OTHER


def _task(text: str) -> str:
    """A name in kebab-case; `generated` where there is none."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words)[:_LONGEST_TASK].rstrip("-") or _NO_TASK
