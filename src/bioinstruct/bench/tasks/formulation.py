"""The formulations of a question with options: multiple-choice, cloze or free-form."""

from __future__ import annotations

from enum import StrEnum

from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.errors import UnknownNameError
from bioinstruct.schema import Instruction

__all__ = [
    "ALIASES",
    "Formulation",
    "formulation_of",
    "letters",
    "option_texts",
    "parse_letter",
    "parse_option",
    "without_options",
]


class Formulation(StrEnum):
    """Way of asking a model a question and reading its answer."""

    MULTIPLE_CHOICE = "multiple-choice"
    """The question with its options; the likeliest of their letters, or of fixed answers."""
    CLOZE = "cloze"
    """The question alone; the likeliest of the options' own words, by sum and per character."""
    FREE_FORM = "free-form"
    """The question with its options; the model writes its answer, which is then parsed."""


ALIASES = {"letters": Formulation.MULTIPLE_CHOICE, "generated": Formulation.FREE_FORM}
"""Alternative names, also used in reports."""


def formulation_of(name: str) -> Formulation:
    """Return the formulation of that name or alias.

    Raises:
        UnknownNameError: there is none.
    """
    if name in ALIASES:
        return ALIASES[name]
    try:
        return Formulation(name)
    except ValueError:
        raise UnknownNameError("formulation", name, [*Formulation, *ALIASES]) from None


def letters(example: Instruction) -> tuple[str, ...]:
    """Return the letters of a question's options."""
    return multiple_choice.letters(multiple_choice.read(example.input)[1])


def parse_letter(text: str, example: Instruction) -> str | None:
    """Return the letter that a text means; None if it means none."""
    return multiple_choice.parse_letter(text, multiple_choice.read(example.input)[1])


def option_texts(example: Instruction) -> tuple[str, ...]:
    """Return the texts of a question's options."""
    return multiple_choice.read(example.input)[1]


def parse_option(text: str, example: Instruction) -> str | None:
    """Return the letter of the option that a text is; None if it is none."""
    return multiple_choice.parse_letter(text, option_texts(example), layout="text")


def without_options(example: Instruction) -> Instruction:
    """Return the question alone; its output is the text of the right option."""
    question, options = multiple_choice.read(example.input)
    return Instruction(
        instruction="Answer the medical question.",
        input=question,
        output=options[multiple_choice.LETTERS.index(example.output)],
        category=example.category,
        task=example.task,
        provenance=example.provenance,
    )
