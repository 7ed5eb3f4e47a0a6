"""PMC-LLaMA instructions: questions of other corpora with answers and rationales."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from bioinstruct.corpora.base import Row, Skipped
from bioinstruct.corpora.formats.records import records
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS"]


class Record(BaseModel):
    """Fields used from a record."""

    source: Annotated[str, StringConstraints(pattern=r"\S")]
    instruction: str
    input: str
    output: str


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the records in file order; skip those without an instruction or an answer."""
    for number, _, record in records(folder / "release.json", Record):
        if isinstance(record, DataError):
            yield record
        elif not record.instruction.strip() or not record.output.strip():
            yield Skipped("no instruction or no answer")
        else:
            yield Instruction(
                instruction=record.instruction,
                input=record.input,
                output=record.output,
                category=Category.QA,
                task="mixed-question",
                provenance=CORPUS.provenance(split=split, document=f"{record.source}-{number}"),
            )


CORPUS = described("pmc-llama-instructions")
