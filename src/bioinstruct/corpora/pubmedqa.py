"""PubMedQA, expert-labelled: a question about an abstract, answered yes, no or maybe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from bioinstruct.corpora.corpus import Corpus
from bioinstruct.corpora.formats.plain import read_json
from bioinstruct.errors import DataError
from bioinstruct.files import find
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS"]

INSTRUCTION = (
    "Answer the question about the abstract of a biomedical article with yes, no or maybe. "
    "Answer maybe if the abstract leaves the question open."
)


class Question(BaseModel):
    """What is used of a record, under the names that the file gives it."""

    QUESTION: str
    CONTEXTS: list[str]
    LABELS: list[str]
    final_decision: Literal["yes", "no", "maybe"]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Instruction]:
    """Questions in file order: those of the official test list, or the other 500."""
    path = find(folder / "ori_pqal.json")
    records = read_json(path)
    tested = _tested(folder / "test_ground_truth.json", records)
    for pmid, record in records.items():
        question = _question(pmid, record, path)
        answer = question.final_decision
        if tested.get(pmid, answer) != answer:
            found = f"{pmid}: {answer!r} here, {tested[pmid]!r} in the official test answers"
            raise DataError(found, path=path)
        if (pmid in tested) == (split == "test"):
            yield Instruction(
                instruction=INSTRUCTION,
                input=f"{_abstract(question)}\n\nQuestion: {question.QUESTION}",
                output=answer,
                category=Category.QA,
                task="yes-no-maybe-question",
                provenance=CORPUS.provenance(split=split, document=pmid),
            )


def _tested(path: Path, records: dict[str, Any]) -> dict[str, Any]:
    tested = read_json(path)
    for pmid in tested:
        if pmid not in records:
            raise DataError(f"{pmid}: expected a PMID of ori_pqal.json", path=find(path))
    return tested


def _question(pmid: str, record: Any, path: Path) -> Question:
    try:
        question = Question.model_validate(record, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, (pmid, *first["loc"])))
        raise DataError(
            f"{key}: {first['msg']}, found {first['input']!r:.80}", path=path
        ) from error
    if len(question.LABELS) != len(question.CONTEXTS):
        raise DataError(f"{pmid}.LABELS: expected as many as CONTEXTS", path=path)
    return question


def _abstract(question: Question) -> str:
    """The parts of the abstract, each under its label; the conclusion is not among them."""
    return "\n".join(
        # PubMed's own placeholder for a part without a label says nothing.
        part if label == "UNLABELLED" else f"{label}: {part}"
        for label, part in zip(question.LABELS, question.CONTEXTS, strict=True)
    )


CORPUS = Corpus(
    name="pubmedqa",
    title="PubMedQA (PQA-L)",
    category=Category.QA,
    license="MIT",
    revision="1cbae8e92f72",
    homepage="https://github.com/pubmedqa/pubmedqa",
    folder="pubmedqa",
    # The authors cross-validate on the 500 questions that are not tested; there is no fixed split.
    splits=("train", "test"),
    citation=(
        "Jin Q, Dhingra B, Liu Z, Cohen W, Lu X. PubMedQA: A Dataset for Biomedical Research "
        "Question Answering. EMNLP-IJCNLP 2019. doi:10.18653/v1/D19-1259"
    ),
    reader=read,
)

CORPORA = (CORPUS,)
