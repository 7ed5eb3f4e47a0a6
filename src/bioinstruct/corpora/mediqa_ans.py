"""MEDIQA-AnS: answers to consumer health questions, summarised for who asked them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from bioinstruct.corpora.base import Row, choose
from bioinstruct.corpora.formats.records import checked, entries
from bioinstruct.corpora.hash_split import split_of
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS"]

SHARES = {"train": 60, "test": 40}
ABSTRACTIVE = wordings("mediqa_ans")["abstractive"]
EXTRACTIVE = wordings("mediqa_ans")["extractive"]
KINDS = {
    "single_abstractive": ("answer-summary", "passage", ABSTRACTIVE),
    "single_extractive": ("answer-extract", "passage", EXTRACTIVE),
    "multi_abstractive": ("answers-summary", "passages", ABSTRACTIVE),
    "multi_extractive": ("answers-extract", "passages", EXTRACTIVE),
}


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Answers(BaseModel):
    """Fields used from a record, under their names in the files."""

    question: Text
    articles: (
        Text | Annotated[dict[str, Annotated[list[Text], Field(min_length=1)]], Field(min_length=1)]
    )
    """A text, or under the name of each answer its text and how good an answer it is."""
    summary: Text


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the four kinds of summaries of passages, each in file order."""
    for kind in KINDS:
        path = resolve_gz(folder / f"section2answer_{kind}_summ.json")
        for entry in entries(path):
            if isinstance(entry, DataError):
                yield entry
                continue
            key, record = entry
            document = key.partition("_")[0]
            if split_of(document, SHARES) == split:
                yield _instruction(kind, key, record, path, seed)


def _instruction(kind: str, key: str, record: Any, path: Path, seed: int) -> Row:
    task, text, wordings = KINDS[kind]
    found = checked(record, Answers, path=path, name=key)
    if isinstance(found, DataError):
        return found
    articles = found.articles
    passages = [articles] if isinstance(articles, str) else [one[0] for one in articles.values()]
    document = key.partition("_")[0]
    numbered = (
        f"Passage {number}: {passage}" if len(passages) > 1 else f"Passage: {passage}"
        for number, passage in enumerate(passages, start=1)
    )
    input = "\n\n".join((f"Question: {found.question}", *numbered))
    return Instruction(
        instruction=choose(wordings, input, seed).format(text=text),
        input=input,
        output=found.summary,
        category=Category.GEN,
        task=task,
        provenance=CORPUS.provenance(split=split_of(document, SHARES), document=document),
    )


CORPUS = described("mediqa-ans")
