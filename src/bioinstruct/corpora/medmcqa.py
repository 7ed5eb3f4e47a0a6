"""MedMCQA: questions of Indian medical entrance examinations, with four options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.corpora.base import Row, Skipped
from bioinstruct.corpora.formats.records import records
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Instruction

__all__ = ["CORPUS"]

_CLEAR = 5
"""How many times as many answers must say which number the first option has."""
FILES = {"train": "train.json", "validation": "dev.json", "test": "test.json"}
Filled = Annotated[str, StringConstraints(pattern=r"\S")]


class Question(BaseModel):
    """Fields used from a record, under their names in the file."""

    id: Filled
    question: Filled
    opa: Filled
    opb: Filled
    opc: Filled
    opd: Filled
    cop: int | None = None
    """The right option, from 1; from 0 in the Hub's version. The test set has none (there -1)."""

    @property
    def options(self) -> tuple[str, ...]:
        return (self.opa, self.opb, self.opc, self.opd)


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Questions in file order; those of the test set have no published answer and are skipped."""
    path = resolve_gz(folder / FILES[split])
    first: int | None = None
    for number, line, record in records(path, Question):
        if isinstance(record, DataError):
            yield record
        elif record.cop is None or record.cop == -1:
            yield Skipped("no answer is published")
        else:
            first = _first(path) if first is None else first
            answer = record.cop - first
            if 0 <= answer < len(record.options):
                yield _example(record, answer, split=split, layout=layout, seed=seed)
            else:
                found = f"record {number}.cop: expected {first} to {first + 3}, found {record.cop}"
                yield DataError(found, path=path, line=line)


def _first(path: Path) -> int:
    """Return the number of the first option: 1 in the release, 0 in the Hub's version.

    In either a quarter of the answers tells; the few rows that say otherwise are at fault.
    """
    found = (record for _, _, record in records(path, Question) if isinstance(record, Question))
    counts = Counter(record.cop for record in found)
    if counts[0] > _CLEAR * counts[4]:
        return 0
    if counts[4] > _CLEAR * counts[0]:
        return 1
    raise DataError(
        "cop: cannot tell whether the options count from 1, as in the release (4 and no 0), or "
        "from 0, as in the Hub's version (0 and no 4)",
        path=path,
        hint="give the whole file: a part of it may lack the number that tells",
    )


def _example(record: Question, answer: int, *, split: str, layout: str, seed: int) -> Instruction:
    return multiple_choice.example(
        record.question,
        record.options,
        answer,
        layout=layout,
        seed=seed,
        provenance=CORPUS.provenance(split=split, document=record.id),
    )


CORPUS = described("medmcqa")
