"""Labels by a teacher model: several records a request, every answer in the transcript first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bioinstruct.labels.audit import keeps
from bioinstruct.labels.label import Labelled, labelled
from bioinstruct.labels.offline import classifier
from bioinstruct.labels.prompt import PROMPT, parse, request
from bioinstruct.llm.runner import ask
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Client, Outcome, Request
from bioinstruct.schema import Category, Instruction

if TYPE_CHECKING:
    from bioinstruct.llm.pricing import Budget
    from bioinstruct.llm.runner import Usage

__all__ = ["Teaching", "label_by_teacher"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaching:
    """How a teacher is asked for labels."""

    model: str
    schema: bool = True
    """Whether the server enforces a JSON schema; without, the prompt asks for JSON in words."""
    records: int = 10
    """In one request."""
    concurrency: int = 8
    """Requests in flight at most."""
    budget: Budget | None = None
    keep_existing: bool = False
    """Ask only about what is OTHER."""


def label_by_teacher(
    examples: Iterable[Instruction],
    client: Client,
    transcript: Transcript,
    teaching: Teaching,
    *,
    watch: Callable[[Usage], None] | None = None,
) -> Generator[Labelled, None, None]:
    """The records in their order; one that gets no usable label keeps its category.

    Run again with the same transcript, nothing that was answered is asked twice. Records are read
    as they are needed; close the iterator when you stop early. It runs an event loop of its own, so
    in a notebook call it in a thread.

    Raises:
        BioinstructError: the budget is used up, or the server refuses every request alike.
    """
    waiting: deque[tuple[Instruction, ...]] = deque()
    asked = _requests(examples, teaching, waiting)
    outcomes = ask(
        asked,
        client,
        transcript,
        concurrency=teaching.concurrency,
        budget=teaching.budget,
        watch=watch,
    )
    with asyncio.Runner() as runner:
        try:
            while (pair := runner.run(_next(outcomes))) is not None:
                yield from _apply(waiting.popleft(), pair[1], teaching)
        finally:
            runner.run(outcomes.aclose())
            if close := getattr(client, "aclose", None):
                runner.run(close())
    for rest in waiting:  # kept records after the last question
        yield from _apply(rest, None, teaching)


def _requests(
    examples: Iterable[Instruction],
    teaching: Teaching,
    waiting: deque[tuple[Instruction, ...]],
) -> Iterator[Request]:
    """Requests about so many records each; the records themselves wait for the outcomes."""
    batch: list[Instruction] = []
    wanted = 0
    for example in examples:
        batch.append(example)
        wanted += not (teaching.keep_existing and keeps(example))
        if wanted == teaching.records:
            waiting.append(tuple(batch))
            yield request(_asked(batch, teaching), model=teaching.model, schema=teaching.schema)
            batch, wanted = [], 0
    if batch:
        waiting.append(tuple(batch))
        if asked := _asked(batch, teaching):
            yield request(asked, model=teaching.model, schema=teaching.schema)


def _asked(batch: Iterable[Instruction], teaching: Teaching) -> list[Instruction]:
    return [example for example in batch if not (teaching.keep_existing and keeps(example))]


def _apply(
    batch: tuple[Instruction, ...], outcome: Outcome | None, teaching: Teaching
) -> Iterator[Labelled]:
    asked = _asked(batch, teaching)
    answered = parse(outcome, count=len(asked)) if outcome is not None else []
    said: dict[int, Category | None] = {
        id(example): category for example, category in zip(asked, answered, strict=False)
    }
    decide = classifier()
    for example in batch:
        verdict = decide(example)
        yield labelled(
            example,
            said.get(id(example)),
            by=f"{teaching.model}, {PROMPT}",
            offline=verdict.category,
            confidence=verdict.confidence,
        )


async def _next(
    outcomes: AsyncGenerator[tuple[Request, Outcome], None],
) -> tuple[Request, Outcome] | None:
    return await anext(outcomes, None)
