"""ChemProt, a sentence at a time: how a chemical acts on a gene or protein."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from bioinstruct.corpora.answers import relations
from bioinstruct.corpora.answers.relations import Mention
from bioinstruct.corpora.base import Corpus, Row, choose
from bioinstruct.corpora.formats.records import records
from bioinstruct.errors import DataError
from bioinstruct.files import find
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS", "LABELS"]

LABELS = (
    "ACTIVATOR",
    "AGONIST",
    "AGONIST-ACTIVATOR",
    "AGONIST-INHIBITOR",
    "ANTAGONIST",
    "DOWNREGULATOR",
    "INDIRECT-DOWNREGULATOR",
    "INDIRECT-UPREGULATOR",
    "INHIBITOR",
    "PRODUCT-OF",
    "SUBSTRATE",
    "SUBSTRATE_PRODUCT-OF",
    "UPREGULATOR",
)
FILES = {"train": "train.txt", "validation": "dev.txt", "test": "test.txt"}
_ALL = f"{', '.join(LABELS[:-1])} or {LABELS[-1]}"
WORDINGS = {
    "named": (
        f"How does the chemical act on the gene or protein named with it? Answer {_ALL}.",
        "Classify the chemical-protein interaction of the two entities named below the sentence as "
        f"{_ALL}.",
        "The sentence relates two named entities, a chemical and a gene product. Which relation is "
        f"it: {_ALL}?",
        f"Give the type of chemical-protein relation between the two entities: {_ALL}.",
        "Read the sentence and name the interaction of the chemical with the gene or protein. "
        f"Choose from {_ALL}.",
    ),
    "medtuned": (
        f"How do the two entities marked @ENTITY$, a chemical and a protein, interact? Answer "
        f"{_ALL}.",
        "Classify the chemical-protein interaction of the two entities masked as @ENTITY$ as "
        f"{_ALL}.",
        "A chemical and a gene product are masked as @ENTITY$ in this sentence. Which relation do "
        f"they have: {_ALL}?",
        "Give the type of chemical-protein relation between the first and the second @ENTITY$: "
        f"{_ALL}.",
        "Read the sentence, in which @ENTITY$ stands for a chemical and for a gene or protein, and "
        f"name their interaction. Choose from {_ALL}.",
    ),
}
# Either entity may be the chemical; the marks only say which comes first. In nine sentences of dev
# a `>>` stands in the text as well, so the first of them after the `<<` is the mark.
_FIRST = re.compile(r"<< (.+?) >>")
_SECOND = re.compile(r"\[\[ (.+?) \]\]")


class Line(BaseModel):
    """What is used of a record, under the names that the file gives it."""

    text: str
    label: str


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Marked pairs in file order; a pair with two relations is there once for each."""
    path = find(folder / FILES[split])
    for number, record in records(path, Line):
        if isinstance(record, DataError):
            yield record
            continue
        try:
            yield _instruction(record, number, split, layout, seed)
        except ValueError as error:
            yield DataError(f"record {number}: {error}", path=path, line=number)


def _instruction(record: Line, number: int, split: str, layout: str, seed: int) -> Instruction:
    if record.label not in LABELS:
        raise ValueError(f"unknown label {record.label!r}; known: {', '.join(LABELS)}")
    text, first, second = _unmarked(record.text)
    input = relations.to_input(layout, text, first, second, roles=("First entity", "Second entity"))
    return Instruction(
        instruction=choose(WORDINGS[layout], input, seed),
        input=input,
        output=record.label,
        category=Category.IE,
        task="relation-chemical-protein",
        provenance=CORPUS.provenance(split=split, document=str(number)),
    )


def _unmarked(text: str) -> tuple[str, Mention, Mention]:
    """The sentence without marks, and the two entities in the order in which they stand in it."""
    marks = [found for mark in (_FIRST, _SECOND) if (found := mark.search(text))]
    if len(marks) != 2:
        raise ValueError(f"text: expected << an entity >> and [[ another ]], found {text[:80]!r}")
    earlier, later = sorted(marks, key=lambda mark: mark.start())
    if earlier.end() > later.start():
        raise ValueError(f"text: one entity inside of the other: {text[:80]!r}")
    plain = text[: earlier.start()]
    mentions = []
    for mark, after in (
        (earlier, text[earlier.end() : later.start()]),
        (later, text[later.end() :]),
    ):
        start = len(plain)
        plain += mark[1] + after
        mentions.append(Mention(mark[1], ((start, start + len(mark[1])),), "ENTITY"))
    return plain, mentions[0], mentions[1]


CORPUS = Corpus(
    name="chemprot",
    title="ChemProt (SciBERT's sentences)",
    category=Category.IE,
    # No SPDX identifier: the catalogue BigBio lists ChemProt under the Public Domain Mark 1.0.
    license="LicenseRef-Public-Domain-Mark-1.0",
    revision="06793f77d727",
    homepage="https://github.com/allenai/scibert",
    folder="chemprot_sentences",
    splits=tuple(FILES),
    layouts=relations.LAYOUTS,
    citation=(
        "Krallinger M, Rabal O, Akhondi SA, et al. Overview of the BioCreative VI chemical-protein "
        "interaction Track. Proceedings of the BioCreative VI Workshop 2017, 141-146."
    ),
    reader=read,
)

CORPORA = (CORPUS,)
