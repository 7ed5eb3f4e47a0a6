"""PubMedQA: a question about an abstract, labelled by experts, by a rule, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, StringConstraints

from bioinstruct.corpora.base import Corpus, Row, choose
from bioinstruct.corpora.formats.plain import read_json
from bioinstruct.corpora.formats.records import checked, entries
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS"]

WORDINGS = wordings("pubmedqa")


C = TypeVar("C", bound="Context")


class Context(BaseModel):
    """Fields used from every record, under their names in the file."""

    QUESTION: str
    CONTEXTS: list[str]
    LABELS: list[str]


class Question(Context):
    """A record that experts have labelled."""

    final_decision: Literal["yes", "no", "maybe"]


class Artificial(Context):
    """A record whose title was made a question, and labelled by whether it was negated."""

    final_decision: Literal["yes", "no"]
    LONG_ANSWER: Annotated[str, StringConstraints(pattern=r"\S")]


class Unlabelled(Context):
    """A record with a question for a title and a conclusion, which nobody has labelled."""

    LONG_ANSWER: Annotated[str, StringConstraints(pattern=r"\S")]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the questions in file order: those of the official test list, or the other 500."""
    path = resolve_gz(folder / "ori_pqal.json")
    tested = read_json(folder / "test_ground_truth.json")
    missing = dict(tested)
    for entry in entries(path):
        if isinstance(entry, DataError):
            missing.clear()  # nobody knows which question it was
            yield entry
            continue
        pmid, record = entry
        missing.pop(pmid, None)
        if (pmid in tested) != (split == "test"):
            continue
        question = _checked(pmid, record, Question, path)
        if isinstance(question, DataError):
            yield question
        elif tested.get(pmid, question.final_decision) != question.final_decision:
            found = (
                f"{question.final_decision!r} here, {tested[pmid]!r} in the official test answers"
            )
            yield DataError(f"{pmid}: {found}", path=path)
        else:
            answer = question.final_decision
            yield _example(CORPUS, "decision", pmid, split, seed, question=question, output=answer)
    if split == "test":
        answers = resolve_gz(folder / "test_ground_truth.json")
        for pmid in missing:
            yield DataError(f"{pmid}: expected a PMID of ori_pqal.json", path=answers)


def read_artificial(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the questions in file order, answered by yes or no, or by the conclusion."""
    for found in _every(folder / "ori_pqaa.json", Artificial):
        if isinstance(found, DataError):
            yield found
            continue
        pmid, question = found
        output = question.final_decision if layout == "yes-no" else question.LONG_ANSWER
        yield _example(ARTIFICIAL, layout, pmid, split, seed, question=question, output=output)


def read_unlabelled(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the questions in file order, answered by the conclusion of the abstract."""
    for found in _every(folder / "ori_pqau.json", Unlabelled):
        if isinstance(found, DataError):
            yield found
            continue
        pmid, question = found
        output = question.LONG_ANSWER
        yield _example(
            UNLABELLED, "conclusion", pmid, split, seed, question=question, output=output
        )


def _every(file: Path, model: type[C]) -> Iterator[tuple[str, C] | DataError]:
    """Yield the questions of a file by PMID, and what is wrong with those that are not valid."""
    path = resolve_gz(file)
    for entry in entries(path):
        if isinstance(entry, DataError):
            yield entry
            continue
        pmid, record = entry
        question = _checked(pmid, record, model, path)
        yield question if isinstance(question, DataError) else (pmid, question)


def _example(
    corpus: Corpus,
    form: str,
    pmid: str,
    split: str,
    seed: int,
    *,
    question: Context,
    output: str,
) -> Instruction:
    input = f"{_abstract(question)}\n\nQuestion: {question.QUESTION}"
    tasks = {"decision": "yes-no-maybe-question", "yes-no": "yes-no-question"}
    return Instruction(
        instruction=choose(WORDINGS[form], input, seed),
        input=input,
        output=output,
        category=Category.QA,
        task=tasks.get(form, "abstract-conclusion"),
        provenance=corpus.provenance(split=split, document=pmid),
    )


def _checked(pmid: str, record: Any, model: type[C], path: Path) -> C | DataError:
    question = checked(record, model, path=path, name=pmid)
    if not isinstance(question, DataError) and len(question.LABELS) != len(question.CONTEXTS):
        return DataError(f"{pmid}.LABELS: expected as many as CONTEXTS", path=path)
    return question


def _abstract(question: Context) -> str:
    """Join the parts of the abstract under their labels, without the conclusion."""
    return "\n".join(
        # PubMed's own placeholder for a part without a label says nothing.
        part if label == "UNLABELLED" else f"{label}: {part}"
        for label, part in zip(question.LABELS, question.CONTEXTS, strict=True)
    )


CORPUS = described("pubmedqa")

ARTIFICIAL = described("pubmedqa-artificial")

UNLABELLED = described("pubmedqa-unlabelled")
