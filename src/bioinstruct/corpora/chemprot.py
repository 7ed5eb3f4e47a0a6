"""ChemProt, a sentence at a time: how a chemical acts on a gene or protein."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from bioinstruct.corpora.answers import relations
from bioinstruct.corpora.answers.relations import Mention
from bioinstruct.corpora.base import Row, choose
from bioinstruct.corpora.formats.records import records
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "LABELS"]

LABELS = described("chemprot").labels
FILES = {"train": "train.txt", "validation": "dev.txt", "test": "test.txt"}
_ALL = f"{', '.join(LABELS[:-1])} or {LABELS[-1]}"
WORDINGS = wordings("chemprot", labels=_ALL)
# Either entity may be the chemical; the marks only say which comes first. In nine sentences of dev
# a `>>` stands in the text as well, so the first of them after the `<<` is the mark.
_FIRST = re.compile(r"<< (.+?) >>")
_SECOND = re.compile(r"\[\[ (.+?) \]\]")


class Line(BaseModel):
    """Fields used from a record, under their names in the file."""

    text: str
    label: str


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Read marked pairs in file order; a pair with two relations is there once for each.

    The file does not say which abstract a sentence is of: the document is the sentence, named by
    the number of its first record.
    """
    path = resolve_gz(folder / FILES[split])
    firsts: dict[str, int] = {}
    for number, line, record in records(path, Line):
        if isinstance(record, DataError):
            yield record
            continue
        try:
            text, first, second = _checked(record)
            sentence = str(firsts.setdefault("".join(text.split()), number))
            yield _instruction(record.label, (text, first, second), sentence, split, layout, seed)
        except ValueError as error:
            yield DataError(f"record {number}: {error}", path=path, line=line)


def _checked(record: Line) -> tuple[str, Mention, Mention]:
    if record.label not in LABELS:
        raise ValueError(f"unknown label {record.label!r}; known: {', '.join(LABELS)}")
    return _unmarked(record.text)


def _instruction(
    label: str,
    pair: tuple[str, Mention, Mention],
    sentence: str,
    split: str,
    layout: str,
    seed: int,
) -> Instruction:
    text, first, second = pair
    input = relations.to_input(layout, text, first, second, roles=("First entity", "Second entity"))
    return Instruction(
        instruction=choose(WORDINGS[layout], input, seed),
        input=input,
        output=label,
        category=Category.IE,
        task="relation-chemical-protein",
        provenance=CORPUS.provenance(split=split, document=sentence),
    )


def _unmarked(text: str) -> tuple[str, Mention, Mention]:
    """Return the sentence without marks, and its two entities in order."""
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


CORPUS = described("chemprot")
