"""Estimate the cost of a run before it starts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice

from bioinstruct.generation.answer_format import Form
from bioinstruct.generation.prompt import Plan, prompt
from bioinstruct.llm.pricing import Price
from bioinstruct.llm.request_tokens import TokenCounter
from bioinstruct.llm.types import Request

__all__ = ["ACCEPTANCE", "PUBLISHED_BYTES", "Estimate", "estimate"]

ACCEPTANCE = 0.7
"""Assumed share of accepted tasks, which the papers do not publish."""
PUBLISHED_BYTES = 528
"""Mean length of a record of the published BioInstruct: 13.2 MB for 25,005."""
_BYTES_PER_TOKEN = 4  # in English
_PROMPTS = 20  # prompts whose length is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Expected figures for records of a certain length."""

    record_tokens: int
    tasks: int
    """Tasks per answer; fewer than requested if `max_tokens` is too small for more."""
    requests: int
    prompt_tokens: int
    completion_tokens: int

    def cost(self, price: Price) -> float:
        """Return the cost in US dollars."""
        return price.cost(self.prompt_tokens, self.completion_tokens)


def estimate(
    plan: Plan, count: int, counter: TokenCounter, *, acceptance: float = ACCEPTANCE
) -> tuple[Request, Estimate, Estimate]:
    """Return the first request, and estimates for short and for long records.

    Short records are as long as those of the published BioInstruct, long ones as the seeds.
    """
    prompts = [prompt(plan, number) for number in range(_PROMPTS)]
    each = sum(counter.prompt(p.request) for p in prompts) / len(prompts)
    form = prompts[0].form
    seeds = [counter.text(form.show([seed])) for seed in islice(plan.seeds, 200)]
    lengths = (
        PUBLISHED_BYTES // _BYTES_PER_TOKEN + _marks(form, counter),
        round(sum(seeds) / len(seeds)),
    )
    short, long = (_expect(plan, count, each, tokens, acceptance) for tokens in sorted(lengths))
    return prompts[0].request, short, long


def _marks(form: Form, counter: TokenCounter) -> int:
    """Count the tokens that the format adds to the texts of a task."""
    if form.format == "json":
        return counter.text(", ".join(f'"{name}": ""' for name in form.fields))
    return sum(counter.text(f"@@{form.tag} {name}\n") for name in (*form.fields, "end"))


def _expect(plan: Plan, count: int, each: float, tokens: int, acceptance: float) -> Estimate:
    recipe = plan.recipe
    tasks = max(1, min(recipe.tasks, recipe.max_tokens // tokens))
    requests = math.ceil(count / (tasks * acceptance))
    return Estimate(
        record_tokens=tokens,
        tasks=tasks,
        requests=requests,
        prompt_tokens=round(requests * each),
        completion_tokens=requests * min(recipe.tasks * tokens, recipe.max_tokens),
    )
