"""Send many requests concurrently, and record each outcome before yielding it in order."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from bioinstruct.errors import BioinstructError, BudgetError, ProviderError
from bioinstruct.llm.pricing import Budget
from bioinstruct.llm.request_tokens import Charged, charged, prompt_bound
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Answer, Provider, Request, Response, Watched

__all__ = ["EventLoop", "Usage", "ask", "replay"]

_T = TypeVar("_T")
_AHEAD = 8  # times `concurrency`: outcomes that may wait for an earlier one


@dataclass(slots=True)
class Usage:
    """State of a run; one object that is updated in place."""

    done: int = 0
    """Requests with an answer, including recorded ones."""
    on_record: int = 0
    """Requests whose outcome was already in the transcript."""
    in_flight: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    """Requests without an answer, by reason."""
    retried: Counter[str] = field(default_factory=Counter)
    """Retried attempts, by reason."""
    prompt_tokens: int = 0
    """Prompt tokens of this run as the server reports them, if that is plausible."""
    completion_tokens: int = 0
    spent: float = 0.0
    """US dollars if there is a budget, including earlier runs on the transcript."""
    reserved: float = 0.0
    """US dollars that requests in flight may still cost, if there is a budget."""
    misreported: int = 0
    """Outcomes with implausible token counts, which ours replace."""
    batches: str = ""
    """State of the batches, for display."""

    def add(self, tokens: Charged) -> None:
        """Count the tokens of an outcome."""
        self.prompt_tokens += tokens.prompt_tokens
        self.completion_tokens += tokens.completion_tokens
        self.misreported += tokens.misreported


async def ask(
    requests: Iterable[Request],
    client: Provider,
    transcript: Transcript,
    *,
    concurrency: int = 16,
    budget: Budget | None = None,
    watch: Callable[[Usage], None] | None = None,
    drain: float = 30,
) -> AsyncGenerator[tuple[Request, Response], None]:
    """Yield outcomes in the order of the requests; recorded requests are not sent again.

    Requests are pulled as needed, at most 8 times `concurrency` ahead, so they must not depend on
    outcomes. Use it in `contextlib.aclosing`: when it is closed early or stopped by Ctrl-C,
    requests in flight get `drain` seconds to finish, and their outcomes are recorded.

    Raises:
        BudgetError: the next request does not fit into the budget; all before it were yielded.
        ProviderError: the server refuses all requests.
    """
    if transcript.base_url != client.base_url:
        raise BioinstructError(f"a transcript of {transcript.base_url}, not of {client.base_url}")
    if budget is not None:
        budget.resume(transcript)
    run = _Run(client, transcript, budget, watch or (lambda usage: None))
    source = iter(requests)
    places: deque[_Place] = deque()
    with run.watching():
        try:
            while True:
                run.fill(source, places, concurrency=concurrency)
                run.raise_what_stops()
                if not places:
                    break
                if places[0].ready():
                    place = places.popleft()
                    yield place.request, place.result()
                else:
                    await run.something_new()
            run.raise_if_short()
        finally:
            await run.drain(drain)


def replay(
    requests: Iterable[Request], transcript: Transcript
) -> Iterator[tuple[Request, Response]]:
    """Yield recorded outcomes in the order of the requests, up to the first without one."""
    for request in requests:
        outcome = transcript.get(request)
        if outcome is None:
            return
        yield request, outcome


class EventLoop:
    """Run coroutines in one event loop from synchronous code.

    If a loop is already running, as in a notebook, it uses a separate thread.
    """

    def __enter__(self) -> Self:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._thread = None
        else:
            self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()
        self._task: asyncio.Task[Any] | None = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread is None:
            self._runner.close()
            return
        with self._thread:
            self._thread.submit(self._runner.close).result()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine and return its result; Ctrl-C cancels it."""
        if self._thread is None:
            return self._runner.run(work)
        future = self._thread.submit(self._runner.run, self._cancellable(work))
        try:
            return future.result()
        except KeyboardInterrupt:
            if self._task is not None:
                self._runner.get_loop().call_soon_threadsafe(self._task.cancel)
            raise

    async def _cancellable(self, work: Coroutine[Any, Any, _T]) -> _T:
        self._task = asyncio.current_task()
        return await work


@dataclass(slots=True)
class _Place:
    """A slot in the queue: an outcome, or the task that will return it."""

    request: Request
    outcome: Response | None = None
    task: asyncio.Task[Response] | None = None

    def ready(self) -> bool:
        return self.task is None or self.task.done()

    def result(self) -> Response:
        if self.task is not None:
            return self.task.result()
        assert self.outcome is not None
        return self.outcome


