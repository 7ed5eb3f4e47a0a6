"""MTS-Dialog: a section of the clinical note, written from the conversation of the visit."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.corpus import Corpus
from bioinstruct.corpora.formats.table import rows
from bioinstruct.errors import DataError
from bioinstruct.files import find
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS", "SECTIONS"]

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


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Instruction]:
    """Conversations in file order; a row without conversation or section is logged and skipped."""
    path = find(folder / FILES[split])
    for line, row in rows(path, columns=("ID", "section_header", "section_text", "dialogue")):
        dialogue, section = row["dialogue"].strip(), row["section_text"].strip()
        if not dialogue or not section:
            empty = "section_text" if dialogue else "dialogue"
            logging.getLogger(__name__).warning("%s:%d: skipped: empty %s", path, line, empty)
            continue
        header = row["section_header"]
        if header not in SECTIONS:
            known = ", ".join(SECTIONS)
            found = f"section_header: unknown section {header!r}; known: {known}"
            raise DataError(found, path=path, line=line)
        yield Instruction(
            instruction=f'Write the "{SECTIONS[header]}" section of the clinical note from this '
            "conversation at a medical visit.",
            input=dialogue,
            output=section,
            category=Category.GEN,
            task="dialogue-to-note-section",
            provenance=CORPUS.provenance(split=split, document=row["ID"]),
        )


CORPUS = Corpus(
    name="mts-dialog",
    title="MTS-Dialog",
    category=Category.GEN,
    license="CC-BY-4.0",
    revision="3ff080193360",
    homepage="https://github.com/abachaa/MTS-Dialog",
    folder="mts_dialog",
    splits=tuple(FILES),
    citation=(
        "Ben Abacha A, Yim W, Fan Y, Lin T. An Empirical Study of Clinical Note Generation from "
        "Doctor-Patient Encounters. EACL 2023, 2291-2302. doi:10.18653/v1/2023.eacl-main.168"
    ),
    reader=read,
)

CORPORA = (CORPUS,)
