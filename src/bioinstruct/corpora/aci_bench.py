"""ACI-Bench: the whole note of a visit, and each of its four divisions, from the conversation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats.plain import read_json
from bioinstruct.corpora.formats.records import checked
from bioinstruct.corpora.formats.table import rows
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS"]

FILES = {
    "train": "train",
    "validation": "valid",
    "test": "clinicalnlp_taskB_test1",
    "test-2": "clinicalnlp_taskC_test2",
    "test-3": "clef_taskC_test3",
}
DIVISIONS = {
    "subjective": "the subjective part (complaint, history, review of systems)",
    "objective_exam": "the physical examination",
    "objective_results": "the results of tests and imaging",
    "assessment_and_plan": "the assessment and plan",
}
NOTE = wordings("aci_bench")["note"]
DIVISION = wordings("aci_bench")["division"]


Stripped = Annotated[str, StringConstraints(strip_whitespace=True)]


class Division(BaseModel):
    """A record of the JSON files, under the names that they give it."""

    src: Annotated[Stripped, Field(min_length=1)]
    """The conversation."""
    tgt: Stripped
    """That part of the note; empty where there is none."""
    file: Annotated[Stripped, Field(min_length=1)]
    """Encounter, kind of recording and division, such as `D2N168-virtassist-subjective`."""


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the notes in file order, then each division in that order."""
    yield from _notes(folder, split, seed)
    for division in DIVISIONS:
        yield from _division(folder, split, division, seed)


def _notes(folder: Path, split: str, seed: int) -> Iterator[Row]:
    path = resolve_gz(folder / f"data/challenge_data/{FILES[split]}.csv")
    for found in rows(path, columns=("dataset", "encounter_id", "dialogue", "note")):
        if isinstance(found, DataError):
            yield found
            continue
        line, row = found
        dialogue, note = row["dialogue"].strip(), row["note"].strip()
        if not dialogue or not note or not row["encounter_id"]:
            yield DataError("expected a conversation and its note", path=path, line=line)
            continue
        yield Instruction(
            instruction=choose(NOTE, dialogue, seed),
            input=dialogue,
            output=note,
            category=Category.GEN,
            task="dialogue-to-note",
            provenance=CORPUS.provenance(split=split, document=row["encounter_id"]),
        )


def _division(folder: Path, split: str, division: str, seed: int) -> Iterator[Row]:
    path = resolve_gz(folder / f"data/challenge_data_json/{FILES[split]}_{division}.json")
    records = read_json(path).get("data")
    if not isinstance(records, list):
        raise DataError("data: expected a list", path=path)
    for number, record in enumerate(records):
        found = checked(record, Division, path=path, name=f"data.{number}")
        if isinstance(found, DataError):
            yield found
            continue
        if not found.file.endswith(f"-{division}"):
            expected = f"data.{number}.file: expected the end -{division}, found {found.file!r:.80}"
            yield DataError(expected, path=path)
            continue
        if not found.tgt:
            yield Skipped("division that the note does not have")
            continue
        wording = choose(DIVISION, found.src, seed)
        yield Instruction(
            instruction=wording.format(division=DIVISIONS[division]),
            input=found.src,
            output=found.tgt,
            category=Category.GEN,
            task=f"dialogue-to-{division.replace('_', '-')}",
            provenance=CORPUS.provenance(split=split, document=found.file.partition("-")[0]),
        )


CORPUS = described("aci-bench")
