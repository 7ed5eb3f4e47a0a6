"""Classification, inference and similarity: hallmarks of cancer, entailment, how alike two are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bioinstruct import corpora
from bioinstruct.bench.metrics import (
    accuracy,
    example_f1,
    label_f1,
    macro_f1,
    macro_label_f1,
    pearson,
    same_set,
)
from bioinstruct.bench.tasks.base import Parse, Task, add, of_corpus, task
from bioinstruct.corpora.answers import labels
from bioinstruct.corpora.registry import described
from bioinstruct.schema import Category, Instruction

__all__: list[str] = []

HALLMARKS = described("hoc").labels
ONE_HALLMARK = (*(label.lower() for label in HALLMARKS), "none")


def _hallmarks(layout: str) -> Parse:
    def parse(text: str, example: Instruction) -> tuple[str, ...] | None:
        from bioinstruct.corpora import hoc  # imported only to score

        return labels.parse(layout, text, hoc.NAMES[layout]) if text.strip() else None

    return parse


def _hallmark_task(name: str, corpus: str, about: str, layout: str) -> None:
    read, parse = of_corpus(corpus, about, layout=layout), _hallmarks(layout)
    metrics = (label_f1, macro_label_f1(HALLMARKS), example_f1, same_set)
    variant = layout == "medtuned"
    add(Task(name, Category.OTHER, read, parse, metrics, (), 96, corpus, variant))


_hallmark_task("hoc", "hoc", "Hallmarks of Cancer: those that a sentence is about.", "lines")
_hallmark_task("hoc-documents", "hoc-documents", "Hallmarks of Cancer, of an abstract.", "lines")
_hallmark_task(
    "hoc-medtuned",
    "hoc",
    "Hallmarks of Cancer, of a sentence, in the layout of Llama2-MedTuned.",
    "medtuned",
)


@task(
    Category.OTHER,
    macro_f1(ONE_HALLMARK),
    accuracy,
    choices=ONE_HALLMARK,
    max_new_tokens=24,
    corpus="hoc",
    variant=True,
)
def hoc_single(split: str) -> Iterator[Instruction]:
    """Hallmarks of Cancer: the sentences with one hallmark or none, as a choice of one."""
    found = corpora.read("hoc", split, layout="lines")
    return (example for example in found if "\n" not in example.output)


@task(
    Category.OTHER,
    accuracy,
    macro_f1(described("rqe").labels),
    choices=described("rqe").labels,
    max_new_tokens=4,
    corpus="rqe",
)
def question_entailment(split: str) -> Iterator[Instruction]:
    """RQE: does the answer to a frequent question answer a consumer's question too?"""
    return corpora.read("rqe", split)


@task(
    Category.OTHER,
    accuracy,
    macro_f1(described("mednli").labels),
    choices=described("mednli").labels,
    max_new_tokens=8,
    corpus="mednli",
)
def medical_inference(split: str) -> Iterator[Instruction]:
    """MedNLI: does a sentence of a clinical note entail another, contradict it, or neither?"""
    return corpora.read("mednli", split)


@task(
    Category.OTHER,
    accuracy,
    macro_f1(described("scitail").labels),
    choices=described("scitail").labels,
    max_new_tokens=8,
    corpus="scitail",
)
def science_inference(split: str) -> Iterator[Instruction]:
    """SciTail: does a premise entail a statement of science?"""
    return corpora.read("scitail", split)


HIGHEST = described("biosses").highest
_NUMBER = re.compile(r"(?<![\w.,/-])\d+(?:\.\d+)?(?![\w%\u2030]|[.,]\d)")
_OF = re.compile(rf"\s*(?:/|out of|of)\s*{HIGHEST:g}(?:\.0+)?(?![\w%]|[.,]\d)")
_MORE = re.compile(r"\s*(?:/|out of|of|to|-|\u2013)\s*\d")


def _score(text: str, example: Instruction) -> float | None:
    """Return the number that a text begins with, or the only one in it, if it is on the scale.

    `3 out of 4` and `3/4` are 3; a range, a share and a number on another scale are no score.
    """
    text = text.strip()
    numbers = list(_NUMBER.finditer(_OF.sub("", text)))
    first = next(iter(numbers), None)
    if first is None or (first.start() > 0 and len({number[0] for number in numbers}) > 1):
        return None
    value = float(first[0])
    ranged = _MORE.match(first.string, first.end())
    return value if 0.0 <= value <= HIGHEST and not ranged else None


@task(Category.OTHER, pearson, parse=_score, max_new_tokens=8, corpus="biosses")
def biosses(split: str) -> Iterator[Instruction]:
    """BIOSSES: how alike two sentences are in meaning, from 0 to 4."""
    return corpora.read("biosses", split)
