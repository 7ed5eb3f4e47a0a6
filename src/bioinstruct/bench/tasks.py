"""The tasks: each a function from a split to instructions, on the reader of its corpus."""

from __future__ import annotations

from collections.abc import Iterator

from bioinstruct import corpora
from bioinstruct.bench.metrics import accuracy, entity_f1, rouge1, rouge2, rougeL
from bioinstruct.bench.task import task
from bioinstruct.corpora import layouts
from bioinstruct.schema import Category, Instruction

__all__: list[str] = []

YES_NO_MAYBE = ("yes", "no", "maybe")


def _first_choice(text: str, example: Instruction) -> str | None:
    """The answer is the first word, whatever its case and the punctuation behind it."""
    first = text.strip().split(maxsplit=1)[:1]
    word = first[0].strip(".,;:!\"'").lower() if first else ""
    return word if word in YES_NO_MAYBE else None


def _text(text: str, example: Instruction) -> str | None:
    return text.strip() or None


def _mentions(text: str, example: Instruction) -> object:
    return layouts.parse("mentions", text, example.input.split(" "))


def _tagged_tokens(text: str, example: Instruction) -> object:
    return layouts.parse("medtuned", text, example.input.split(" "))


@task(Category.QA, accuracy, parse=_first_choice, choices=YES_NO_MAYBE, max_new_tokens=4)
def pubmedqa(split: str) -> Iterator[Instruction]:
    """PubMedQA, expert-labelled: does the abstract answer the question yes, no or maybe?"""
    return corpora.read("pubmedqa", split)


@task(Category.IE, entity_f1, parse=_mentions, max_new_tokens=128)
def ncbi_disease(split: str) -> Iterator[Instruction]:
    """NCBI disease corpus: the disease mentions of a sentence, one a line."""
    return corpora.read("ncbi-disease", split, layout="mentions")


@task(Category.IE, entity_f1, parse=_tagged_tokens, max_new_tokens=512)
def ncbi_disease_medtuned(split: str) -> Iterator[Instruction]:
    """NCBI disease corpus in the published layout of Llama2-MedTuned: a tag for every token."""
    return corpora.read("ncbi-disease", split, layout="medtuned")


@task(Category.GEN, rougeL, rouge1, rouge2, parse=_text, max_new_tokens=256)
def mts_dialog(split: str) -> Iterator[Instruction]:
    """MTS-Dialog: one section of the clinical note, from the doctor-patient conversation."""
    return corpora.read("mts-dialog", split)


def _demo(split: str, name: str) -> Iterator[Instruction]:
    return (example for example in corpora.read("demo", split) if example.task == name)


@task(
    Category.QA,
    accuracy,
    parse=_first_choice,
    choices=YES_NO_MAYBE,
    max_new_tokens=4,
    demonstration=True,
)
def demo_qa(split: str) -> Iterator[Instruction]:
    """Demonstration: is a finding present, absent or uncertain in a clinical note?"""
    return _demo(split, "demo-qa")


@task(Category.IE, entity_f1, parse=_mentions, max_new_tokens=48, demonstration=True)
def demo_ie(split: str) -> Iterator[Instruction]:
    """Demonstration: the drugs or the diseases of a sentence, one a line."""
    return _demo(split, "demo-ie")


@task(Category.GEN, rougeL, rouge1, rouge2, parse=_text, max_new_tokens=80, demonstration=True)
def demo_gen(split: str) -> Iterator[Instruction]:
    """Demonstration: a clinical sentence from shorthand or dialogue."""
    return _demo(split, "demo-gen")
