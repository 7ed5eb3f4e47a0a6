"""Label records with a teacher model, several per request."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct.errors import SchemaUnsupportedError
from bioinstruct.labels.audit import keeps
from bioinstruct.labels.label import Labelled, labelled
from bioinstruct.labels.offline import classifier
from bioinstruct.labels.prompt import PROMPT, parse, request
from bioinstruct.llm.runner import EventLoop, ask
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Request, Response
from bioinstruct.schema import Category, Instruction

if TYPE_CHECKING:
    from bioinstruct.llm.client import Client
    from bioinstruct.llm.runner import Usage

__all__ = ["Teaching", "label_by_teacher"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaching:
    """Settings for requests to a teacher."""

    schema: bool = True
    """Request answers by a JSON schema; otherwise only the prompt asks for JSON."""
    records: int = 10
    """Records in one request."""
    keep_existing: bool = False
    """Ask only about records of the category OTHER."""


def label_by_teacher(
    examples: Iterable[Instruction],
    teacher: Client,
    teaching: Teaching | None = None,
    *,
    transcript: Path | None = None,
    watch: Callable[[Usage], None] | None = None,
) -> Generator[Labelled, None, None]:
    """Yield the records in their order; one without a usable label keeps its category.

    With the same transcript, answered requests are not sent again. Records are read
    as needed; close the iterator if you stop early, or use `contextlib.closing`.

    Args:
        examples: the records.
        teacher: the model; if it only replays, records without a recorded answer keep their
            category.
        teaching: settings of the requests.
        transcript: path of the transcript if the teacher names none.
        watch: called with the progress.

    Raises:
        BioinstructError: the budget is used up, the server refuses all requests, another
            process uses the transcript, or there is no path for it.
    """
    teaching = teaching or Teaching()
    path = teacher.transcript_path(transcript)
    waiting: deque[tuple[Instruction, ...]] = deque()
    requests = _requests(examples, teacher.model, teaching, waiting)
    with ExitStack() as stack:
        if teacher.replay:
            record = stack.enter_context(Transcript.read(path))
            record.other_models = teacher.other_models
            outcomes: Iterator[Response | None] = map(record.get, requests)
        else:
            base_url = teacher.reach().base_url
            record = stack.enter_context(Transcript.open(path, base_url=base_url))
            record.other_models = teacher.other_models
            loop = stack.enter_context(EventLoop())
            outcomes = stack.enter_context(_Asked(loop, requests, teacher, record, watch))
        by = f"{teacher.model}, {PROMPT}"
        for outcome in outcomes:
            yield from _apply(waiting.popleft(), outcome, by, teaching)
        for rest in waiting:  # kept records after the last question
            yield from _apply(rest, None, by, teaching)


class _Asked:
    """The outcomes of requests, for synchronous code."""

    def __init__(
        self,
        loop: EventLoop,
        requests: Iterator[Request],
        teacher: Client,
        transcript: Transcript,
        watch: Callable[[Usage], None] | None,
    ) -> None:
        self._loop = loop
        self._provider = teacher.reach()
        self._outcomes: AsyncGenerator[tuple[Request, Response], None] = ask(
            requests,
            self._provider,
            transcript,
            concurrency=teacher.concurrency,
            budget=teacher.spending,
            watch=watch,
        )

    def __enter__(self) -> Iterator[Response]:
        return self._iterate()

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._outcomes.aclose())
        if close := getattr(self._provider, "aclose", None):
            self._loop.run(close())

    def _iterate(self) -> Iterator[Response]:
        try:
            while (pair := self._loop.run(_next(self._outcomes))) is not None:
                yield pair[1]
        except SchemaUnsupportedError as error:
            error.hint = "this server does not support JSON schemas: use --no-schema, or "
            error.hint += "Teaching(schema=False) in Python"
            raise


def _requests(
    examples: Iterable[Instruction],
    model: str,
    teaching: Teaching,
    waiting: deque[tuple[Instruction, ...]],
) -> Iterator[Request]:
    """Yield requests about `teaching.records` records each; the records are added to `waiting`."""
    batch: list[Instruction] = []
    wanted = 0
    for example in examples:
        batch.append(example)
        wanted += not (teaching.keep_existing and keeps(example))
        if wanted == teaching.records:
            waiting.append(tuple(batch))
            yield request(_asked(batch, teaching), model=model, schema=teaching.schema)
            batch, wanted = [], 0
    if batch:
        waiting.append(tuple(batch))
        if asked := _asked(batch, teaching):
            yield request(asked, model=model, schema=teaching.schema)


def _asked(batch: Iterable[Instruction], teaching: Teaching) -> list[Instruction]:
    return [example for example in batch if not (teaching.keep_existing and keeps(example))]


def _apply(
    batch: tuple[Instruction, ...], outcome: Response | None, by: str, teaching: Teaching
) -> Iterator[Labelled]:
    asked = _asked(batch, teaching)
    answered = parse(outcome, count=len(asked)) if outcome is not None else []
    labels: dict[int, Category | None] = {
        id(example): category for example, category in zip(asked, answered, strict=False)
    }
    decide = classifier()
    for example in batch:
        verdict = decide(example)
        yield labelled(
            example,
            labels.get(id(example)),
            by=by,
            offline=verdict.category,
            confidence=verdict.confidence,
        )


async def _next(
    outcomes: AsyncGenerator[tuple[Request, Response], None],
) -> tuple[Request, Response] | None:
    return await anext(outcomes, None)
