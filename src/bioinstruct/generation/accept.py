"""From answers to records: those that are accepted, and rejections with their reasons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from bioinstruct.filters import (
    Contaminated,
    Duplicates,
    Near,
    Rejection,
    Rule,
    Step,
    choose_rules,
    contamination_step,
    decide,
    rules_step,
)
from bioinstruct.generation.parse import UNPARSABLE, Draft, parse
from bioinstruct.generation.prompt import Prompt
from bioinstruct.generation.recipes import Recipe
from bioinstruct.llm.types import Failure, Response
from bioinstruct.schema import Category, Instruction, Provenance, Teacher, explain

__all__ = ["ORIGIN", "Acceptor", "Judged", "Sieve"]

ORIGIN = "bioinstruct-generated"
_CUT = {"length", "content_filter"}
_NO_TASK = "generated"
_LONGEST_TASK = 60  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieve:
    """Checks of a record, in this order; near duplicates come last."""

    rules: Mapping[str, Rule] = field(default_factory=dict)
    contaminated: Contaminated | None = None
    near_duplicates: float = 0.7
    by_document: bool = False
    """Whether only instructions about one document can be near duplicates."""

    def group(self, example: Instruction) -> str:
        """Return what two records must share to be compared as near duplicates."""
        return example.input if self.by_document else ""

    def steps(self) -> list[Step]:
        """Return the steps before those that look for duplicates."""
        steps = [rules_step(self.rules)]
        if self.contaminated is not None:
            steps.append(contamination_step(self.contaminated))
        return steps

    @classmethod
    def of(cls, recipe: Recipe, *, by_document: bool = False) -> Sieve:
        """Return the sieve of a recipe."""
        return cls(
            rules=choose_rules(recipe.rules),
            near_duplicates=recipe.near_duplicates,
            by_document=by_document,
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """The records and the rejections of one answer, in its order."""

    accepted: list[Instruction] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)


class Acceptor:
    """Judges answers in the order of their requests; what it keeps decides on what follows."""

    def __init__(self, seeds: Iterable[Instruction], sieve: Sieve, *, license: str) -> None:
        seeds = list(seeds)
        self.sieve = sieve
        self._license = license
        # Records without words are never near duplicates, so check exact duplicates too.
        self._duplicates = Duplicates("exact-duplicate", remember=False)
        for seed in seeds:
            self._duplicates.add(seed.id)
        near = Near.by_rouge(sieve.near_duplicates, seeds=seeds, group=sieve.group)
        self._steps: list[Step] = [*sieve.steps(), self._duplicates, near]

    def take(self, prompt: Prompt, outcome: Response, *, most: int | None = None) -> Judged:
        """Judge an answer; ignore the rest after `most` accepted records."""
        judged = Judged()
        if isinstance(outcome, Failure):
            reject = Rejection(reason=outcome.reason, detail=outcome.message, text="")
            judged.rejected.append(replace(reject, place=_place(prompt, 0)))
            return judged
        teacher = prompt.teacher
        if outcome.model and outcome.model != teacher.model:  # the server's name often has a date
            teacher = teacher.model_copy(update={"model": outcome.model})
        parts = parse(outcome.text, prompt.form, cut=outcome.finish_reason in _CUT)
        for item, part in enumerate(parts, start=1):
            if most is not None and len(judged.accepted) >= most:
                break
            found = self._judge(part, teacher, prompt, item)
            if isinstance(found, Instruction):
                judged.accepted.append(found)
            else:
                judged.rejected.append(replace(found, place=_place(prompt, item)))
        return judged

    def _judge(
        self, part: Draft | Rejection, teacher: Teacher, prompt: Prompt, item: int
    ) -> Instruction | Rejection:
        if isinstance(part, Rejection):
            return part
        try:
            record = self._record(part, teacher, prompt, item)
        except ValidationError as error:
            return Rejection(reason=UNPARSABLE, detail=explain(error), text=part.raw)
        [rejection] = decide([record], self._steps)
        if rejection is not None:
            return replace(rejection, record=None, text=part.raw)
        self._duplicates.add(record.id)
        return record

    def _record(self, part: Draft, teacher: Teacher, prompt: Prompt, item: int) -> Instruction:
        fields, about = part.fields, prompt.document
        return Instruction(
            instruction=fields["instruction"],
            input=about.text if about else fields["input"],
            output=fields["output"],
            category=_category(fields.get("category", "")),
            task=_task(fields.get("task", "")),
            provenance=Provenance(
                kind="generated",
                origin=ORIGIN,
                license=self._license,
                document=about.id if about else f"{prompt.number}.{item}",
                teacher=teacher,
            ),
        )


def _place(prompt: Prompt, item: int) -> dict[str, int]:
    """Return the number of the request, and which part of the answer: from 1, 0 for the whole."""
    return {"request": prompt.number, "item": item}


def _category(text: str) -> Category:
    """Return the category that the teacher names; OTHER if it names none."""
    name = text.strip().upper()
    return Category(name) if name in Category.__members__ else Category.OTHER


def _task(text: str) -> str:
    """Return a name in kebab-case; `generated` if there is none."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return "-".join(words)[:_LONGEST_TASK].rstrip("-") or _NO_TASK
