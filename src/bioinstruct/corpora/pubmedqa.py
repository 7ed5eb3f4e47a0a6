"""PubMedQA: a question about an abstract, labelled by experts, by a rule, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, StringConstraints

from bioinstruct.corpora.base import Corpus, Row, choose
from bioinstruct.corpora.formats.plain import read_json
from bioinstruct.corpora.formats.records import checked
from bioinstruct.errors import DataError
from bioinstruct.files import find
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS"]

WORDINGS = {
    "decision": (
        "Answer the question about the abstract of a biomedical article with yes, no or maybe. "
        "Answer maybe if the abstract leaves the question open.",
        "Does the abstract answer the question with yes or with no? Write yes, no, or maybe if it "
        "does neither.",
        "Read the abstract, then reply to the question: yes, no or maybe (when its findings do not "
        "decide).",
        "Decide by the findings below whether the answer to the research question is yes, no or "
        "maybe. Maybe stands for a mixed or open result.",
        "A biomedical study asks the question that follows its abstract. Give the answer that it "
        "found: yes, no or maybe.",
    ),
    "yes-no": (
        "Answer the question about the abstract of a biomedical article with yes or no.",
        "Does the abstract answer the question with yes or with no? Write the one word.",
        "Read the abstract, then reply to the question: yes or no.",
        "Decide by the findings below whether the answer to the research question is yes or no.",
        "A biomedical study asks the question that follows its abstract. Give the answer that it "
        "found: yes or no.",
    ),
    "conclusion": (
        "Write the conclusion of the abstract, as an answer to the question below it.",
        "What do the authors conclude? Answer the question from the findings of the abstract.",
        "Read the abstract without its conclusion and write what is concluded about the question.",
        "Answer the research question in a sentence or two, by the findings given.",
        "A biomedical study asks the question that follows its abstract. State its conclusion.",
    ),
}


C = TypeVar("C", bound="Context")


class Context(BaseModel):
    """What is used of every record, under the names that the file gives it."""

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
    """Questions in file order: those of the official test list, or the other 500."""
    path = find(folder / "ori_pqal.json")
    records = read_json(path)
    tested = _tested(folder / "test_ground_truth.json", records)
    for pmid, record in records.items():
        question = _checked(pmid, record, Question, path)
        answer = question.final_decision
        if tested.get(pmid, answer) != answer:
            found = f"{pmid}: {answer!r} here, {tested[pmid]!r} in the official test answers"
            raise DataError(found, path=path)
        if (pmid in tested) == (split == "test"):
            yield _example(CORPUS, "decision", pmid, split, seed, question=question, output=answer)


def read_artificial(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Questions in file order, answered by yes or no, or by the conclusion of the abstract."""
    path = find(folder / "ori_pqaa.json")
    for pmid, record in read_json(path).items():
        try:
            question = _checked(pmid, record, Artificial, path)
        except DataError as error:
            yield error
            continue
        output = question.final_decision if layout == "yes-no" else question.LONG_ANSWER
        yield _example(ARTIFICIAL, layout, pmid, split, seed, question=question, output=output)


def read_unlabelled(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Questions in file order, answered by the conclusion of the abstract."""
    path = find(folder / "ori_pqau.json")
    for pmid, record in read_json(path).items():
        try:
            question = _checked(pmid, record, Unlabelled, path)
        except DataError as error:
            yield error
            continue
        output = question.LONG_ANSWER
        yield _example(
            UNLABELLED, "conclusion", pmid, split, seed, question=question, output=output
        )


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


def _tested(path: Path, records: dict[str, Any]) -> dict[str, Any]:
    tested = read_json(path)
    for pmid in tested:
        if pmid not in records:
            raise DataError(f"{pmid}: expected a PMID of ori_pqal.json", path=find(path))
    return tested


def _checked(pmid: str, record: Any, model: type[C], path: Path) -> C:
    question = checked(record, model, path=path, name=pmid)
    if isinstance(question, DataError):
        raise question
    if len(question.LABELS) != len(question.CONTEXTS):
        raise DataError(f"{pmid}.LABELS: expected as many as CONTEXTS", path=path)
    return question


def _abstract(question: Context) -> str:
    """The parts of the abstract, each under its label; the conclusion is not among them."""
    return "\n".join(
        # PubMed's own placeholder for a part without a label says nothing.
        part if label == "UNLABELLED" else f"{label}: {part}"
        for label, part in zip(question.LABELS, question.CONTEXTS, strict=True)
    )


_CITATION = (
    "Jin Q, Dhingra B, Liu Z, Cohen W, Lu X. PubMedQA: A Dataset for Biomedical Research "
    "Question Answering. EMNLP-IJCNLP 2019. doi:10.18653/v1/D19-1259"
)
_HOMEPAGE = "https://github.com/pubmedqa/pubmedqa"

CORPUS = Corpus(
    name="pubmedqa",
    title="PubMedQA (PQA-L)",
    category=Category.QA,
    license="MIT",
    revision="1cbae8e92f72",
    homepage=_HOMEPAGE,
    folder="pubmedqa",
    # The authors cross-validate on the 500 questions that are not tested; there is no fixed split.
    splits=("train", "test"),
    citation=_CITATION,
    reader=read,
)

ARTIFICIAL = Corpus(
    name="pubmedqa-artificial",
    title="PubMedQA (PQA-A)",
    category=Category.QA,
    license="MIT",
    revision="1cbae8e92f72",
    homepage=_HOMEPAGE,
    folder="pubmedqa_artificial",
    splits=("train",),
    layouts=("yes-no", "conclusion"),
    citation=_CITATION,
    reader=read_artificial,
    checked=False,
)

UNLABELLED = Corpus(
    name="pubmedqa-unlabelled",
    title="PubMedQA (PQA-U)",
    category=Category.QA,
    license="MIT",
    revision="1cbae8e92f72",
    homepage=_HOMEPAGE,
    folder="pubmedqa_unlabelled",
    splits=("train",),
    citation=_CITATION,
    reader=read_unlabelled,
    checked=False,
)

CORPORA = (CORPUS, ARTIFICIAL, UNLABELLED)
