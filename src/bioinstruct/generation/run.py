"""The fold at the heart of generation: requests in order, their outcomes in order, records out.

It neither waits nor talks to anybody, so that a run that was killed twenty times, a replay without
a network and an undisturbed run come to the same bytes.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bioinstruct.generation.accept import Acceptor, Judged, Sieve
from bioinstruct.generation.estimate import ACCEPTANCE
from bioinstruct.generation.prompt import Plan, Prompt, prompt
from bioinstruct.llm.types import Failure, Outcome, Request
from bioinstruct.schema import Instruction

__all__ = ["Run", "Tally"]

_TRUST = 10  # requests that the assumed acceptance counts for, beside those that were answered
_SPARE = 1.1  # a round that falls a little short costs up to a day more


@dataclass(slots=True)
class Tally:
    """What a run has come to so far."""

    wanted: int
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why parts of answers were rejected."""
    requests: int = 0
    """Requests whose outcome has been used."""
    failed: int = 0
    """Of them, those without an answer."""
    prompt_tokens: int = 0
    """As the server counts them, earlier runs included."""
    completion_tokens: int = 0

    @property
    def rejected(self) -> int:
        return self.reasons.total()

    @property
    def acceptance(self) -> float:
        """Share of accepted among all parts that were judged; 0 before the first."""
        return self.accepted / (self.accepted + self.rejected or 1)


class Run:
    """One dataset in the making."""

    def __init__(self, plan: Plan, sieve: Sieve, *, count: int, license: str) -> None:
        self.plan = plan
        self.tally = Tally(wanted=count)
        self.stopped = ""
        """Why the run ended before it had all that was wanted."""
        self._acceptor = Acceptor(plan.seeds, sieve, license=license)
        self._waiting: deque[Prompt] = deque()
        self._fruitless = 0
        self._machine = _Machine(plan, sieve, license) if plan.recipe.machine_examples else None

    @property
    def over(self) -> bool:
        """Whether nothing more need be asked."""
        return self.tally.accepted >= self.tally.wanted or bool(self.stopped)

    @property
    def waiting(self) -> int:
        """Requests whose outcome has not been used."""
        return len(self._waiting)

    def missing_requests(self) -> int:
        """How many more requests should do, by what came of those so far: a round of a batch."""
        tally, assumed = self.tally, self.plan.recipe.tasks * ACCEPTANCE
        each = (tally.accepted + assumed * _TRUST) / (tally.requests + _TRUST)
        return math.ceil((tally.wanted - tally.accepted) / each * _SPARE) or 1

    def rounds(self) -> Iterator[Iterator[Request]]:
        """Requests that do not depend on each other's outcomes, each made when it is asked for.

        Where prompts show machine examples, those of a round must be used before the next begins;
        else there is one round without end.
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

    def take(self, outcome: Outcome) -> Judged:
        """Use the outcome of the oldest request that has none yet."""
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
        if self._fruitless >= recipe.fruitless * recipe.round:
            self.stopped = (
                f"no record was accepted from the last {self._fruitless} answers; most were "
                f"rejected as {', '.join(name for name, _ in tally.reasons.most_common(3))}"
            )
        return judged


class _Machine:
    """The records that prompts may show: those that the recipe's own sieve lets through.

    Another threshold for the dataset must not change the prompts, or the answers on record would
    be answers to something else.
    """

    def __init__(self, plan: Plan, sieve: Sieve, license: str) -> None:
        own = Sieve.of(plan.recipe)
        self._acceptor = None if sieve == own else Acceptor(plan.seeds, own, license=license)
        self.records: list[Instruction] = []

    def take(self, asked: Prompt, outcome: Outcome, judged: Judged) -> None:
        if self._acceptor is not None:
            judged = self._acceptor.take(asked, outcome)
        self.records += judged.accepted
