"""Judge written answers with a language model: scores by a rubric, and base against tuned."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bioinstruct.bench.judge.agreement import Agreement, agreement
from bioinstruct.bench.judge.prompt import PROMPT, Grade, Shown, duel, grade, read_duel, read_grade
from bioinstruct.bench.judge.results import JudgedTask, Judgement, Written, points
from bioinstruct.bench.metrics.documents import documents_of
from bioinstruct.bench.metrics.intervals import difference, interval
from bioinstruct.bench.models.endpoint import Asking, check_answered, outcomes_of
from bioinstruct.corpora.mts_dialog import Judged as Human
from bioinstruct.errors import BioinstructError, ModelError, SchemaUnsupportedError
from bioinstruct.llm.pricing import Price
from bioinstruct.llm.request_tokens import TokenCounter
from bioinstruct.llm.served import OTHER_MODEL, TOO_LONG
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Failure, Provider, Request, Response
from bioinstruct.schema import Instruction

__all__ = [
    "Cost",
    "Judge",
    "estimate",
]

_SUMMARY = "Summarise the conversation between doctor and patient as a section of a clinical note."


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Upper bound of the cost of verdicts."""

    requests: int
    prompt_tokens: int
    completion_tokens: int
    method: str
    """Method of counting the tokens."""

    def usd(self, price: Price) -> float:
        """Return the cost in US dollars."""
        return price.cost(self.prompt_tokens, self.completion_tokens)


def estimate(requests: Iterable[Request]) -> Cost:
    """Count the tokens of the distinct requests and of the longest answers they allow."""
    asked = list(dict.fromkeys(requests))
    counter = TokenCounter(asked[0].model if asked else "")
    return Cost(
        requests=len(asked),
        prompt_tokens=sum(counter.prompt(request) for request in asked),
        completion_tokens=sum(request.max_tokens or 0 for request in asked),
        method=counter.method,
    )


