"""WikiDoc patient information (Medical Meadow): questions about diseases, answered for patients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from bioinstruct.corpora.base import Row, choose
from bioinstruct.corpora.formats.records import records
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS"]

Filled = Annotated[str, StringConstraints(pattern=r"\S")]
WORDINGS = wordings("wikidoc")["patient-question"]


class Question(BaseModel):
    """Fields used from a record; all have the same instruction."""

    input: Filled
    output: Filled


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield a record for each question, in file order; duplicates stay."""
    for number, _, record in records(folder / "medical_meadow_small.json", Question):
        if isinstance(record, DataError):
            yield record
            continue
        yield Instruction(
            instruction=choose(WORDINGS, record.input, seed),
            input=record.input,
            output=record.output,
            category=Category.QA,
            task="patient-question",
            provenance=CORPUS.provenance(split=split, document=str(number)),
        )


CORPUS = described("wikidoc-patient")