class _Run:
    """Requests in flight, and their progress reports."""

    def __init__(
        self,
        client: Provider,
        transcript: Transcript,
        budget: Budget | None,
        watch: Callable[[Usage], None],
    ) -> None:
        self._client = client
        self._transcript = transcript
        self._budget = budget
        self._watch = watch
        self._usage = Usage()
        self._tasks: dict[Request, asyncio.Task[Response]] = {}
        self._wire: set[Request] = set()
        self._noted: set[Request] = set()
        self._news = asyncio.Event()
        self._unaffordable: Request | None = None
        self._stop: BaseException | None = None
        self._closing = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the client's attempts, if it reports them."""
        if not isinstance(self._client, Watched):
            yield
            return
        self._client.watches.append(self)
        try:
            yield
        finally:
            self._client.watches.remove(self)

    def fill(self, source: Iterator[Request], places: deque[_Place], *, concurrency: int) -> None:
        """Queue requests until enough are in flight."""
        while len(places) < _AHEAD * concurrency and len(self._tasks) < concurrency:
            request = self._unaffordable or next(source, None)
            if request is None:
                return
            self._unaffordable = None
            place = self._place(request)
            if place is None:
                self._unaffordable = request  # the next to send, when the budget has room
                return
            places.append(place)

    def _place(self, request: Request) -> _Place | None:
        """Return the slot for a request, or None if it does not fit into the budget."""
        if request in self._tasks:
            return _Place(request, task=self._tasks[request])
        outcome = self._transcript.get(request)
        if outcome is not None and (isinstance(outcome, Answer) or outcome.final):
            self._usage.on_record += 1
            self._count(outcome)
            self._tell()
            return _Place(request, outcome=outcome)
        if self._budget is not None and not self._budget.reserve(request):
            return None
        task = asyncio.create_task(self._complete(request))
        self._tasks[request] = task
        task.add_done_callback(lambda _: self._finish(request))
        self._tell()
        return _Place(request, task=task)

    async def _complete(self, request: Request) -> Response:
        if not isinstance(self._client, Watched):
            self.sending(request)
        outcome = await self._client.complete(request)
        self._transcript.add(request, outcome)
        outcome = self._transcript.accepted(request, outcome)
        self._usage.add(charged(request, outcome))
        if self._budget is not None:
            self._budget.settle(request, outcome)
        self._count(outcome)
        return outcome

    def _count(self, outcome: Response) -> None:
        if isinstance(outcome, Answer):
            self._usage.done += 1
        else:
            self._usage.failed[outcome.reason] += 1

    def _finish(self, request: Request) -> None:
        task = self._tasks.pop(request)
        error = None if task.cancelled() else task.exception()
        if self._budget is not None and (task.cancelled() or error is not None):
            refused = isinstance(error, ProviderError) and not error.charged
            self._free(request, refused=refused)
        self._wire.discard(request)
        self._noted.discard(request)
        if error is not None and not isinstance(error, BudgetError):
            self._stop = self._stop or error
        self._news.set()
        self._tell()

    def _free(self, request: Request, *, refused: bool) -> None:
        """Settle the reservation of a request that ended without an outcome."""
        assert self._budget is not None
        if request in self._wire and not refused:
            self._budget.lose(request)  # it may be answered and charged nevertheless
            return
        self._budget.release(request)
        if request in self._noted:
            self._transcript.note("unsent", {"key": request.key(self._transcript.base_url)})

    def sending(self, request: Request) -> None:
        """Record that a request may cost money, before it is sent."""
        if request not in self._tasks:
            return  # not one of this run
        if self._closing:
            raise asyncio.CancelledError
        if self._budget is not None and request not in self._noted:
            key = request.key(self._transcript.base_url)
            bounds = {"prompt_tokens": prompt_bound(request), "max_tokens": request.max_tokens}
            self._transcript.note("sent", {"key": key} | bounds)
            self._noted.add(request)
        self._wire.add(request)

    def retrying(self, request: Request, reason: str, *, charged: bool) -> None:
        """Count a failed attempt, in full if it may be charged."""
        if request not in self._tasks:
            return
        self._usage.retried[reason] += 1
        self._wire.discard(request)
        if charged and self._budget is not None:
            self._budget.lose(request)
            self._noted.discard(request)
            if not self._budget.reserve(request):
                raise self._short()
        if self._closing:
            raise asyncio.CancelledError
        self._tell()

    async def something_new(self) -> None:
        """Wait until a task has ended."""
        await self._news.wait()
        self._news.clear()

    def raise_what_stops(self) -> None:
        """Raise an error that concerns all requests."""
        if self._stop is not None:
            raise self._stop

    def raise_if_short(self) -> None:
        """Raise if the budget is the reason that nothing is in flight."""
        if self._unaffordable is not None:
            raise self._short()

    def _short(self) -> BudgetError:
        assert self._budget is not None
        return self._budget.short()

    async def drain(self, seconds: float) -> None:
        """Let requests in flight finish for some seconds, then cancel the others."""
        self._closing = True
        watched = isinstance(self._client, Watched)
        for request, task in list(self._tasks.items()):
            if watched and request not in self._wire:
                task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=seconds)
        rest = list(self._tasks.values())
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _tell(self) -> None:
        self._usage.in_flight = len(self._tasks)
        if self._budget is not None:
            self._usage.spent, self._usage.reserved = self._budget.spent, self._budget.reserved
        self._watch(self._usage)
