"""Text generation: notes from conversations, summaries, answers to patients, code descriptions."""

from __future__ import annotations

from collections.abc import Iterator

from bioinstruct import corpora
from bioinstruct.bench.metrics import exact_match, rouge1, rouge2, rougeL, token_f1
from bioinstruct.bench.tasks.base import task
from bioinstruct.schema import Category, Instruction

__all__: list[str] = []

ROUGE = (rougeL, rouge1, rouge2)


@task(Category.GEN, *ROUGE, max_new_tokens=256, corpus="mts-dialog")
def mts_dialog(split: str) -> Iterator[Instruction]:
    """MTS-Dialog: one section of the clinical note, from the doctor-patient conversation."""
    return corpora.read("mts-dialog", split)


@task(Category.GEN, *ROUGE, max_new_tokens=1024, corpus="aci-bench")
def aci_bench(split: str) -> Iterator[Instruction]:
    """ACI-Bench: the whole note of a visit, from its transcript."""
    return (e for e in corpora.read("aci-bench", split) if e.task == "dialogue-to-note")


@task(Category.GEN, *ROUGE, max_new_tokens=384, corpus="primock57")
def primock57(split: str) -> Iterator[Instruction]:
    """PriMock57: the note of a primary-care consultation, from its transcript."""
    return corpora.read("primock57", split)


@task(Category.GEN, *ROUGE, max_new_tokens=64, corpus="meqsum")
def meqsum(split: str) -> Iterator[Instruction]:
    """MeQSum: the question that a consumer's message asks, in short."""
    return corpora.read("meqsum", split)


@task(Category.GEN, *ROUGE, max_new_tokens=256, corpus="mediqa-ans")
def mediqa_ans(split: str) -> Iterator[Instruction]:
    """MEDIQA-AnS: summaries of the answers to a consumer's question."""
    return corpora.read("mediqa-ans", split)


@task(Category.GEN, *ROUGE, max_new_tokens=256, corpus="genmedgpt")
def genmedgpt(split: str) -> Iterator[Instruction]:
    """GenMedGPT: a doctor's reply to a patient, written by a model; 5 % held out."""
    return corpora.read("genmedgpt", split)


@task(Category.GEN, *ROUGE, max_new_tokens=256, corpus="healthcaremagic")
def healthcaremagic(split: str) -> Iterator[Instruction]:
    """HealthCareMagic: a doctor's reply to a patient; 5 % held out."""
    return corpora.read("healthcaremagic", split)


@task(Category.GEN, *ROUGE, max_new_tokens=256, corpus="icliniq")
def icliniq(split: str) -> Iterator[Instruction]:
    """iCliniq: a doctor's reply to a patient; 5 % held out."""
    return corpora.read("icliniq", split)


@task(Category.GEN, *ROUGE, max_new_tokens=384, corpus="medquad")
def medquad(split: str) -> Iterator[Instruction]:
    """MedQuAD: answers of health institutes to questions about diseases and drugs; 5 % held out."""
    return corpora.read("medquad", split)


@task(Category.GEN, *ROUGE, token_f1, exact_match, max_new_tokens=48, corpus="icd10cm")
def icd_description(split: str) -> Iterator[Instruction]:
    """ICD-10-CM: the description of a code."""
    return (e for e in corpora.read("icd10cm", split) if e.task == "icd-description")
