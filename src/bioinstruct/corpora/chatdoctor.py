"""ChatDoctor: patients' messages, real and simulated, with answers, and a database of diseases."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from bioinstruct.corpora.base import Access, Corpus, Row, Skipped, choose
from bioinstruct.corpora.formats.records import records
from bioinstruct.corpora.formats.table import rows
from bioinstruct.errors import DataError
from bioinstruct.files import find
from bioinstruct.schema import Category, Instruction

__all__ = ["CORPORA"]

Filled = Annotated[str, StringConstraints(pattern=r"\S")]
WORDINGS = (
    "Answer the patient's message as a doctor would.",
    "You are a doctor. Reply to the patient who describes this problem.",
    "A patient writes to a doctor online. Write the doctor's answer.",
    "Read what the patient reports and give medical advice in reply.",
    "Respond to this patient: say what it may be and what should be done next.",
    "Write the reply of a physician to the following message from a patient.",
)
# The database counts what was recorded with a disease: it does not say what helps against it.
OF_DISEASE = {
    "Symptom": (
        "disease-symptoms",
        (
            "List symptoms that patients with this disease report, one a line.",
            "Which symptoms are recorded with the disease below? Write one a line.",
            "Name the symptoms that go with this diagnosis, each on its own line.",
            "With what complaints do patients come who have this disease? Give a list, one a line.",
            "Write down the symptoms linked to this condition, one to a line.",
        ),
    ),
    "TestsAndProcedures": (
        "disease-tests",
        (
            "List tests and procedures that are recorded for patients with this disease, one a "
            "line.",
            "Which tests and procedures do patients with the disease below have? Write one a line.",
            "Name the tests and procedures that go with this diagnosis, each on its own line.",
            "What is done for patients with this disease, by records of their care? Give a list of "
            "tests and procedures, one a line.",
            "Write down the tests and procedures linked to this condition, one to a line.",
        ),
    ),
    "commonMedications": (
        "disease-medications",
        (
            "List drugs that are recorded for patients with this disease, for whatever reason, one "
            "a line.",
            "Which drugs do patients with the disease below take, by records of their care? Write "
            "one a line.",
            "Name the drugs recorded together with this diagnosis, each on its own line.",
            "What medication is on record for patients with this disease? Give a list, one a line.",
            "Write down the drugs that records link to this condition, one to a line.",
        ),
    ),
}


class Message(BaseModel):
    """What is used of a record: the message and the answer."""

    input: Filled
    output: Filled


class ICliniq(BaseModel):
    """A record with three answers, of which the one by the doctor is used."""

    input: Filled
    output: Filled = Field(alias="answer_icliniq")


def read_generated(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Messages in file order."""
    return _read(GENERATED, folder / "chatdoctor5k.json", Message, split, seed)


def read_healthcaremagic(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Messages in file order."""
    return _read(HEALTHCAREMAGIC, folder / "HealthCareMagic-100k.json", Message, split, seed)


def read_icliniq(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Messages in file order."""
    return _read(ICLINIQ, folder / "iCliniq.json", ICliniq, split, seed)


def _read(
    corpus: Corpus, path: Path, model: type[Message | ICliniq], split: str, seed: int
) -> Iterator[Row]:
    for number, record in records(path, model):
        if isinstance(record, DataError):
            yield record
            continue
        message = record.input.strip()
        yield Instruction(
            instruction=choose(WORDINGS, message, seed),
            input=message,
            output=record.output.strip(),
            category=Category.QA,
            task="patient-message",
            provenance=corpus.provenance(split=split, document=str(number)),
        )


def read_diseases(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Three lists for each disease, in file order; its description is not used."""
    path = find(folder / "format_dataset.csv")
    for line, row in rows(path, columns=("idx", "disease", *OF_DISEASE)):
        disease = row["disease"].strip()
        for column, (task, wordings) in OF_DISEASE.items():
            try:
                items = _items(row[column])
            except ValueError as error:
                yield DataError(f"{column}: {error}", path=path, line=line)
                continue
            if not items:
                yield Skipped("an empty list")
                continue
            yield Instruction(
                instruction=choose(wordings, disease, seed),
                input=disease,
                output="\n".join(items),
                category=Category.QA,
                task=task,
                provenance=DISEASES.provenance(split=split, document=row["idx"]),
            )


def _items(text: str) -> list[str]:
    """The strings of a list as Python writes it, each once."""
    try:
        found = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        found = None
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ValueError(f"expected a list of names, found {text[:80]!r}")
    return list(dict.fromkeys(" ".join(item.split()) for item in found if item.strip()))


_CITATION = (
    "Li Y, Li Z, Zhang K, Dan R, Jiang S, Zhang Y. ChatDoctor: A Medical Chat Model Fine-Tuned on "
    "a Large Language Model Meta-AI (LLaMA) Using Medical Domain Knowledge. Cureus "
    "2023;15(6):e40895. doi:10.7759/cureus.40895"
)
_HOMEPAGE = "https://github.com/Kent0n-Li/ChatDoctor"
_REVISION = "e77bd7ebafbf"

GENERATED = Corpus(
    name="genmedgpt",
    title="GenMedGPT-5k (ChatDoctor)",
    category=Category.QA,
    license="LicenseRef-ChatDoctor-NonCommercial",
    revision=_REVISION,
    homepage=_HOMEPAGE,
    folder="nc/genmedgpt_5k",
    splits=("train",),
    citation=_CITATION,
    reader=read_generated,
)

DISEASES = Corpus(
    name="chatdoctor-diseases",
    title="ChatDoctor's database of diseases",
    category=Category.QA,
    license="LicenseRef-ChatDoctor-NonCommercial",
    revision=_REVISION,
    homepage=_HOMEPAGE,
    folder="nc/genmedgpt_5k",
    splits=("train",),
    citation=_CITATION,
    reader=read_diseases,
)

HEALTHCAREMAGIC = Corpus(
    name="healthcaremagic",
    title="HealthCareMagic-100k (ChatDoctor)",
    category=Category.QA,
    license="LicenseRef-ChatDoctor-NonCommercial-NoRedistribution",
    revision=_REVISION,
    homepage=_HOMEPAGE,
    folder="healthcaremagic",
    splits=("train",),
    citation=_CITATION,
    reader=read_healthcaremagic,
    access=Access.REGISTRATION,
    checked=False,
)

ICLINIQ = Corpus(
    name="icliniq",
    title="iCliniq-10k (ChatDoctor)",
    category=Category.QA,
    license="LicenseRef-ChatDoctor-NonCommercial-NoRedistribution",
    revision=_REVISION,
    homepage=_HOMEPAGE,
    folder="icliniq",
    splits=("train",),
    citation=_CITATION,
    reader=read_icliniq,
    access=Access.REGISTRATION,
    checked=False,
)

CORPORA = (GENERATED, DISEASES, HEALTHCAREMAGIC, ICLINIQ)
