"""The floors of a task: its score without a language model, computed once for the same data."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bioinstruct import corpora
from bioinstruct.bench.baselines.bag_of_words import (
    classify,
    classify_sets,
    options_only,
    overlap,
)
from bioinstruct.bench.baselines.copying import COPIES, copy
from bioinstruct.bench.baselines.lookup import Lookup, Tagged
from bioinstruct.bench.tasks.base import Task
from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.errors import BioinstructError, DataError
from bioinstruct.files import write_text
from bioinstruct.schema import Category, Instruction

__all__ = ["Floor", "best", "floors", "names_entities", "tagged", "training_of"]

VERSION = 1
"""Raised whenever a floor is computed otherwise: older ones are then not taken from the cache."""


@dataclass(frozen=True, slots=True)
class Floor:
    """Scores of one method without a language model."""

    name: str
    scores: dict[str, float]
    """Scores by metric name; metrics of texts are left out if no text is written."""


def floors(
    task: Task,
    examples: Sequence[Instruction],
    training: Sequence[Instruction],
    *,
    cache: Path | None = None,
) -> tuple[Floor, ...]:
    """Return the floors of a task on these examples, from the cache where they are known.

    Args:
        task: the task.
        examples: those that a model is scored on.
        training: what may be learnt from; see `training_of`.
        cache: folder of computed floors; None for `floors` next to the fetched corpora.
    """
    cache = cache or corpora.cache_directory().parent / "floors"
    path = cache / f"{_key(task, training, examples)}.json"
    if (known := _known(path)) is not None:
        return known
    golds = [task.parse(example.output, example) for example in examples]
    found = tuple(
        Floor(name, _scores(task, golds, answers))
        for name, answers in _answers(task, training, examples)
    )
    with contextlib.suppress(OSError, BioinstructError):  # without a cache it only takes longer
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps([[floor.name, floor.scores] for floor in found]) + "\n")
    return found


def best(found: Sequence[Floor], metric: str) -> tuple[str, float] | None:
    """Return the name and the score of the best floor by a metric; None where there is none."""
    scores = [(floor.scores[metric], floor.name) for floor in found if metric in floor.scores]
    if not scores:
        return None
    score, name = max(scores, key=lambda each: each[0])
    return name, score


def training_of(task: Task, examples: Sequence[Instruction]) -> tuple[list[Instruction], str]:
    """Return the training examples of a task whose inputs are not asked, and why there are none."""
    asked = {(e.input or e.instruction) for e in examples}
    try:
        found = [e for e in task.read("train") if (e.input or e.instruction) not in asked]
    except BioinstructError as error:
        return [], f"no training data: {error}"
    return found, "" if found else "no training data but what is asked"


def names_entities(task: Task) -> bool:
    """Return whether the answers of a task are entities by their places."""
    return any(metric.name == "entity F1" for metric in task.metrics)


def tagged(task: Task, examples: Sequence[Instruction]) -> list[Tagged]:
    """Return the words and gold entities of examples of a task that names entities."""
    return [
        Tagged(
            tuple(example.input.split(" ")),
            tuple(task.parse(example.output, example)),
            example.provenance.document or example.id,
        )
        for example in examples
    ]


Answers = Iterator[tuple[str, list[Any]]]
"""The name of a floor, and an answer to each example in the form of the task's `parse`."""


def _answers(task: Task, training: Sequence[Instruction], asked: Sequence[Instruction]) -> Answers:
    names = {metric.name for metric in task.metrics}
    if names_entities(task):
        if training:
            known = Lookup.fit(tagged(task, training))
            yield "look-up", [known.predict(e.input.split(" ")) for e in asked]
    elif "Pearson r" in names:
        yield "shared words", [_likeness(e.input) for e in asked]
    elif "label F1" in names:
        if training:
            golds = [task.parse(e.output, e) or () for e in training]
            yield "bag of words", classify_sets(_inputs(training), golds, _inputs(asked))
    elif _has_options(task, asked):
        yield from _of_options(task, training, asked)
    elif task.labels:
        yield from _of_labels(task, training, asked)
    elif task.group is Category.GEN:
        yield _best_copy(task, asked)


def _of_labels(
    task: Task, training: Sequence[Instruction], asked: Sequence[Instruction]
) -> Answers:
    if not training:
        return
    golds = [str(task.parse(e.output, e)) for e in training]
    yield "bag of words", classify(_inputs(training), golds, _inputs(asked))
    questions = [_question(e.input) for e in training]
    if all(questions):
        yield (
            "question only",
            classify(list(map(str, questions)), golds, [_question(e.input) or "" for e in asked]),
        )


def _of_options(
    task: Task, training: Sequence[Instruction], asked: Sequence[Instruction]
) -> Answers:
    if not training:
        return
    read = [multiple_choice.read(e.input) for e in training]
    given = [multiple_choice.read(e.input) for e in asked]
    letters = [str(multiple_choice.parse_letter(e.output, r[1])) for e, r in _zip(training, read)]
    yield "question only", classify([q for q, _ in read], letters, [q for q, _ in given])
    places = [multiple_choice.LETTERS.index(letter) for letter in letters]
    chosen = options_only([o for _, o in read], places, [o for _, o in given])
    yield "options only", [multiple_choice.LETTERS[place] for place in chosen]


def _best_copy(task: Task, asked: Sequence[Instruction]) -> tuple[str, list[Any]]:
    """Return the copy that scores best by the task's first metric."""
    golds = [task.parse(example.output, example) for example in asked]
    tried = {n: [copy(text, size) for text in _inputs(asked)] for n, size in COPIES.items()}
    first = task.metrics[0]
    score = {n: float(first.value(first.counts(golds, t).sum(axis=0))) for n, t in tried.items()}
    name = max(tried, key=lambda n: score[n])
    return name, tried[name]


def _zip(one: Sequence[Any], other: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    return zip(one, other, strict=True)


def _has_options(task: Task, asked: Sequence[Instruction]) -> bool:
    if task.labels or task.group is Category.GEN:
        return False
    try:
        return all(len(multiple_choice.read(e.input)[1]) > 1 for e in asked[:20])
    except (ValueError, DataError):
        return False


def _inputs(examples: Sequence[Instruction]) -> list[str]:
    return [example.input or example.instruction for example in examples]


def _question(text: str) -> str | None:
    """Return the question of an input that has one behind its context."""
    _, mark, question = text.rpartition("\nQuestion: ")
    return question if mark else None


def _likeness(text: str) -> float:
    lines = [line.partition(": ")[2] for line in text.split("\n")]
    return overlap(lines[0], lines[-1])


def _scores(task: Task, golds: Sequence[Any], answers: Sequence[Any]) -> dict[str, float]:
    return {
        metric.name: float(metric.value(metric.counts(golds, answers).sum(axis=0)))
        for metric in task.metrics
        if not metric.of_texts
    }


def _key(task: Task, training: Sequence[Instruction], asked: Sequence[Instruction]) -> str:
    about = [VERSION, task.name, [metric.name for metric in task.metrics]]
    ids = [[(e.id, e.provenance.document) for e in training], [e.id for e in asked]]
    return hashlib.sha256(json.dumps([about, ids]).encode()).hexdigest()[:24]


def _known(path: Path) -> tuple[Floor, ...] | None:
    """Return the floors that a file holds; None where it holds none that can be read."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return tuple(Floor(str(name), {k: float(v) for k, v in s.items()}) for name, s in rows)
    except (OSError, ValueError, TypeError, AttributeError):
        return None
