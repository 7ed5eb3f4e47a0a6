"""Our counts against seqeval, nervaluate and scikit-learn, on real golds and faulty answers."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bioinstruct import Instruction
from bioinstruct.bench.metrics import (
    Metric,
    accuracy,
    entity_f1,
    example_f1,
    label_f1,
    macro_f1,
    macro_label_f1,
    overlap_f1,
    relation_f1,
)
from bioinstruct.bench.tasks.base import get_task
from bioinstruct.bench.tasks.evaluation_set import sample
from bioinstruct.corpora import chemprot, ddi2013, hoc

pytestmark = pytest.mark.peer


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def value(metric: Metric, golds: list[Any], found: list[Any]) -> float:
    return float(metric.value(metric.counts(golds, found).sum(axis=0)))


def read(name: str, limit: int = 1500) -> list[Instruction]:
    return sample(list(get_task(name).read("test")), limit)


def faulty_tags(text: str, types: list[str], chance: random.Random) -> str:
    """Some tags of the published layout changed: begun early, cut, of another type, invented."""
    lines = []
    for line in text.split("\n"):
        word, _, tag = line.rpartition(" : ")
        if chance.random() < 0.12:
            tag = chance.choice(["O", *(f"{mark}-{t}".rstrip("-") for mark in "BI" for t in types)])
        lines.append(f"{word} : {tag}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "types"),
    [
        ("ncbi-disease-medtuned", [""]),
        ("anatem-medtuned", [""]),
        ("bc5cdr-medtuned", ["Chemical", "Disease"]),
    ],
)
def test_entities_are_counted_as_by_seqeval_and_nervaluate(
    data: Path, name: str, types: list[str]
) -> None:
    from nervaluate.evaluator import Evaluator
    from seqeval.metrics import f1_score

    chance, task, examples = random.Random(0), get_task(name), read(name)
    texts = [faulty_tags(e.output, types, chance) for e in examples]
    golds = [task.parse(e.output, e) for e in examples]
    found = [task.parse(text, e) for text, e in zip(texts, examples, strict=True)]

    def tags(text: str) -> list[str]:
        """As the tools want them: typed, and beginning with B, as our reader takes them."""
        given, before, out = [line.rpartition(" : ")[2] for line in text.split("\n")], "O", []
        for tag in given:
            mark, _, type = tag.partition("-")
            continued = mark == "I" and before == (type or "X")
            out.append("O" if mark == "O" else f"{'I' if continued else 'B'}-{type or 'X'}")
            before = "O" if mark == "O" else type or "X"
        return out

    gold_tags, found_tags = [tags(e.output) for e in examples], [tags(text) for text in texts]
    ours = value(entity_f1, golds, found)
    assert 0.3 < ours < 0.9
    assert ours == pytest.approx(f1_score(gold_tags, found_tags))
    made = Evaluator(gold_tags, found_tags, tags=[t or "X" for t in types], loader="list")
    theirs = made.evaluate()["overall"]
    assert ours == pytest.approx(theirs["strict"].f1, abs=1e-9)
    # What overlaps with its type; nervaluate lets one answer find several entities.
    assert value(overlap_f1, golds, found) == pytest.approx(theirs["ent_type"].f1, abs=0.01)
    assert value(overlap_f1, golds, found) > ours


def faulty_label(label: str, labels: tuple[str, ...], chance: random.Random) -> str:
    return chance.choice(labels) if chance.random() < 0.4 else label


@pytest.mark.parametrize(
    ("name", "labels", "negative"),
    [("ddi2013", ddi2013.LABELS, "none"), ("chemprot", chemprot.LABELS, "")],
)
def test_relations_are_counted_as_by_scikit_learn(
    data: Path, name: str, labels: tuple[str, ...], negative: str
) -> None:
    from sklearn import metrics

    chance = random.Random(0)
    golds = [e.output for e in read(name)]
    found = [faulty_label(gold, labels, chance) for gold in golds]
    assert value(accuracy, golds, found) == pytest.approx(metrics.accuracy_score(golds, found))
    macro = metrics.f1_score(golds, found, average="macro")
    assert value(macro_f1(labels), golds, found) == pytest.approx(macro)
    positive = [label for label in labels if label != negative]
    micro = metrics.f1_score(golds, found, labels=positive, average="micro")
    assert value(relation_f1(negative), golds, found) == pytest.approx(micro)


@pytest.mark.parametrize("name", ["hoc", "hoc-documents"])
def test_sets_of_labels_are_counted_as_by_scikit_learn(data: Path, name: str) -> None:
    from sklearn import metrics

    chance, task, examples = random.Random(0), get_task(name), read(name)
    golds = [task.parse(e.output, e) for e in examples]
    found = [
        tuple(label for label in hoc.LABELS if (label in gold) != (chance.random() < 0.08))
        for gold in golds
    ]

    def matrix(sets: list[tuple[str, ...]]) -> Any:
        return np.array([[label in one for label in hoc.LABELS] for one in sets])

    def theirs(average: str, undefined: float = 0.0) -> float:
        pair = matrix(golds), matrix(found)
        return float(metrics.f1_score(*pair, average=average, zero_division=undefined))

    assert value(label_f1, golds, found) == pytest.approx(theirs("micro"))
    assert value(macro_label_f1(hoc.LABELS), golds, found) == pytest.approx(theirs("macro"))
    assert value(example_f1, golds, found) == pytest.approx(theirs("samples", 1.0))
