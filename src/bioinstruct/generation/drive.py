"""Carrying a run out: asking what is not on record, or replaying what is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

from bioinstruct.errors import BioinstructError
from bioinstruct.generation.api import Access, Progress, Watcher
from bioinstruct.generation.output import Sink
from bioinstruct.generation.prompt import Plan
from bioinstruct.generation.run import Run
from bioinstruct.llm import runner as asking
from bioinstruct.llm.batch_runner import ask_in_batches
from bioinstruct.llm.batch_state import Plans
from bioinstruct.llm.openai import OpenAIClient
from bioinstruct.llm.runner import Usage
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Client, Outcome, Request

__all__ = ["ask", "replay", "run_anywhere"]

_NOTE = "generate"


def replay(run: Run, path: Path, access: Access, sink: Sink, watch: Watcher | None) -> None:
    """Use what is on record, up to the first request that has no outcome there."""
    with Transcript.read(path) as transcript:
        _check_plan(transcript, run.plan)
        for requests in run.rounds():
            for request, outcome in asking.replay(requests, transcript):
                sink.add(run.take(outcome), request, transcript.base_url)
                if watch:
                    watch(Progress(run.tally, None))
                if run.over:
                    return
            if run.waiting:
                return


def ask(run: Run, path: Path, access: Access, sink: Sink, watch: Watcher | None) -> None:
    """Ask what is not on record, until the run is over."""
    run_anywhere(_ask(run, path, access, sink, watch))


async def _ask(run: Run, path: Path, access: Access, sink: Sink, watch: Watcher | None) -> None:
    latest: Usage | None = None

    def told(usage: Usage) -> None:
        nonlocal latest
        latest = usage
        if watch:
            watch(Progress(run.tally, usage))

    async with AsyncExitStack() as stack:
        client = access.client or OpenAIClient()
        if isinstance(client, OpenAIClient):  # its connections end with the loop that opened them
            await stack.enter_async_context(client)
        transcript = stack.enter_context(Transcript.open(path, base_url=client.base_url))
        _note_plan(transcript, run.plan)
        if not access.batch:
            _check_batches(transcript)
        for requests in run.rounds():
            asked = _asked(run, requests, client, transcript, access=access, watch=told)
            async with aclosing(asked) as outcomes:
                async for request, outcome in outcomes:
                    sink.add(run.take(outcome), request, client.base_url)
                    if watch:
                        watch(Progress(run.tally, latest))
                    if run.over:
                        return


def _asked(
    run: Run,
    requests: Iterator[Request],
    client: Client,
    transcript: Transcript,
    *,
    access: Access,
    watch: Callable[[Usage], None],
) -> AsyncGenerator[tuple[Request, Outcome], None]:
    """The outcomes of a round, asked for one by one or in batches."""
    budget = access.budget
    if not access.batch:
        parallel = access.concurrency
        return asking.ask(
            requests, client, transcript, concurrency=parallel, budget=budget, watch=watch
        )
    if not isinstance(client, OpenAIClient):
        raise BioinstructError("only an OpenAIClient asks in batches", hint="leave `batch` out")
    return ask_in_batches(
        requests, client, transcript, size=run.missing_requests, budget=budget, watch=watch
    )


def run_anywhere(work: Coroutine[Any, Any, None]) -> None:
    """Run it to its end, also where a loop is running already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    async def main() -> None:
        started.append((asyncio.get_running_loop(), asyncio.ensure_future(work)))
        await started[0][1]

    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(asyncio.run, main())
        try:
            future.result()
        except KeyboardInterrupt:
            for loop, task in started:
                loop.call_soon_threadsafe(task.cancel)
            raise


def _check_batches(transcript: Transcript) -> None:
    """Refuse to ask one by one for what a batch is about to answer, and be paid for."""
    if waiting := Plans(transcript).waiting():
        raise BioinstructError(
            f"{transcript.path}: {waiting:,} requests are in batches that have not ended",
            hint="go on with --batch until they have",
        )


def _note_plan(transcript: Transcript, plan: Plan) -> None:
    """Write down what is asked, the first time."""
    if not _check_plan(transcript, plan):
        transcript.note(_NOTE, plan.describe())


def _check_plan(transcript: Transcript, plan: Plan) -> bool:
    """Whether the transcript knows the plan; refuse to mix two of them by a slip.

    Other requests have other answers: those on record would not count, and be paid for again.
    """
    wanted = plan.describe()
    noted = list(transcript.notes(_NOTE))
    if not noted or wanted in noted:
        return bool(noted)
    differing = [
        f"{name} {noted[-1].get(name)!r}, now {value!r}"
        for name, value in wanted.items()
        if noted[-1].get(name) != value
    ]
    raise BioinstructError(
        f"{transcript.path}: made with other settings ({'; '.join(differing)})",
        hint="go on with those settings, or name another file with --transcript",
    )
