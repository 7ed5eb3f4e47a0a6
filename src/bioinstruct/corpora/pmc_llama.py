"""PMC-LLaMA instructions: questions of other corpora with answers and rationales."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from bioinstruct.corpora.base import Corpus, Row, Skipped
from bioinstruct.corpora.formats.records import records
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS"]


class Record(BaseModel):
    """What is used of a record."""

    source: Annotated[str, StringConstraints(pattern=r"\S")]
    instruction: str
    input: str
    output: str


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Records in file order; one without an instruction or an answer is skipped."""
    for number, record in records(folder / "release.json", Record):
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


CORPUS = Corpus(
    name="pmc-llama-instructions",
    title="PMC-LLaMA instructions",
    category=Category.QA,
    license="OpenRAIL",
    revision="5142689",
    homepage="https://huggingface.co/datasets/axiong/pmc_llama_instructions",
    folder="pmc_llama_instructions",
    splits=("train",),
    citation=(
        "Wu C, Lin W, Zhang X, Zhang Y, Xie W, Wang Y. PMC-LLaMA: toward building open-source "
        "language models for medicine. J Am Med Inform Assoc 2024;31(9):1833-1843. "
        "doi:10.1093/jamia/ocae045"
    ),
    reader=read,
    checked=False,
)

CORPORA = (CORPUS,)
