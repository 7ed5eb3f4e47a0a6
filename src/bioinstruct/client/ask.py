"""Asking many requests at once, in order, recording each outcome before it is used."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from dataclasses import dataclass, field

from bioinstruct.client.prices import Budget
from bioinstruct.client.request import Client, Outcome, Request
from bioinstruct.client.transcript import Transcript

__all__ = ["Usage", "ask", "replay"]


@dataclass(slots=True)
class Usage:
    """Where a run stands; one object that goes on changing."""

    done: int = 0
    """Requests with an answer, those on record included."""
    on_record: int = 0
    """Of them, those that the transcript had already."""
    in_flight: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """Requests without an answer, by reason."""
    retried: Counter[str] = field(default_factory=Counter)
    """Attempts that were made again, by reason."""
    prompt_tokens: int = 0
    """Of what was asked in this run, as the server says."""
    completion_tokens: int = 0
    spent: float = 0.0
    """US dollars, with a budget; earlier runs of the transcript included."""
    reserved: float = 0.0
    """US dollars that the requests in flight may still cost, with a budget."""
    misreported: int = 0
    """Answers whose token counts cannot be true: ours were used for the budget."""


async def ask(
    requests: Iterable[Request],
    client: Client,
    transcript: Transcript,
    *,
    concurrency: int = 16,
    budget: Budget | None = None,
    watch: Callable[[Usage], None] | None = None,
) -> AsyncGenerator[tuple[Request, Outcome], None]:
    """Outcomes in the order of the requests; what is on record is not asked again.

    Requests are pulled as they are needed, at most twice `concurrency` ahead, so they must not
    depend on outcomes. Use it in `contextlib.aclosing`: when it is closed early, what is in flight
    may finish for half a minute and is recorded.

    Raises:
        BudgetError: the next request does not fit into the budget; all before it were yielded.
        ProviderError: the server refuses every request alike.
    """
    raise NotImplementedError
    yield


def replay(
    requests: Iterable[Request], transcript: Transcript
) -> Iterator[tuple[Request, Outcome]]:
    """Outcomes on record, in the order of the requests, up to the first that has none."""
    raise NotImplementedError
