"""MTS-Dialog: a section of the clinical note, written from the conversation of the visit.

Its study of how metrics agree with people, `judged`, is no training data and read by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats import table
from bioinstruct.corpora.formats.table import rows
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPUS", "SECTIONS", "Judged", "judged"]

# The authors' expansions where they give one, else the usual heading of a note.
SECTIONS = {
    "ALLERGY": "allergies",
    "ASSESSMENT": "assessment",
    "CC": "chief complaint",
    "DIAGNOSIS": "diagnosis",
    "DISPOSITION": "disposition",
    "EDCOURSE": "emergency department course",
    "EXAM": "physical examination",
    "FAM/SOCHX": "family and social history",
    "GENHX": "history of present illness",
    "GYNHX": "gynecologic history",
    "IMAGING": "imaging",
    "IMMUNIZATIONS": "immunizations",
    "LABS": "laboratory results",
    "MEDICATIONS": "medications",
    "OTHER_HISTORY": "other history",
    "PASTMEDICALHX": "past medical history",
    "PASTSURGICAL": "past surgical history",
    "PLAN": "plan",
    "PROCEDURES": "procedures",
    "ROS": "review of systems",
}
FILES = {
    "train": "MTS-Dialog-TrainingSet.csv",
    "validation": "MTS-Dialog-ValidationSet.csv",
    "test": "MTS-Dialog-TestSet-1-MEDIQA-Chat-2023.csv",
    "test-2": "MTS-Dialog-TestSet-2-MEDIQA-Sum-2023.csv",
}


WORDINGS = wordings("mts_dialog")["dialogue-to-note-section"]
STUDY = "correlation_study/MTS-Dialog-"
"""Prefixes of the names of its two files."""


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the conversations in file order; skip rows without conversation or section."""
    path = resolve_gz(folder / FILES[split])
    for found in rows(path, columns=("ID", "section_header", "section_text", "dialogue")):
        if isinstance(found, DataError):
            yield found
            continue
        line, row = found
        dialogue, section = row["dialogue"].strip(), row["section_text"].strip()
        header = row["section_header"]
        if not dialogue or not section:
            yield Skipped(f"empty {'section_text' if dialogue else 'dialogue'}")
        elif header not in SECTIONS:
            known = ", ".join(SECTIONS)
            fault = f"section_header: unknown section {header!r}; known: {known}"
            yield DataError(fault, path=path, line=line)
        else:
            wording = choose(WORDINGS, dialogue, seed)
            yield Instruction(
                instruction=wording.format(section=SECTIONS[header]),
                input=dialogue,
                output=section,
                category=Category.GEN,
                task="dialogue-to-note-section",
                provenance=CORPUS.provenance(split=split, document=row["ID"]),
            )


class Judged(NamedTuple):
    """A summary that a model wrote, and what a person found in it."""

    document: str
    """The conversation's number in the validation split."""
    dialogue: str
    reference: str
    summary: str
    factual_precision: float
    """From 0 to 1, as are all but the last."""
    factual_recall: float
    factual_f1: float
    hallucination_rate: float
    omission_rate: float
    """One of the 400 is -1 in the published file."""
    edit_distance: float


def judged(folder: Path) -> Iterator[Judged]:
    """Yield the 400 summaries of the correlation study with their scores, in file order.

    Raises:
        MissingError: a file is not there.
        DataError: a file is malformed, or the two do not describe the same summaries.
    """
    path = resolve_gz(folder / f"{STUDY}Automatic-Summaries-ValidationSet.csv")
    scored = resolve_gz(folder / f"{STUDY}Manual-Scores4CorrelationStudy.csv")
    texts = ("ID", "Dialogue", "Reference Summary", "Automatic Summary")
    summaries = [row.fields for row in map(_sound, rows(path, columns=texts))]
    scores = [_sound(row) for row in rows(scored, columns=SCORES)]
    if len(summaries) != len(scores):
        found = f"expected {len(summaries)} rows of scores, as {path.name} has, found {len(scores)}"
        raise DataError(found, path=scored)
    for summary, (line, row) in zip(summaries, scores, strict=True):
        try:
            numbers = [float(row[column]) for column in SCORES]
        except ValueError as error:
            raise DataError(f"expected numbers ({error})", path=scored, line=line) from error
        yield Judged(
            document=summary["ID"],
            dialogue=summary["Dialogue"].strip(),
            reference=summary["Reference Summary"].strip(),
            summary=summary["Automatic Summary"].strip(),
            factual_precision=numbers[0],
            factual_recall=numbers[1],
            factual_f1=numbers[2],
            hallucination_rate=numbers[3],
            omission_rate=numbers[4],
            edit_distance=numbers[5],
        )


def _sound(row: table.Row | DataError) -> table.Row:
    if isinstance(row, DataError):
        raise row  # the two files go together row by row
    return row


SCORES = (
    "FactualPrecision",
    "FactualRecall",
    "FactualF1",
    "HallucinationRate",
    "OmissionRate",
    "Edit Distance (Correction)",
)
CORPUS = described("mts-dialog")
