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
"""Required ratio of answers 0 and 4 (or 4 and 0) to decide where the numbering starts."""
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
    """The right option, from 1 (from 0 in the Hub's version); missing or -1 in the test set."""

    @property
    def options(self) -> tuple[str, ...]:
        return (self.opa, self.opb, self.opc, self.opd)


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield a record for each question, in file order; skip those without a published answer."""
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

    About a quarter of the answers are 4 in the release, and 0 in the Hub's version; the few rows
    with the other number are faulty.
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
        hint="use the whole file: a part may contain neither 0 nor 4",
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
