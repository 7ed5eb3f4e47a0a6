"""The ways to put one task to a model: by letters, as a cloze, or with an answer that it writes."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from bioinstruct.bench.tasks.base import Task
from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.schema import Instruction

__all__ = ["CLOZE", "Form", "as_form", "how", "letters", "parse_letter"]

CLOZE = "cloze"


class Form(StrEnum):
    """How a task is put to a model."""

    LETTERS = "letters"
    """The question with its options; the likeliest of their letters."""
    CLOZE = "cloze"
    """The question alone; the likeliest of the options' own words, by sum and per character."""
    GENERATED = "generated"
    """The question with its options; the model writes its answer, which is then read."""


def letters(example: Instruction) -> tuple[str, ...]:
    """The letters of a question's options."""
    return multiple_choice.letters(multiple_choice.read(example.input)[1])


def parse_letter(text: str, example: Instruction) -> str | None:
    """The letter that a text means."""
    return multiple_choice.parse_letter(text, multiple_choice.read(example.input)[1])


def how(task: Task) -> str:
    """How a model is read on a task, as it is printed."""
    usual = "letters" if task.choices is letters else "likelihood" if task.choices else "generated"
    return task.how or usual


def as_form(task: Task, form: Form) -> Task:
    """The same examples, gold and metrics in another form.

    Letters and cloze are the same where the options are fixed, as yes and no are; a task that has
    no options is always written.
    """
    if form is Form.GENERATED and task.choices:
        return replace(task, choices=(), how=form.value)
    if form is Form.CLOZE and task.choices is letters:
        return replace(task, choices=_texts, parse=_parse_text, show=_without_options, how=CLOZE)
    return task


def _texts(example: Instruction) -> tuple[str, ...]:
    return multiple_choice.read(example.input)[1]


def _parse_text(text: str, example: Instruction) -> str | None:
    return multiple_choice.parse_letter(text, _texts(example), layout="text")


def _without_options(example: Instruction) -> Instruction:
    question, options = multiple_choice.read(example.input)
    return Instruction(
        instruction="Answer the medical question.",
        input=question,
        output=options[multiple_choice.LETTERS.index(example.output)],
        category=example.category,
        task=example.task,
        provenance=example.provenance,
    )
