"""Build the requests to the teacher; each depends only on the settings and its number."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bioinstruct.errors import BioinstructError
from bioinstruct.generation.answer_format import Form
from bioinstruct.generation.documents import Document
from bioinstruct.generation.recipes import BIOINSTRUCT, Recipe
from bioinstruct.llm.types import Message, Request
from bioinstruct.schema import Instruction, Teacher

__all__ = ["Plan", "Prompt", "prompt"]

_LABELS = (
    "Name the kind of work in kebab-case, such as trial-eligibility, and give its category: QA for "
    "answering questions, IE for extracting information from a text, GEN for writing a text, OTHER "
    "for anything else, such as classifying."
)
_DOCUMENT = (
    "The input of every new task is the document below, whatever is said of inputs above: do not "
    "repeat it. An expert can do each task from the document alone, and what an output quotes "
    "stands in the document word for word."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The settings on which requests depend."""

    model: str
    seeds: Sequence[Instruction]
    recipe: Recipe = BIOINSTRUCT
    format: str = "delimited"
    documents: Sequence[Document] = ()
    """Texts that the tasks are about, each in its turn; without any the teacher writes inputs."""
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Values by attribute; each request draws one of each."""
    seed: int = 42
    """Seed of the random draws."""

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise BioinstructError("the teacher has no name", hint="name the model")
        for name, values in self.attributes.items():
            if not values:
                raise BioinstructError(f"the attribute {name!r} has no values to draw from")
        if len(self.seeds) < self.recipe.seed_examples:
            raise BioinstructError(
                f"{len(self.seeds)} seeds, and recipe {self.recipe.name} shows "
                f"{self.recipe.seed_examples} in each prompt",
                hint="give more seeds with --seeds",
            )

    def describe(self) -> dict[str, Any]:
        """Return a summary as JSON values, equal if and only if the requests are equal."""
        recipe = self.recipe
        rendered = [recipe.opening, *recipe.requirements, recipe.labels, _LABELS]
        own = [
            recipe.round,
            recipe.near_duplicates,
            *recipe.rules,
        ]  # determines which records prompts can show
        described = {
            "model": self.model,
            "prompt": recipe.prompt,
            "words": _digest(rendered),
            "format": self.format,
            "examples": [recipe.seed_examples, recipe.machine_examples],
            "machine": _digest(own) if recipe.machine_examples else "",
            "tasks": recipe.tasks,
            "temperature": recipe.temperature,
            "top_p": recipe.top_p,
            "presence_penalty": recipe.presence_penalty,
            "frequency_penalty": recipe.frequency_penalty,
            "max_tokens": recipe.max_tokens,
            "attributes": _digest({name: list(v) for name, v in self.attributes.items()}),
            "seeds": _digest([seed.id for seed in self.seeds]),
            "seed": self.seed,
        }
        if self.documents:
            described["documents"] = _digest([one.text for one in self.documents])
        return described


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request, with the metadata of its records."""

    number: int
    request: Request
    form: Form
    teacher: Teacher
    """Teacher with the model's requested name."""
    document: Document | None = None
    """The input of its tasks."""


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]


def prompt(plan: Plan, number: int, machine: Sequence[Instruction] = ()) -> Prompt:
    """Build request `number` of a plan; `machine` are records of earlier rounds to show."""
    recipe = plan.recipe
    draw = random.Random(f"{plan.seed} {number}").random  # the only method with guaranteed values
    written = _pick(machine, recipe.machine_examples, draw)
    shown = [*_pick(plan.seeds, recipe.seed_examples - len(written), draw), *written]
    examples = _pick(shown, len(shown), draw)
    attributes = {n: v[int(draw() * len(v))] for n, v in plan.attributes.items()}
    document = plan.documents[number % len(plan.documents)] if plan.documents else None
    form = _form(plan, number, examples, document)
    text = _text(recipe, form, examples, attributes, document)
    request = Request(
        model=plan.model,
        messages=(Message("user", text),),
        temperature=recipe.temperature,
        top_p=recipe.top_p,
        presence_penalty=recipe.presence_penalty,
        frequency_penalty=recipe.frequency_penalty,
        max_tokens=recipe.max_tokens,
        schema=form.schema,
        sample=number,  # equal prompts must give separate answers
    )
    teacher = Teacher(
        model=plan.model,
        prompt=recipe.prompt,
        temperature=recipe.temperature,
        top_p=recipe.top_p,
        presence_penalty=recipe.presence_penalty,
        frequency_penalty=recipe.frequency_penalty,
        examples=tuple(example.id for example in examples),
        attributes=tuple(f"{name}={value}" for name, value in attributes.items()),
    )
    return Prompt(number, request, form, teacher, document)


def _pick(items: Sequence[Instruction], count: int, draw: Callable[[], float]) -> list[Instruction]:
    """Draw distinct items in random order."""
    chosen: list[int] = []
    while len(chosen) < min(count, len(items)):
        place = int(draw() * len(items))
        if place not in chosen:
            chosen.append(place)
    return [items[place] for place in chosen]


def _text(
    recipe: Recipe,
    form: Form,
    examples: Sequence[Instruction],
    attributes: Mapping[str, str],
    document: Document | None,
) -> str:
    points = [*recipe.requirements]
    if recipe.labels:
        points.append(_LABELS)
    if attributes:
        wanted = "; ".join(f"{name}: {value}" for name, value in attributes.items())
        points.append(f"What all new tasks have in common: {wanted}.")
    if document:
        points.append(_DOCUMENT)
    count = f"{recipe.tasks} new task{'s' if recipe.tasks > 1 else ''}"
    return (
        f"{recipe.opening}\n\n"
        + "".join(f"- {point}\n" for point in points)
        + f"\n{form.describe()}\n\nExamples:\n\n{_shown(form, examples)}\n\n"
        + (f"The document:\n\n{document.text}\n\n" if document else "")
        + f"Now write {count} {'about the document ' if document else ''}in the same form, "
        "and nothing else."
    )


def _shown(form: Form, examples: Sequence[Instruction]) -> str:
    if not form.document:
        return form.show(examples)
    return "\n\n".join(f"Document:\n\n{e.input}\n\n{form.show([e])}" for e in examples)


def _form(
    plan: Plan, number: int, examples: Sequence[Instruction], document: Document | None
) -> Form:
    """Choose a hash for the marks that occurs in none of the texts of the prompt."""
    if plan.format == "json":
        return Form("json", plan.recipe.labels, document=document is not None)
    salt = 0
    while True:
        tag = hashlib.sha256(f"{plan.seed} {number} {salt}".encode()).hexdigest()[:6]
        texts = [text for e in examples for text in (e.instruction, e.input, e.output)]
        texts += [document.text] if document else []
        if not any(tag in text for text in texts):
            return Form("delimited", plan.recipe.labels, tag, document is not None)
        salt += 1