@dataclass(slots=True)
class Judge:
    """A judging model, with a transcript of its verdicts so that none is requested twice."""

    client: Provider
    model: str
    transcript: Path
    asking: Asking = field(default_factory=Asking)
    called: set[str] = field(default_factory=set)

    def requests(self, written: Sequence[Written]) -> list[Request]:
        """Return all requests for these answers, in order."""
        return [request for task in written for request in self._of_task(task)]

    def requests_of(self, summaries: Sequence[Human]) -> list[Request]:
        """Return all requests for summaries that people have scored."""
        return [
            self._grade(Shown(_SUMMARY, one.dialogue, one.reference), one.summary)
            for one in summaries
        ]

    def judge(self, written: Sequence[Written], *, seed: int = 0) -> Judgement:
        """Score all answers, and compare base with tuned in both orders.

        Raises:
            BudgetError: the next request would exceed the budget.
            ProviderError: the server refuses all requests.
            ModelError: the server does not support JSON schemas, or left requests unanswered.
        """
        found = self._ask(self.requests(written))
        tasks = tuple(self._judged(task, found, seed) for task in written)
        return Judgement(self.model, PROMPT, tuple(sorted(self.called)), tasks)

    def agree(self, summaries: Sequence[Human], *, seed: int = 0) -> Agreement:
        """Measure the agreement of the judge's scores with human scores of the same summaries.

        Raises:
            BioinstructError: fewer than three verdicts can be read.
        """
        found = self._ask(self.requests_of(summaries))
        grades = [read_grade(found[request]) for request in self.requests_of(summaries)]
        kept = [(one, g) for one, g in zip(summaries, grades, strict=True) if g is not None]
        if len(kept) < 3:
            raise BioinstructError(f"{len(kept)} of the judge's verdicts can be read")
        return agreement(
            [(g.points, g.correct, g.complete, g.clear) for _, g in kept],
            [one for one, _ in kept],
            unreadable=len(grades) - len(kept),
            seed=seed,
        )

    def _of_task(self, task: Written) -> list[Request]:
        asked = []
        for i, example in enumerate(task.examples):
            texts = [task.base[i], *([task.tuned[i]] if task.tuned is not None else [])]
            asked += [self._grade(_shown(example), text) for text in texts if _says(text)]
            asked += self._duels(example, texts)
        return asked

    def _grade(self, shown: Shown, text: str | None) -> Request:
        heat = self.asking.temperature
        return grade(shown, text or "", model=self.model, temperature=heat)

    def _duels(self, example: Instruction, texts: Sequence[str | None]) -> list[Request]:
        """Compare base with tuned in both orders, unless they are equal or one is empty."""
        if len(texts) < 2 or texts[0] == texts[1] or not all(map(_says, texts)):
            return []
        base, tuned = (text or "" for text in texts)
        shown, heat = _shown(example), self.asking.temperature
        return [
            duel(shown, base, tuned, model=self.model, temperature=heat),
            duel(shown, tuned, base, model=self.model, temperature=heat),
        ]

    def _ask(self, requests: Sequence[Request]) -> dict[Request, Response]:
        """Return the outcome of each request, refusals included; raise if one has no answer."""
        found: dict[Request, Response] = {}
        with (
            asyncio.Runner() as runner,
            Transcript.open(self.transcript, base_url=self.client.base_url) as transcript,
        ):
            asked = outcomes_of(runner, requests, self.client, transcript, self.asking)
            try:
                found.update(asked)
            except SchemaUnsupportedError as error:
                hint = "choose a judge whose server supports JSON schemas"
                raise ModelError(str(error), hint=hint) from error
            finally:
                if close := getattr(self.client, "aclose", None):
                    runner.run(close())
        failures = [o for o in found.values() if isinstance(o, Failure)]
        check_answered([o for o in failures if not o.final or o.reason in {OTHER_MODEL, TOO_LONG}])
        self.called |= {o.model for o in found.values() if not isinstance(o, Failure)}
        return found

    def _judged(self, task: Written, found: dict[Request, Response], seed: int) -> JudgedTask:
        base = [self._points(e, t, found) for e, t in zip(task.examples, task.base, strict=True)]
        tuned = None
        if task.tuned is not None:
            after = zip(task.examples, task.tuned, strict=True)
            tuned = [self._points(e, t, found) for e, t in after]
        columns = [base, *([tuned] if tuned is not None else [])]
        readable = [i for i in range(len(base)) if all(c[i] is not None for c in columns)]
        if not readable:
            raise BioinstructError(f"none of the judge's verdicts on {task.task} can be read")
        counts = [points.counts([None] * len(readable), [c[i] for i in readable]) for c in columns]
        documents = [documents_of(task.examples)[i] for i in readable]
        fate = self._fates(task, found)
        return JudgedTask(
            task=task.task,
            n=len(readable),
            base=interval(points, counts[0], documents, seed=seed),
            tuned=interval(points, counts[1], documents, seed=seed) if tuned is not None else None,
            difference=difference(points, counts[0], counts[1], documents, seed=seed)
            if tuned is not None
            else None,
            wins=fate.count("win"),
            losses=fate.count("loss"),
            ties=fate.count("tie") + fate.count("swayed"),
            swayed=fate.count("swayed"),
            unreadable=len(base) - len(readable) + fate.count("unreadable"),
        )

    def _points(
        self, example: Instruction, text: str | None, found: dict[Request, Response]
    ) -> float | None:
        if not _says(text):
            return 1.0
        verdict: Grade | None = read_grade(found[self._grade(_shown(example), text)])
        return verdict.points if verdict else None

    def _fates(self, task: Written, found: dict[Request, Response]) -> list[str]:
        if task.tuned is None:
            return []
        return [
            self._fate(example, (base, tuned), found)
            for example, base, tuned in zip(task.examples, task.base, task.tuned, strict=True)
        ]

    def _fate(
        self,
        example: Instruction,
        texts: tuple[str | None, str | None],
        found: dict[Request, Response],
    ) -> str:
        """Return win, loss, tie, swayed (by the order) or unreadable, for the tuned model."""
        asked = self._duels(example, texts)
        if not asked:
            said = [_says(text) for text in texts]
            return "tie" if said[0] == said[1] else "win" if said[1] else "loss"
        verdicts = [read_duel(found[request]) for request in asked]
        if None in verdicts:
            return "unreadable"
        values = {"1": -1, "2": 1, "tie": 0}
        for_tuned = (values[verdicts[0] or ""], -values[verdicts[1] or ""])
        if for_tuned[0] * for_tuned[1] < 0:
            return "swayed"
        total = int(np.sign(sum(for_tuned))) if all(for_tuned) else 0
        return {1: "win", 0: "tie", -1: "loss"}[total]


def _shown(example: Instruction) -> Shown:
    return Shown(example.instruction, example.input, example.output)


def _says(text: str | None) -> bool:
    return bool(text and text.strip())
