"""BioASQ task B: questions of biomedical experts, answered from snippets of abstracts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, StringConstraints

from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats.archive import members
from bioinstruct.corpora.formats.plain import parse_json, read_json
from bioinstruct.corpora.formats.records import checked
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError, MissingError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "parse_items"]

LAYOUTS = ("exact", "synonyms", "ideal")
SEPARATOR = " | "
WORDINGS = wordings("bioasq")
SYNONYMS = " Put the synonyms of an item on its line, parted by |."
TASKS = {
    "yesno": "yes-no-question",
    "factoid": "factoid-question",
    "list": "list-question",
    "summary": "summary-question",
}
Filled = Annotated[str, StringConstraints(pattern=r"\S")]


class Snippet(BaseModel):
    """A passage of an abstract."""

    text: str


class Question(BaseModel):
    """The fields of a record that are used, named as in the file."""

    id: Filled
    body: Filled
    type: Literal["yesno", "factoid", "list", "summary"]
    snippets: list[Snippet] = []
    ideal_answer: str | list[str] = ""
    exact_answer: str | list[str | list[str]] | None = None


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Read the newest training file without the questions of the golden files, or the golden files.

    A training file contains the test questions of earlier years.
    """
    golden = [file for path in sorted(folder.glob("Task*BGoldenEnriched*")) for file in _in(path)]
    if split == "test":
        if not golden:
            raise MissingError(f"no file {folder}/Task*BGoldenEnriched (a folder or .zip)")
        files, tested = golden, set()
    else:
        files = _training(folder)
        tested = {record.get("id") for file in golden for record in file.questions}
    for file in files:
        for number, record in enumerate(file.questions, start=1):
            question = checked(record, Question, path=file.path, name=f"question {number}")
            if isinstance(question, DataError):
                yield question
            elif question.id in tested:
                yield Skipped("a question of the test batches")
            else:
                yield _row(question, file.path, split=split, layout=layout, seed=seed)


class _File(NamedTuple):
    path: Path
    questions: list[dict[str, Any]]


def _training(folder: Path) -> list[_File]:
    """Return the training file of the latest year, which includes earlier years."""
    found = {}
    for path in sorted(folder.glob("*raining*b*")):
        year = re.match(r"(?:BioASQ-)?training(?:Dataset)?(\d+)b", path.name)
        if year:
            found[int(year[1])] = path
    if not found:
        raise MissingError(f"no file {folder}/BioASQ-training*b (a folder, .zip or .json)")
    return _in(found[max(found)])


def _in(path: Path) -> list[_File]:
    """Return the JSON files of a folder or an archive, or the file itself."""
    if path.name.endswith((".json", ".json.gz")):
        return [_File(path, _questions(read_json(path), path))]
    found = []
    for member in members(path, "*.json"):
        content = parse_json(member.text, member.path)
        found.append(_File(member.path, _questions(content, member.path)))
    return found


def _questions(content: Any, path: Path) -> list[dict[str, Any]]:
    questions = content.get("questions") if isinstance(content, dict) else None
    if not isinstance(questions, list) or not all(isinstance(q, dict) for q in questions):
        raise DataError('expected an object with a list "questions"', path=path)
    return questions


def _row(question: Question, path: Path, *, split: str, layout: str, seed: int) -> Row:
    kind = "summary" if layout == "ideal" else question.type
    try:
        answer = _answer(question, kind, layout)
    except ValueError as error:
        return DataError(f"{question.id}: {error}", path=path)
    if not answer:
        return Skipped("no answer of this form is published")
    snippets = "\n".join(" ".join(snippet.text.split()) for snippet in question.snippets)
    input = f"{snippets}\n\nQuestion: {question.body}".lstrip()
    named = kind in {"factoid", "list"} and layout == "synonyms"
    return Instruction(
        instruction=choose(WORDINGS[kind], input, seed) + (SYNONYMS if named else ""),
        input=input,
        output=answer,
        category=Category.QA,
        task=TASKS[kind],
        provenance=CORPUS.provenance(split=split, document=question.id),
    )


def _answer(question: Question, kind: str, layout: str) -> str:
    if kind == "summary":
        ideal = question.ideal_answer
        return (ideal if isinstance(ideal, str) else next(iter(ideal), "")).strip()
    if kind == "yesno":
        return _yes_or_no(question.exact_answer)
    items = _items(question.exact_answer, kind)
    if layout == "synonyms":
        return "\n".join(SEPARATOR.join(item) for item in items)
    return "\n".join(item[0] for item in items)


def _yes_or_no(answer: object) -> str:
    """Return the answer in lower case without a full stop; some files wrap it in a list."""
    [text] = answer if isinstance(answer, list) and len(answer) == 1 else [answer]
    word = text.strip().rstrip(".").lower() if isinstance(text, str) else ""
    if word not in {"yes", "no"}:
        raise ValueError(f"exact_answer: expected yes or no, found {answer!r:.80}")
    return word


def _items(answer: str | list[str | list[str]] | None, kind: str) -> list[list[str]]:
    """Return items with their synonyms.

    A factoid has one item, which is a string, a list of synonyms or a list of such lists; a list
    has an item for each of its elements.
    """
    found: list[str | list[str]] = [answer] if isinstance(answer, str) else list(answer or ())
    names = [item for item in found if isinstance(item, str)]
    if kind == "factoid" and len(names) == len(found):
        found = [names]
    items = []
    for item in found:
        synonyms = [" ".join(name.split()) for name in ([item] if isinstance(item, str) else item)]
        known = list(dict.fromkeys(filter(None, synonyms)))
        if any(SEPARATOR in name for name in known):
            raise ValueError(f"exact_answer: a name with {SEPARATOR!r} in it: {known!r:.80}")
        if known:
            items.append(known)
    return items[:1] if kind == "factoid" else items


def parse_items(text: str) -> list[list[str]]:
    """Parse the items of an answer to a factoid or list question, each with its synonyms."""
    lines = (line.strip() for line in text.split("\n"))
    return [[name.strip() for name in line.split(SEPARATOR)] for line in lines if line]


CORPUS = described("bioasq")
