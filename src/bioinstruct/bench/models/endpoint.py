"""Score a model behind an OpenAI-compatible server by the same questions as a local model."""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from bioinstruct.answer_text import split_thought
from bioinstruct.bench.models.base import Choice, Completion
from bioinstruct.bench.models.fingerprint import key
from bioinstruct.bench.models.tokenization import PROBE, before_stop
from bioinstruct.errors import ModelError, ProviderError
from bioinstruct.llm.pricing import Budget
from bioinstruct.llm.runner import ask
from bioinstruct.llm.served import OTHER_MODEL
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Answer, Failure, Message, Provider, Request, Response
from bioinstruct.markup import special_tokens
from bioinstruct.prompts import Style, few_shot_text, render, split_gap, user_turn
from bioinstruct.schema import Instruction

__all__ = ["Asking", "Endpoint", "check_answered", "outcomes_of"]

_PROBE = "The patient has a fever. Answer: yes"
_MOST_STOPS = 4  # stop strings that OpenAI accepts; all are also searched for here
_ROUNDING = 1e-3  # nats that a probability may be above 1
_TOO_LONG = re.compile(r"context|too long|too large|exceed|maximum.{0,40}(length|token)", re.I)
_WRITTEN_ON = frozenset({"content-filter", "refusal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Settings of the requests, and the budget."""

    budget: Budget | None = None
    concurrency: int = 16
    temperature: float | None = 0.0
    """None leaves it to the server, for models that take no other: they do not decode greedily."""
    other_models: bool = False
    """Accept answers by another model than was asked."""
    max_thinking: int = 0
    """Tokens of the thought of a reasoning model, which the limit of its answer is raised by."""


class Endpoint:
    """A model behind `/chat/completions` (style `chat`) or `/completions` (other styles).

    A transcript keeps requests and answers; use the endpoint as a context manager to close it.

    Raises (from `complete` and `choose`):
        BudgetError: the next question exceeds the budget.
        ProviderError: the server refuses all questions, or does not answer.
        ModelError: the server cannot do this, or left questions without an answer.
    """

    def __init__(
        self,
        client: Provider,
        model: str,
        transcript: Path,
        *,
        style: Style = Style.CHAT,
        asking: Asking | None = None,
    ) -> None:
        self.client = client
        self.name = model
        self.style = style
        self.asking = asking or Asking()
        self.odd: Counter[str] = Counter()
        """Refused questions by reason; each counts as an empty answer."""
        self.called: set[str] = set()
        """The names of the model in the answers, which may be more exact than `name`."""
        self._spelt = 0
        self._transcript = Transcript.open(transcript, base_url=client.base_url)
        self._runner = asyncio.Runner()
        self._open: list[Generator[tuple[Request, Response], None, None]] = []

    def __enter__(self) -> Endpoint:
        return self

    def __exit__(self, *_: object) -> None:
        for pairs in self._open:
            pairs.close()  # one that an error has left half read still needs the runner
        if close := getattr(self.client, "aclose", None):
            self._runner.run(close())
        self._runner.close()
        self._transcript.close()

    @property
    def fingerprint(self) -> str:
        """Identify server, model and settings; changes inside the server stay unnoticed."""
        about = ("endpoint", self.client.base_url, self.name, self.style, self.asking.temperature)
        more = (self.asking.max_thinking,) if self.asking.max_thinking else ()
        return key(*about, *more, str(self._prompt(PROBE, [PROBE])))[:16]

    @property
    def notes(self) -> list[str]:
        """Sentences on what the server decides, for the report."""
        taken = "temperature, top_p and penalties are"
        if self.asking.temperature is None:
            taken = "no setting of sampling is"
        found = [
            f"{taken} set in each request; top_k, repetition_penalty, banned tokens and the chat "
            "template are the server's own"
        ]
        if self._spelt:
            found.append(
                f"{self._spelt:,} requests spell a special token such as <|im_end|>, which the "
                "server may take for a mark"
            )
        return found

    def adapter(self, *, on: bool = True) -> contextlib.nullcontext[bool]:
        """Return a block without effect: the server has one model."""
        return contextlib.nullcontext(False)

    def scores(self) -> bool:
        """Return True if the server gives log-probabilities of the tokens of a prompt.

        In the style `chat` it does not matter: the template is the server's, so where an answer
        begins cannot be known.
        """
        if self.style is Style.CHAT:
            return False
        try:
            [(_, outcome)] = self._ask([self._request(prompt=_PROBE, most=1, echo=True)])
        except ProviderError as error:
            if "404" in str(error):
                raise ModelError(
                    f"{self.client.base_url} has no /completions for the style {self.style}",
                    hint="use --style chat",
                ) from error
            return False
        if isinstance(outcome, Failure):
            if outcome.reason == "retries-exhausted":  # which says nothing of what it can
                check_answered([outcome])
            return False
        said = outcome.echoed[1:]
        return len(said) > 1 and all(value is not None for _, value in said)

    def complete(
        self,
        examples: Sequence[Instruction],
        *,
        max_new_tokens: int,
        stop: Sequence[str] = (),
        shots: Sequence[Instruction] = (),
    ) -> Iterator[tuple[int, Completion]]:
        """Yield completions in the order of the examples; see `Model`."""
        # A stop string would end the thought too.
        sent = () if self.asking.max_thinking else tuple(stop)[:_MOST_STOPS]
        room = max_new_tokens + self.asking.max_thinking
        asked = (
            self._request(**self._prompt(example, shots), most=room, stop=sent)
            for example in examples
        )
        unanswered: list[Failure] = []
        gap = "" if self.style is Style.CHAT else split_gap(render(PROBE, self.style))[1]
        for index, (_, outcome) in enumerate(self._ask(asked)):
            if isinstance(outcome, Answer):
                self.called.add(outcome.model)
                split = split_thought(outcome.text)
                text = split.thought + before_stop(split.answer or "", stop)
                cut = outcome.finish_reason == "length" and text == outcome.text
                text = text.removeprefix(gap)
                yield index, Completion(text, cut, thought_tokens=_thought_tokens(outcome))
            elif outcome.reason in _WRITTEN_ON:
                self.odd[outcome.reason] += 1
                yield index, Completion("")
            elif _does_not_fit(outcome):
                yield index, Completion("", skipped=True)
            else:
                unanswered.append(outcome)
        check_answered(unanswered)

    def choose(
        self,
        examples: Sequence[Instruction],
        *,
        choices: Sequence[Sequence[str]],
        shots: Sequence[Instruction] = (),
    ) -> Iterator[tuple[int, Choice]]:
        """Yield log-likelihoods in the order of the examples; see `Model`.

        The tokens of the prompt alone are asked for too: what follows them is the answer.
        """
        if self.style is Style.CHAT:
            raise ModelError("behind a chat template answers cannot be scored")
        parts = [split_gap(few_shot_text(example, shots, self.style)) for example in examples]
        prompts = [
            prompt + behind
            for (prompt, gap), options in zip(parts, choices, strict=True)
            for behind in ("", *(gap + option for option in options))
        ]
        asked = (self._request(prompt=prompt, most=1, echo=True) for prompt in prompts)
        unanswered: list[Failure] = []
        found = (outcome for _, outcome in self._ask(asked))
        for index, options in enumerate(choices):
            group = list(islice(found, len(options) + 1))
            failed = [outcome for outcome in group if isinstance(outcome, Failure)]
            if any(map(_does_not_fit, failed)):
                yield index, Choice(())
            elif failed:
                unanswered += failed
            else:
                answers = [outcome for outcome in group if isinstance(outcome, Answer)]
                self.called |= {answer.model for answer in answers}
                sums = [
                    _sum_behind(answers[0], answer, option)
                    for answer, option in zip(answers[1:], options, strict=True)
                ]
                yield index, Choice(tuple(sums))
        check_answered(unanswered)

    def _prompt(self, example: Instruction, shots: Sequence[Instruction]) -> dict[str, Any]:
        """Return the turns of a conversation, or the text that tuning trains on.

        The spaces at its end are the answer's: see `split_gap`.
        """
        if self.style is not Style.CHAT:
            return {"prompt": split_gap(few_shot_text(example, shots, self.style))[0]}
        turns = []
        for shot in shots:
            turns += [Message("user", user_turn(shot)), Message("assistant", shot.output)]
        return {"messages": (*turns, Message("user", user_turn(example)))}

    def _request(
        self,
        *,
        most: int,
        messages: tuple[Message, ...] = (),
        prompt: str | None = None,
        stop: tuple[str, ...] = (),
        echo: bool = False,
    ) -> Request:
        texts = (*(turn.content for turn in messages), prompt or "")
        self._spelt += bool(special_tokens(*texts))
        # What a server's generation_config.json sets by default; a model that takes no temperature
        # takes none of these either.
        fixed = self.asking.temperature is not None
        return Request(
            model=self.name,
            messages=messages,
            prompt=prompt,
            temperature=self.asking.temperature,
            top_p=1.0 if fixed else None,
            presence_penalty=0.0 if fixed else None,
            frequency_penalty=0.0 if fixed else None,
            max_tokens=most,
            stop=stop,
            echo=echo,
        )

    def _ask(self, requests: Iterable[Request]) -> Iterator[tuple[Request, Response]]:
        pairs = outcomes_of(self._runner, requests, self.client, self._transcript, self.asking)
        self._open.append(pairs)
        return pairs


def outcomes_of(
    runner: asyncio.Runner,
    requests: Iterable[Request],
    client: Provider,
    transcript: Transcript,
    asking: Asking,
) -> Generator[tuple[Request, Response], None, None]:
    """Yield requests and their outcomes in order, for callers without an event loop.

    Raises:
        BudgetError: the next request does not fit into the budget.
        ProviderError: the server refuses every request alike.
    """
    transcript.other_models = asking.other_models
    outcomes = ask(
        requests, client, transcript, concurrency=asking.concurrency, budget=asking.budget
    )
    try:
        while (pair := runner.run(_next(outcomes))) is not None:
            yield pair
    finally:
        runner.run(outcomes.aclose())


async def _next(
    outcomes: AsyncGenerator[tuple[Request, Response], None],
) -> tuple[Request, Response] | None:
    return await anext(outcomes, None)


def _thought_tokens(answer: Answer) -> int:
    """Return the tokens of a thought: those that the server reports, else its share of the text."""
    thought = split_thought(answer.text).thought
    share = len(thought) / max(1, len(answer.text))
    return answer.reasoning_tokens or round(answer.completion_tokens * share)


def _does_not_fit(failure: Failure) -> bool:
    return failure.reason == "bad-request" and bool(_TOO_LONG.search(failure.message))


def check_answered(unanswered: Sequence[Failure]) -> None:
    """Refuse to count what the server did not answer as if the model had been wrong."""
    if unanswered:
        first = unanswered[0]
        raise ModelError(
            f"{len(unanswered):,} questions had no answer; the first: {first.reason}, "
            f"{first.message}",
            hint="name that model, or accept its answers with --allow-other-models"
            if first.reason == OTHER_MODEL
            else "what was answered is kept: run the same command again",
        )


def _sum_behind(prompt: Answer, whole: Answer, option: str) -> float:
    """Return the log-likelihood of the tokens that follow those of the prompt alone, in nats.

    Raises:
        ModelError: the prompt's tokens are others with the option behind, or a number is none.
    """
    front, tokens = _of_prompt(prompt), _of_prompt(whole)
    before = [token for token, _ in front]
    if [token for token, _ in tokens[: len(before)]] != before or len(tokens) == len(before):
        raise ModelError(
            f"a token of the server's vocabulary spans the end of the prompt and {option!r}",
            hint="use --style alpaca, whose prompts end with a line break, or --as generated",
        )
    values = [value for _, value in tokens[len(before) :]]
    if any(v is None or math.isnan(v) or v > _ROUNDING for v in values):
        raise ModelError(f"the server says log-probabilities of {option!r} that are none: {values}")
    return math.fsum(value for value in values if value is not None)


def _of_prompt(answer: Answer) -> tuple[tuple[str, float | None], ...]:
    """Return the echoed tokens without the one that was generated after the prompt."""
    if not answer.echoed:
        raise ModelError(
            "the server no longer says how likely the tokens of a prompt are",
            hint="use --as generated",
        )
    count = answer.prompt_tokens
    return answer.echoed[: count if 0 < count <= len(answer.echoed) else -1]
