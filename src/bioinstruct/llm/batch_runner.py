"""Send requests through the Batch API, at half the price and within a day; otherwise like `ask`."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import IO

from bioinstruct.errors import BioinstructError, ProviderError, SilentError
from bioinstruct.llm.batch_api import Job, JobBoard, LineError, line_of, read_line, spool, standing
from bioinstruct.llm.batch_state import Batching, Plan, Plans
from bioinstruct.llm.openai import NOT_TEXT, OpenAIClient, is_text
from bioinstruct.llm.pricing import Budget
from bioinstruct.llm.request_tokens import charged
from bioinstruct.llm.responses import TryAgainError, exhausted
from bioinstruct.llm.runner import Usage
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Answer, Request, Response

__all__ = ["Batching", "ask_in_batches"]

_FULL_QUEUE = "token_limit_exceeded"  # too many tokens in the provider's queue


async def ask_in_batches(
    requests: Iterable[Request],
    client: OpenAIClient,
    transcript: Transcript,
    *,
    size: Callable[[], int] | None = None,
    budget: Budget | None = None,
    watch: Callable[[Usage], None] | None = None,
    batching: Batching | None = None,
) -> AsyncGenerator[tuple[Request, Response], None]:
    """Yield outcomes in the order of the requests, as `ask` does; skip recorded requests.

    You can kill it at any moment: the provider continues with the batches, and the next call with
    the same transcript finds them by their ids, or else by their names in the provider's list.
    Requests are sent in rounds: `size` returns how many to send when the next has no outcome.

    Args:
        requests: must not depend on outcomes of the same round.
        client: a client whose endpoint has a Batch API.
        transcript: as for `ask`; also records the batches.
        size: returns the number of requests of the next round; default all of them.
        budget: made with `batch=True`; requests that do not fit wait until the cost of the batch
            before them is known.
        watch: called with the progress.
        batching: limits and timeouts.

    Raises:
        BudgetError: the next request does not fit into the budget; all before it were yielded.
        ProviderError: the server refuses all requests, or a user cancelled a batch.
    """
    if transcript.base_url != client.base_url:
        raise BioinstructError(f"a transcript of {transcript.base_url}, not of {client.base_url}")
    if budget is not None:
        budget.resume(transcript)
    run = _Run(client, transcript, budget, watch or (lambda usage: None), batching or Batching())
    source = iter(requests)
    while (request := next(source, None)) is not None:
        outcome = run.on_record(request)
        if outcome is not None:
            yield request, outcome
            continue
        asked, source = run.round_of(request, source, size() if size else None)
        stop = await run.ask(asked)
        for one in asked:
            if one not in run.done:
                break
            found = transcript.get(one)
            assert found is not None
            yield one, found
        if stop is not None:
            raise stop


@dataclass(slots=True)
class _Open:
    """A batch at the provider, with its pending requests by key."""

    plan: Plan
    max_name: str
    left: dict[str, Request] = field(default_factory=dict)
    job: Job | None = None
    over_since: float = 0.0


class _Run:
    """Requests in batches, requests waiting for one, and their progress reports."""

    def __init__(
        self,
        client: OpenAIClient,
        transcript: Transcript,
        budget: Budget | None,
        watch: Callable[[Usage], None],
        batching: Batching,
    ) -> None:
        self.done: set[Request] = set()
        """Requests of this round with an outcome."""
        self._client = client
        self._transcript = transcript
        self._budget = budget
        self._watch = watch
        self._batching = batching
        self._usage = Usage()
        self._board = JobBoard(client)
        self._plans = Plans(transcript)
        self._open: dict[str, _Open] = {}
        self._todo: deque[Request] = deque()
        self._tries: Counter[Request] = Counter()
        self._most = batching.requests
        self._full = False
        self._barren = True  # no batch of this round has had an outcome
        self._pause = 0.0
        self._heard = time.monotonic()
        self._first_name = client.max_name
        self._stop: BioinstructError | None = None

    def on_record(self, request: Request) -> Response | None:
        """Return the recorded outcome of a request, or None."""
        outcome = self._transcript.get(request)
        if outcome is None or not (isinstance(outcome, Answer) or outcome.final):
            return None
        self._usage.on_record += 1
        self._count(outcome)
        self._tell()
        return outcome

    def round_of(
        self, request: Request, source: Iterator[Request], size: int | None
    ) -> tuple[list[Request], Iterator[Request]]:
        """Return the requests of a round, including those in open batches, and the others."""
        self.done = set()
        asked, new = [request], 1
        for one in source:
            if size is not None and new >= size and self._plans.of(self._key(one)) is None:
                return asked, chain([one], source)
            if self.on_record(one) is None:
                new += 1
            else:
                self.done.add(one)
            asked.append(one)
        return asked, source

    async def ask(self, asked: Iterable[Request]) -> BioinstructError | None:
        """Get outcomes for all requests of a round; return the error that stops the run, if any."""
        self._todo.clear()
        self._tries.clear()
        self._barren = True
        try:
            await self._begin([one for one in dict.fromkeys(asked) if one not in self.done])
            while self._stop is None:
                await self._submit()
                if not self._open:
                    break
                await self._wait()
        except ProviderError as error:
            self._stop = self._stop or error
        if self._stop is None and self._todo:
            assert self._budget is not None
            return self._budget.short()
        return self._stop

    async def _begin(self, requests: Iterable[Request]) -> None:
        """Find the batches of earlier runs, and queue requests that are in none."""
        known: dict[str, _Open] = {}
        for request in requests:
            key = self._key(request)
            plan = self._plans.of(key)
            if plan is None:
                self._todo.append(request)
                continue
            if self._budget is not None:
                self._budget.claim(request, key)
            one = known.setdefault(plan.name, _Open(plan, self._first_name))
            one.left[key] = request
        unsure = {name: one.plan for name, one in known.items() if not one.plan.id}
        jobs = await self._look_for(unsure) if unsure else {}
        for name, one in known.items():
            if name in jobs:
                self._plans.created(one.plan, jobs[name].id)
            if one.plan.id:
                self._open[name] = one
            else:
                self._give_back(one, "absent")
        self._pause = 0.0

    async def _look_for(self, plans: dict[str, Plan]) -> dict[str, Job]:
        """Find batches that were created just before a process was killed."""
        since = min(plan.at for plan in plans.values())
        found = await self._board.find(set(plans), since=since)
        if plans.keys() - found.keys():
            await asyncio.sleep(self._batching.doubt)
            found |= await self._board.find(plans.keys() - found.keys(), since=since)
        return found

    async def _submit(self) -> None:
        while self._todo and not self._full:
            with spool() as file:
                chunk = self._chunk(file)
                if not chunk:
                    return
                await self._send(chunk, file)

    def _chunk(self, file: IO[bytes]) -> dict[str, Request]:
        """Write the requests of a batch, as many as its limits and the budget allow."""
        chunk: dict[str, Request] = {}
        model, size = self._todo[0].model, 0
        while self._todo and len(chunk) < self._most and self._todo[0].model == model:
            request = self._todo[0]
            if not is_text(request):  # one such line would invalidate the whole file
                self._record(self._todo.popleft(), NOT_TEXT)
                continue
            key = self._key(request)
            line = line_of(request, key, max_name=self._client.max_name)
            if chunk and size + len(line) > self._batching.bytes:
                break
            if self._budget is not None and not self._budget.reserve(request):
                break
            size += file.write(line)
            chunk[key] = self._todo.popleft()
        return chunk

    async def _send(self, chunk: dict[str, Request], file: IO[bytes]) -> None:
        """Create a batch, with records that suffice to find it after a kill at any moment."""
        plan = self._plans.add(chunk)
        one = _Open(plan, self._client.max_name, chunk)
        try:
            file_id = await self._board.upload(file, plan.name)
            one.job = await self._board.create(file_id, plan, doubt=self._batching.doubt)
        except SilentError:
            raise  # the batch may exist nevertheless: the next run looks for it
        except ProviderError:
            self._give_back(one, "refused")
            raise
        self._plans.created(plan, one.job.id)
        self._tries.update(chunk.values())
        self._open[plan.name] = one
        self._pause = self._batching.first_poll
        self._tell()

    async def _wait(self) -> None:
        """Wait for a while, then check the state of each batch."""
        await asyncio.sleep(self._pause)
        batching = self._batching
        self._pause = min(batching.longest_poll, max(batching.first_poll, 2 * self._pause))
        for one in list(self._open.values()):
            try:
                one.job = await self._board.get(one.plan.id)
            except SilentError:
                if time.monotonic() - self._heard > batching.silence:
                    raise
                return
            self._heard = time.monotonic()
            self._tell()
            if one.job.over:
                await self._finish(one, one.job)

    async def _finish(self, one: _Open, job: Job) -> None:
        """Record the results of a batch, and queue its other requests again."""
        if job.status == "failed":
            self._fail(one, job)
        else:
            troubles = await self._ingest(one, job)
            one.over_since = one.over_since or time.monotonic()
            if troubles is None and time.monotonic() - one.over_since < self._batching.late:
                return
            self._again(one, job, troubles or {})
        del self._open[one.plan.name]
        if job.code != _FULL_QUEUE or not self._open:
            self._full = False
        self._pause = self._batching.first_poll
        if job.status == "cancelled":
            hint = "run the same command again to put what is left into another"
            self._stop = self._stop or ProviderError(f"batch {job.id} was cancelled", hint=hint)
        self._tell()

    def _fail(self, one: _Open, job: Job) -> None:
        """Handle a batch that failed to start: the queue is full, or its requests are refused."""
        self._tries.subtract(one.left.values())
        requests = len(one.left)
        self._give_back(one, job.status)
        if job.code == _FULL_QUEUE and len(self._open) > 1:
            self._full = True
        elif job.code == _FULL_QUEUE and requests > 1:
            self._most = (requests + 1) // 2
        else:
            said = f"batch {job.id} failed: {job.message or job.code or 'no words'}"
            self._stop = self._stop or ProviderError(self._client.redact(said))

    async def _ingest(self, one: _Open, job: Job) -> dict[str, TryAgainError] | None:
        """Record the results and errors of a batch; return why other requests have no outcome.

        Returns None if the files lack answers that the provider counts: they are paid for.
        """
        troubles: dict[str, TryAgainError] = {}
        rows = 0
        with spool() as file:
            for file_id in job.files:
                await self._board.fetch(file_id, file)
            for row in self._board.rows(file):
                rows += 1
                key = str(row.get("custom_id")).rpartition("-")[0]
                if key not in one.left:
                    continue
                try:
                    outcome = read_line(
                        row,
                        one.left[key],
                        redact=self._client.redact,
                        redact_body=self._client.redact_body,
                    )
                except TryAgainError as trouble:
                    troubles[key] = trouble
                except LineError as wrong:
                    self._refuse(wrong, one)
                    troubles[key] = TryAgainError(wrong.fate, str(wrong))
                else:
                    self._record(one.left.pop(key), outcome, batch=job.id)
                    self._barren = False
        return troubles if rows >= job.answered else None

    def _refuse(self, wrong: LineError, one: _Open) -> None:
        """Handle an error of all requests: rename `max_tokens`, or stop the run."""
        if wrong.fate == "rename" and one.max_name == self._first_name:
            if self._client.max_name == self._first_name:
                self._client.rename(self._first_name)
            return
        self._stop = self._stop or wrong.error

    def _again(self, one: _Open, job: Job, troubles: dict[str, TryAgainError]) -> None:
        """Put requests without an outcome into the next batch, or give them up."""
        uncharged = []
        missing = "missing" if job.status == "completed" else job.status
        for key, request in one.left.items():
            trouble = troubles.get(key) or TryAgainError(missing, "in none of the files")
            if not trouble.charged:
                uncharged.append(key)
            last = self._tries[request] >= self._batching.submissions
            if last and self._barren and len(one.left) >= 3:
                said = f"no answer in {self._tries[request]} batches: {trouble.message}"
                self._stop = self._stop or ProviderError(said)
            if self._stop is None and last:
                said = f"{self._tries[request]} batches, the last: {trouble.reason}, {trouble}"
                self._record(request, exhausted(request, said, charged=trouble.charged))
                continue
            if self._budget is not None:
                (self._budget.lose if trouble.charged else self._budget.release)(request)
            self._usage.retried[trouble.reason] += 1
            self._todo.append(request)
        if all(key in self._transcript or key in one.left for key in one.plan.keys):
            self._plans.end(one.plan, job.status, uncharged=uncharged)

    def _give_back(self, one: _Open, status: str) -> None:
        """Queue all requests of a batch again; none of them is charged."""
        self._plans.end(one.plan, status, uncharged=one.plan.keys)
        if self._budget is not None:
            for request in one.left.values():
                self._budget.release(request)
        self._todo.extendleft(reversed(one.left.values()))

    def _record(self, request: Request, outcome: Response, *, batch: str = "") -> None:
        self._transcript.add(request, outcome, batch=batch)
        self._usage.add(charged(request, outcome))
        if self._budget is not None:
            self._budget.settle(request, outcome)
        self.done.add(request)
        self._count(self._transcript.accepted(request, outcome))

    def _count(self, outcome: Response) -> None:
        if isinstance(outcome, Answer):
            self._usage.done += 1
        else:
            self._usage.failed[outcome.reason] += 1

    def _key(self, request: Request) -> str:
        return request.key(self._transcript.base_url)

    def _tell(self) -> None:
        usage = self._usage
        usage.in_flight = sum(len(one.left) for one in self._open.values())
        usage.batches = standing([one.job for one in self._open.values() if one.job])
        if self._budget is not None:
            usage.spent, usage.reserved = self._budget.spent, self._budget.reserved
        self._watch(usage)
