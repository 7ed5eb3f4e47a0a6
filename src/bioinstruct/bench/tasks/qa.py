"""Question answering: examinations by letter, and yes or no from abstracts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from bioinstruct import corpora
from bioinstruct.bench.metrics import accuracy, macro_f1
from bioinstruct.bench.tasks.base import Task, add, of_corpus, task
from bioinstruct.bench.tasks.formulation import letters, parse_letter
from bioinstruct.schema import Category, Instruction

__all__: list[str] = []

YES_NO = ("yes", "no")
YES_NO_MAYBE = (*YES_NO, "maybe")
MMLU = (
    "anatomy",
    "clinical-knowledge",
    "college-biology",
    "college-medicine",
    "high-school-biology",
    "medical-genetics",
    "nutrition",
    "professional-medicine",
    "virology",
)


def _examination(name: str, about: str, *, variant: bool = False) -> Task:
    read = of_corpus(name, about, layout="letter")
    return add(
        Task(name, Category.QA, read, parse_letter, (accuracy,), letters, 32, name, variant=variant)
    )


_examination("medqa", "MedQA (USMLE): questions of the licensing examination, four options.")
_examination("medqa-5", "MedQA (USMLE) with all five options.", variant=True)

_examination(
    "medmcqa",
    "MedMCQA: Indian entrance examinations; tests on validation, the test's answers are secret.",
)
_examination("mmlu-medical", "MMLU: the medical subjects together, each question once.")
for _name in MMLU:
    _examination(f"mmlu-{_name}", f"MMLU: {_name.replace('-', ' ')}.", variant=True)


@task(
    Category.QA,
    accuracy,
    macro_f1(YES_NO_MAYBE),
    choices=YES_NO_MAYBE,
    max_new_tokens=4,
    corpus="pubmedqa",
)
def pubmedqa(split: str) -> Iterator[Instruction]:
    """PubMedQA, expert-labelled: does the abstract answer the question yes, no or maybe?"""
    return corpora.read("pubmedqa", split)


@task(Category.QA, accuracy, macro_f1(YES_NO), choices=YES_NO, max_new_tokens=4, corpus="bioasq")
def bioasq_yes_no(split: str) -> Iterator[Instruction]:
    """BioASQ, task B: the questions that are answered yes or no, from snippets of abstracts."""
    found = corpora.read("bioasq", split, layout="exact")
    first = next(found)  # a missing file is reported when this is called
    return (e for e in chain([first], found) if e.task == "yes-no-question")
