"""A generation run: turns outcomes, in the order of their requests, into records.

`Run` itself does no input or output. A run that was killed twenty times, a replay without a network
and an undisturbed run therefore give the same bytes. `ask_run` and `replay_run` carry it out.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

from bioinstruct.errors import BioinstructError
from bioinstruct.generation.accept import Acceptor, Judged, Sieve
from bioinstruct.generation.estimate import ACCEPTANCE
from bioinstruct.generation.output import Sink
from bioinstruct.generation.prompt import Plan, Prompt, prompt
from bioinstruct.generation.settings import Progress, Tally, Watcher
from bioinstruct.llm.batch_runner import ask_in_batches
from bioinstruct.llm.batch_state import Plans
from bioinstruct.llm.client import Client
from bioinstruct.llm.openai import OpenAIClient
from bioinstruct.llm.runner import EventLoop, Usage, ask, replay
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Failure, Request, Response
from bioinstruct.schema import Instruction

__all__ = ["Run", "ask_run", "replay_run"]

_NOTE = "generate"
_FIRST = 32  # answers after which a run that has accepted nothing stops
_TRUST = 10  # weight of the assumed acceptance rate, in requests
_SPARE = 1.1  # a round that falls slightly short costs up to another day


class Run:
    """The state of a generation run."""

    def __init__(self, plan: Plan, sieve: Sieve, *, count: int, license: str) -> None:
        self.plan = plan
        self.tally = Tally(wanted=count)
        self.stopped = ""
        """Reason why the run ended early, or empty."""
        self._acceptor = Acceptor(plan.seeds, sieve, license=license)
        self._waiting: deque[Prompt] = deque()
        self._fruitless = 0
        self._machine = _Machine(plan, sieve, license) if plan.recipe.machine_examples else None

    @property
    def over(self) -> bool:
        """Whether the run needs no more requests."""
        return self.tally.accepted >= self.tally.wanted or bool(self.stopped)

    @property
    def waiting(self) -> int:
        """Number of requests whose outcome has not been used."""
        return len(self._waiting)

    def missing_requests(self) -> int:
        """Estimate how many more requests are needed, for a round of a batch."""
        tally, assumed = self.tally, self.plan.recipe.tasks * ACCEPTANCE
        each = (tally.accepted + assumed * _TRUST) / (tally.requests + _TRUST)
        return math.ceil((tally.wanted - tally.accepted) / each * _SPARE) or 1

    def rounds(self) -> Iterator[Iterator[Request]]:
        """Yield requests that do not depend on each other's outcomes, created lazily.

        If prompts show machine examples, all outcomes of a round must be used before the next;
        otherwise there is a single endless round.
        """
        if self._machine is None:
            yield self._requests(itertools.count())
            return
        size = self.plan.recipe.round
        for first in itertools.count(step=size):
            yield self._requests(range(first, first + size), tuple(self._machine.records))

    def _requests(
        self, numbers: Iterable[int], machine: Sequence[Instruction] = ()
    ) -> Iterator[Request]:
        for number in numbers:
            asked = prompt(self.plan, number, machine)
            self._waiting.append(asked)
            yield asked.request

    def take(self, outcome: Response) -> Judged:
        """Use the outcome of the oldest pending request."""
        asked = self._waiting.popleft()
        tally = self.tally
        judged = self._acceptor.take(asked, outcome, most=tally.wanted - tally.accepted)
        if self._machine:
            self._machine.take(asked, outcome, judged)
        tally.requests += 1
        tally.accepted += len(judged.accepted)
        tally.reasons.update(reject.reason for reject in judged.rejected)
        tally.failed += isinstance(outcome, Failure)
        tally.prompt_tokens += outcome.prompt_tokens  # a filtered answer is charged too
        tally.completion_tokens += outcome.completion_tokens
        self._fruitless = 0 if judged.accepted else self._fruitless + 1
        recipe = self.plan.recipe
        if not tally.accepted and tally.requests >= _FIRST:
            self.stopped = self._nothing_accepted(outcome)
        elif self._fruitless >= recipe.fruitless * recipe.round:
            self.stopped = (
                f"no record was accepted from the last {self._fruitless} answers; most were "
                f"rejected as {', '.join(name for name, _ in tally.reasons.most_common(3))}"
            )
        return judged

    def _nothing_accepted(self, outcome: Response) -> str:
        """Say that the first answers were for nothing: what was asked for, and what came."""
        wanted = "JSON" if self.plan.format == "json" else "tasks between delimiters"
        came = outcome.message if isinstance(outcome, Failure) else outcome.text
        reasons = ", ".join(f"{name} {n:,}" for name, n in self.tally.reasons.most_common(3))
        return (
            f"nothing was accepted from the first {self.tally.requests} answers "
            f"({reasons or 'no answer'}); {wanted} was asked for, and the last answer begins "
            f"{' '.join(came.split())[:120]!r}"
        )


class _Machine:
    """Records that prompts may show, which pass the recipe's own filters.

    Another threshold for the dataset must not change the prompts, or the recorded answers would
    not match them.
    """

    def __init__(self, plan: Plan, sieve: Sieve, license: str) -> None:
        own = Sieve.of(plan.recipe, by_document=bool(plan.documents))
        self._acceptor = None if sieve == own else Acceptor(plan.seeds, own, license=license)
        self.records: list[Instruction] = []

    def take(self, asked: Prompt, outcome: Response, judged: Judged) -> None:
        if self._acceptor is not None:
            judged = self._acceptor.take(asked, outcome)
        self.records += judged.accepted


def replay_run(
    run: Run, path: Path, sink: Sink, watch: Watcher | None, *, other_models: bool = False
) -> None:
    """Use the outcomes in a transcript, up to the first request without one."""
    with Transcript.read(path) as transcript:
        transcript.other_models = other_models
        _check_plan(transcript, run.plan)
        for requests in run.rounds():
            for request, outcome in replay(requests, transcript):
                sink.add(run.take(outcome), request, transcript.base_url)
                if watch:
                    watch(Progress(run.tally, None))
                if run.over:
                    return
            if run.waiting:
                return


def ask_run(run: Run, path: Path, teacher: Client, sink: Sink, watch: Watcher | None) -> None:
    """Send the requests without an outcome in the transcript, until the run is complete."""
    with EventLoop() as loop:
        loop.run(_ask(run, path, teacher, sink, watch))


async def _ask(run: Run, path: Path, teacher: Client, sink: Sink, watch: Watcher | None) -> None:
    latest: Usage | None = None

    def report(usage: Usage) -> None:
        nonlocal latest
        latest = usage
        if watch:
            watch(Progress(run.tally, usage))

    async with AsyncExitStack() as stack:
        provider = teacher.reach()
        if isinstance(provider, OpenAIClient):  # its connections end with the loop that opened them
            await stack.enter_async_context(provider)
        transcript = stack.enter_context(Transcript.open(path, base_url=provider.base_url))
        transcript.other_models = teacher.other_models
        _note_plan(transcript, run.plan)
        if not teacher.batch:
            _check_batches(transcript)
        for requests in run.rounds():
            asked = _outcomes(run, requests, transcript, teacher, report)
            async with aclosing(asked) as outcomes:
                async for request, outcome in outcomes:
                    sink.add(run.take(outcome), request, provider.base_url)
                    if watch:
                        watch(Progress(run.tally, latest))
                    if run.over:
                        return


def _outcomes(
    run: Run,
    requests: Iterator[Request],
    transcript: Transcript,
    teacher: Client,
    watch: Callable[[Usage], None],
) -> AsyncGenerator[tuple[Request, Response], None]:
    """Yield the outcomes of a round, from single requests or from batches."""
    provider, budget = teacher.reach(), teacher.spending
    if not teacher.batch:
        parallel = teacher.concurrency
        return ask(requests, provider, transcript, concurrency=parallel, budget=budget, watch=watch)
    if not isinstance(provider, OpenAIClient):
        raise BioinstructError("only an OpenAIClient asks in batches", hint="leave `batch` out")
    return ask_in_batches(
        requests, provider, transcript, size=run.missing_requests, budget=budget, watch=watch
    )


def _check_batches(transcript: Transcript) -> None:
    """Refuse to send single requests that are in open batches, which are paid for."""
    if waiting := Plans(transcript).waiting():
        raise BioinstructError(
            f"{transcript.path}: {waiting:,} requests are in open batches",
            hint="continue with --batch until the batches have ended",
        )


def _note_plan(transcript: Transcript, plan: Plan) -> None:
    """Record the plan in a new transcript."""
    if not _check_plan(transcript, plan):
        transcript.note(_NOTE, plan.describe())


def _check_plan(transcript: Transcript, plan: Plan) -> bool:
    """Return whether the transcript has the plan; refuse a different plan.

    With other requests, the recorded answers would not count, and new ones would be paid for.
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
        hint="continue with those settings, or name another file with --transcript",
    )
