"""The demonstration: three tasks that ship with the package, on texts written for it."""

from __future__ import annotations

from collections.abc import Iterator

from bioinstruct import corpora
from bioinstruct.bench.metrics import accuracy, entity_f1, rouge1, rouge2, rougeL
from bioinstruct.bench.tasks.base import task
from bioinstruct.corpora.answers import entities
from bioinstruct.schema import Category, Instruction

__all__: list[str] = []


def _read(split: str, name: str) -> Iterator[Instruction]:
    return (example for example in corpora.read("demo", split) if example.task == name)


def _mentions(text: str, example: Instruction) -> list[entities.Entity] | None:
    if not entities.is_answer("mentions", text):
        return None
    return entities.parse("mentions", text, example.input.split(" "))


@task(Category.QA, accuracy, choices=("yes", "no", "maybe"), max_new_tokens=4, corpus="demo")
def demo_qa(split: str) -> Iterator[Instruction]:
    """Demonstration: is a finding present, absent or uncertain in a clinical note?"""
    return _read(split, "demo-qa")


@task(Category.IE, entity_f1, parse=_mentions, max_new_tokens=48, corpus="demo")
def demo_ie(split: str) -> Iterator[Instruction]:
    """Demonstration: the drugs or the diseases of a sentence, one a line."""
    return _read(split, "demo-ie")


@task(Category.GEN, rougeL, rouge1, rouge2, max_new_tokens=80, corpus="demo")
def demo_gen(split: str) -> Iterator[Instruction]:
    """Demonstration: a clinical sentence from shorthand or dialogue."""
    return _read(split, "demo-gen")
