"""The instruction sets that the authors of BioInstruct and Llama2-MedTuned have published."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from bioinstruct import parquet
from bioinstruct.answer_text import is_nothing
from bioinstruct.corpora import hoc, i2b2_2010, mednli
from bioinstruct.corpora.base import Corpus, Row, Skipped
from bioinstruct.corpora.formats.records import checked, records
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["BIOINSTRUCT", "MEDTUNED"]

_TAGGED = re.compile(r".*\S : [BIO](-\w+)?")


class Record(BaseModel):
    """A row of either set."""

    instruction: str
    input: str | None
    output: str

    @property
    def input_text(self) -> str:
        """The input; empty if it only says that there is none."""
        text = self.input or ""
        return "" if is_nothing(text) else text


class _Kind(NamedTuple):
    category: Category
    task: str


def bioinstruct(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the 25,005 instructions unchanged, in file order.

    The release has no categories, so all are OTHER until they are labelled.
    """
    path = resolve_gz(folder / "biomed_instruct_25k.json")
    for number, _, record in records(path, Record):
        kind = _Kind(Category.OTHER, "published-instruction")
        yield _row(BIOINSTRUCT, record, kind, path=path, number=number)


def medtuned(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the instructions unchanged, in file order, with a task inferred from the answer.

    Those of GAD, which are in the first release, have the labels exchanged and are left out.
    """
    files = sorted(folder.glob("data/train-*.parquet")) or sorted(folder.glob("*.parquet"))
    if not files:
        files = [resolve_gz(folder / "data" / "train-00000-of-00001.parquet")]
    number = 0
    for path in files:
        for value in parquet.read_parquet([path]):
            number += 1
            record = checked(value, Record, path=path, name=f"row {number}")
            lacks = [name for name in Record.model_fields if name not in value]
            if number == 1 and lacks:
                raise DataError(f"expected columns {', '.join(Record.model_fields)}", path=path)
            if isinstance(record, Record) and "@GENE$" in record.input_text:
                yield Skipped("GAD with its labels exchanged")
            else:
                yield _row(MEDTUNED, record, None, path=path, number=number)


def _row(
    corpus: Corpus, record: Record | DataError, kind: _Kind | None, *, path: Path, number: int
) -> Row:
    if isinstance(record, DataError):
        return record
    if not record.instruction.strip():
        return DataError(f"record {number}.instruction: expected a text", path=path)
    if not record.output.strip():
        return Skipped("no output")
    category, task = kind or _kind(record)
    return Instruction(
        instruction=record.instruction,
        input=record.input_text,
        output=record.output,
        category=category,
        task=task,
        provenance=corpus.provenance(split="train", document=str(number)),
    )


def _kind(record: Record) -> _Kind:
    """Infer the kind of a row of Llama2-MedTuned, which its release does not give."""
    output = record.output.strip()
    if all(_TAGGED.fullmatch(line) for line in output.split("\n")):
        return _Kind(Category.IE, "ner")
    if output in i2b2_2010.LABELS:
        return _Kind(Category.IE, "relation-problem-test-treatment")
    if output in mednli.LABELS and record.input_text.startswith("Sentence 1:"):
        return _Kind(Category.OTHER, "clinical-inference")
    if output == "None" or set(output.split(", ")) <= set(hoc.MEDTUNED.values()):
        return _Kind(Category.OTHER, "hallmarks-of-cancer")
    return _Kind(Category.QA, "medical-question")


BIOINSTRUCT = described("bioinstruct-25k")
MEDTUNED = described("medtuned-instructions")
