"""ChatDoctor: patients' messages, real and simulated, with answers, and a database of diseases."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from bioinstruct.corpora.base import Corpus, Row, Skipped, choose
from bioinstruct.corpora.formats.records import records
from bioinstruct.corpora.formats.table import rows
from bioinstruct.corpora.hash_split import HELD_OUT, held_out, split_of
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["read_diseases", "read_generated", "read_healthcaremagic", "read_icliniq"]

Filled = Annotated[str, StringConstraints(pattern=r"\S")]
WORDINGS = wordings("chatdoctor")
# The database counts records with a disease; it does not tell which treatment helps.
OF_DISEASE = {
    "Symptom": "disease-symptoms",
    "TestsAndProcedures": "disease-tests",
    "commonMedications": "disease-medications",
}
"""The task of each column."""


class Message(BaseModel):
    """Fields used from a record: the message and the answer."""

    input: Filled
    output: Filled


class ICliniq(BaseModel):
    """A record with three answers; the doctor's is used."""

    input: Filled
    output: Filled = Field(alias="answer_icliniq")


def read_generated(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield messages in file order."""
    return _read(GENERATED, folder / "chatdoctor5k.json", Message, split, seed)


def read_healthcaremagic(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield messages in file order."""
    return _read(HEALTHCAREMAGIC, folder / "HealthCareMagic-100k.json", Message, split, seed)


def read_icliniq(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield messages in file order."""
    return _read(ICLINIQ, folder / "iCliniq.json", ICliniq, split, seed)


def _read(
    corpus: Corpus, path: Path, model: type[Message | ICliniq], split: str, seed: int
) -> Iterator[Row]:
    return held_out(lambda split: _messages(corpus, path, model, split, seed), split)


def _messages(
    corpus: Corpus, path: Path, model: type[Message | ICliniq], split: str, seed: int
) -> Iterator[Row]:
    for number, _, record in records(path, model):
        if isinstance(record, DataError):
            yield record
            continue
        if split_of(str(number), HELD_OUT) != split:
            continue
        message = record.input.strip()
        yield Instruction(
            instruction=choose(WORDINGS["patient-message"], message, seed),
            input=message,
            output=record.output.strip(),
            category=Category.QA,
            task="patient-message",
            provenance=corpus.provenance(split=split, document=str(number)),
        )


def read_diseases(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield three lists for each disease, in file order; its description is not used."""
    path = resolve_gz(folder / "format_dataset.csv")
    for found in rows(path, columns=("idx", "disease", *OF_DISEASE)):
        if isinstance(found, DataError):
            yield found
            continue
        line, row = found
        disease = row["disease"].strip()
        for column, task in OF_DISEASE.items():
            try:
                items = _items(row[column])
            except ValueError as error:
                yield DataError(f"{column}: {error}", path=path, line=line)
                continue
            if not items:
                yield Skipped("an empty list")
                continue
            yield Instruction(
                instruction=choose(WORDINGS[task], disease, seed),
                input=disease,
                output="\n".join(items),
                category=Category.QA,
                task=task,
                provenance=DISEASES.provenance(split=split, document=row["idx"]),
            )


def _items(text: str) -> list[str]:
    """Return the distinct strings of a list in Python's notation."""
    try:
        found = ast.literal_eval(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        found = None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError(f"expected a list of names, found {text[:80]!r}")
    return list(dict.fromkeys(" ".join(item.split()) for item in found if item.strip()))


GENERATED = described("genmedgpt")

DISEASES = described("chatdoctor-diseases")

HEALTHCAREMAGIC = described("healthcaremagic")

ICLINIQ = described("icliniq")
