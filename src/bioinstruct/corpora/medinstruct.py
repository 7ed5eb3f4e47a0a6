"""MedInstruct (AlpaCare): instructions written by a model, and a free-form test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from bioinstruct.answer_text import is_nothing
from bioinstruct.corpora.base import Row
from bioinstruct.corpora.formats.records import records
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS"]

Filled = Annotated[str, StringConstraints(pattern=r"\S")]


class Trained(BaseModel):
    """Fields used from a record of the training file."""

    instruction: Filled
    input: str = ""
    output: Filled


class Tested(BaseModel):
    """Fields used from a record of the test file: of four answers, the best model's."""

    id: int
    instruction: Filled
    output: Filled = Field(alias="gpt-4-answer")


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the instructions in file order, with their own wording."""
    found: Iterator[tuple[int, int, Trained | Tested | DataError]]
    if split == "test":
        found = records(folder / "MedInstruct-test.jsonl", Tested)
    else:
        found = records(folder / "MedInstruct-52k.json", Trained)
    for number, _, record in found:
        if isinstance(record, DataError):
            yield record
            continue
        input = record.input.strip() if isinstance(record, Trained) else ""
        document = number if isinstance(record, Trained) else record.id
        yield Instruction(
            instruction=record.instruction,
            input="" if is_nothing(input) else input,
            output=record.output,
            category=Category.OTHER,
            task="medical-instruction",
            provenance=CORPUS.provenance(split=split, document=str(document)),
        )


CORPUS = described("medinstruct")
