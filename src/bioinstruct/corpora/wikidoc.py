"""WikiDoc patient information (Medical Meadow): questions on diseases, answered for patients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, StringConstraints

from bioinstruct.corpora.base import Corpus, Row, choose
from bioinstruct.corpora.formats.records import records
from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA", "CORPUS"]

Filled = Annotated[str, StringConstraints(pattern=r"\S")]
WORDINGS = (
    "Answer this patient's question about a disease in plain language.",
    "Explain the following to a patient, accurately and without jargon.",
    "A patient asks the question below. Write the answer for a patient information page.",
    "Give patients a clear and truthful answer to this health question.",
    "Answer the question as a leaflet for patients would: complete, but easy to follow.",
    "What should a patient be told who asks this?",
)


class Question(BaseModel):
    """What is used of a record: all have the same instruction."""

    input: Filled
    output: Filled


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Questions in file order; those that are there twice are there twice."""
    for number, record in records(folder / "medical_meadow_small.json", Question):
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


CORPUS = Corpus(
    name="wikidoc-patient",
    title="WikiDoc patient information (Medical Meadow)",
    category=Category.QA,
    license="GPL-3.0-only AND CC-BY-SA-3.0",
    revision="63448c579673",
    homepage="https://github.com/kbressem/medAlpaca",
    folder="medical_meadow_wikidoc_patient",
    splits=("train",),
    citation=(
        "Han T, Adams LC, Papaioannou JM, et al. MedAlpaca: An Open-Source Collection of Medical "
        "Conversational AI Models and Training Data. 2023. arXiv:2304.08247"
    ),
    reader=read,
)

CORPORA = (CORPUS,)
