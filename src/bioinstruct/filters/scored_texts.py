"""Take the texts of test items that training data must not contain, and split them into parts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bioinstruct.schema import Instruction
from bioinstruct.text import is_passage

__all__ = [
    "Part",
    "ScoredText",
    "parts_of",
    "scored_texts",
    "split_options",
    "without_pair",
]

_PARTS = re.compile(r"\n|, ")  # labels are written one a line, or with commas between them
_PAIR = re.compile(r"\n\n[^\n]+: [^\n]+\n[^\n]+: [^\n]+\Z")
_OPTION = re.compile(r"^\s*\(?[A-Ja-j1-9][.):]\s+(.+)$", re.MULTILINE)
_PARAGRAPHS = re.compile(r"\n\s*\n|\n(?=(?:Question|Sentence|Premise|Hypothesis)(?: \w)?: )")
_LABEL = re.compile(r"^\s*[A-Za-z]+(?: [A-Z0-9])?:\s+")  # "Question: ", "Sentence 1: "


@dataclass(frozen=True, slots=True)
class ScoredText:
    """A text of a test item."""

    text: str
    task: str = ""
    """Name of the task or corpus."""
    id: str = ""
    """Id of the test record."""
    part: str = "question"
    """`question` or `answer`."""
    framed: bool = False
    """Whether the test asks one form of question about many subjects."""


@dataclass(frozen=True, slots=True)
class Part:
    """What of a test text is searched by itself."""

    source: ScoredText
    name: str
    """`question`, `answer` or `paragraph`."""
    stem: str
    options: str = ""
    """The options of a question, without their letters."""


def scored_texts(
    examples: Sequence[Instruction], *, task: str = "", framed: bool = False
) -> list[ScoredText]:
    """Return the texts of scored examples that training data must not contain.

    These are the questions, and answers of 13 words or more that are no choice of labels: an answer
    all of whose parts (by line or comma) are in other answers too is such a choice, however long,
    and entities and relations are no text of their own.
    Of a relation the text is taken without the two lines that name the pair: other texts have them.
    """
    labels = Counter(label for example in examples for label in _labels(example.output))
    texts = []
    for example in examples:
        question = without_pair(example, example.input or example.instruction)
        texts.append(ScoredText(question, task, example.id, "question", framed))
        is_choice = _lists_mentions(example) or all(
            labels[label] > 1 for label in _labels(example.output)
        )
        if not is_choice and is_passage(example.output):
            texts.append(ScoredText(example.output, task, example.id, "answer", framed))
    return texts


def without_pair(example: Instruction, text: str) -> str:
    """Return a relation's text without the two lines that name its pair: other texts have them."""
    return _PAIR.sub("", text) if example.task.startswith("relation-") else text


def _lists_mentions(example: Instruction) -> bool:
    """Return whether the answer lists what the question mentions, and is no text of its own."""
    return example.task.startswith(("ner-", "relation-"))


def split_options(text: str) -> tuple[str, list[str]]:
    """Return the stem of a question and its options; no options where there are fewer than two."""
    marks = list(_OPTION.finditer(text))
    if len(marks) < 2:
        return text, []
    return text[: marks[0].start()], [mark[1] for mark in marks]


def parts_of(source: ScoredText) -> Iterator[Part]:
    """Yield stem and options, then the paragraphs of a question, without their labels."""
    stem, options = split_options(source.text)
    yield Part(source, source.part, stem, "\n".join(options))
    if source.part == "answer":
        return
    paragraphs = _PARAGRAPHS.split(stem)
    for paragraph in paragraphs:
        plain = _LABEL.sub("", paragraph)
        if plain.strip() and plain != stem and not plain.startswith("- "):  # a list of candidates
            yield Part(source, "paragraph" if len(paragraphs) > 1 else source.part, plain)


def _labels(answer: str) -> set[str]:
    return set(_PARTS.split(answer))
