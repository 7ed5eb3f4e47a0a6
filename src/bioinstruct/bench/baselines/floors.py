"""The floors of a task: its score without a language model, computed once for the same data."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from bioinstruct.bench.metrics.documents import documents_of
from bioinstruct.bench.tasks.base import Task
from bioinstruct.bench.tasks.evaluation_set import Evaluation, sample
from bioinstruct.bench.tasks.fresh import FRESH
from bioinstruct.bench.tasks.protection import protected_texts
from bioinstruct.corpora.answers import multiple_choice
from bioinstruct.errors import BioinstructError, DataError
from bioinstruct.files import write_text
from bioinstruct.json_text import loads
from bioinstruct.schema import Category, Instruction

__all__ = ["Floor", "answered", "best", "floors", "names_entities", "tagged", "training_of"]

VERSION = 2
"""Raised whenever a floor is computed otherwise: older ones are then not taken from the cache."""


MOST_TO_CHOOSE_ON = 2_000
"""Training examples on which one of several methods is chosen, a sample of fixed choice."""


@dataclass(frozen=True, slots=True)
class Floor:
    """Scores of one method without a language model."""

    name: str
    scores: dict[str, float]
    """Scores by metric name; metrics of texts are left out if no text is written."""
    in_training: dict[str, float] = field(default_factory=dict)
    """The same on training examples, by which one of several methods is chosen; empty for one."""


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
    scored = {
        name: _scores(task, _golds(task, examples), answers)
        for name, answers in answered(task, training, examples)
    }
    rehearsed = _rehearsed(task, training) if len(scored) > 1 and training else {}
    found = tuple(Floor(name, scores, rehearsed.get(name, {})) for name, scores in scored.items())
    with contextlib.suppress(OSError, BioinstructError):  # without a cache it only takes longer
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [[floor.name, floor.scores, floor.in_training] for floor in found]
        write_text(path, json.dumps(rows) + "\n")
    return found


def best(found: Sequence[Floor], metric: str) -> tuple[str, float] | None:
    """Return the name and the score of the method that is best on the training examples.

    The scored items never decide which method counts. Where there is nothing to choose on, it is
    the first of the methods. None where there is none.
    """
    usable = [floor for floor in found if metric in floor.scores]
    if not usable:
        return None
    chosen = max(usable, key=lambda floor: floor.in_training.get(metric, -math.inf))
    return chosen.name, chosen.scores[metric]


def training_of(evaluation: Evaluation) -> tuple[list[Instruction], str]:
    """Return the training examples that repeat no text of the scored split.

    The whole split is protected, whatever part of it a run asks.

    Returns:
        The examples, and why there are none.
    """
    task = evaluation.task
    try:
        examples = list(task.read("train"))
        overlaps = protected_texts([evaluation]).contaminated(exact=True).find_all(examples)
    except BioinstructError as error:
        return [], f"no training data: {error}"
    found = [e for e, overlap in zip(examples, overlaps, strict=True) if overlap is None]
    return found, "" if found else "no training data but what is asked"


def _golds(task: Task, examples: Sequence[Instruction]) -> list[Any]:
    return [task.parse(example.output, example) for example in examples]


def _rehearsed(task: Task, training: Sequence[Instruction]) -> dict[str, dict[str, float]]:
    """Return what each method scores on training examples, fitted on the documents of the others.

    By two-fold cross-validation over documents, the folds' answers counted together.
    """
    chosen = sample(training, MOST_TO_CHOOSE_ON)
    documents = documents_of(chosen)
    fold = {name: place % 2 for place, name in enumerate(sorted(set(documents)))}
    halves = [[e for e, d in zip(chosen, documents, strict=True) if fold[d] == i] for i in (0, 1)]
    if not all(halves):
        return {}
    given: dict[str, list[Any]] = defaultdict(list)
    for fitted, asked in (halves, halves[::-1]):
        for name, answers in answered(task, fitted, asked):
            given[name] += answers
    golds = _golds(task, [*halves[1], *halves[0]])
    return {
        name: _scores(task, golds, answers)
        for name, answers in given.items()
        if len(answers) == len(golds)
    }


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


def answered(task: Task, training: Sequence[Instruction], asked: Sequence[Instruction]) -> Answers:
    """Yield what each method for a task answers, fitted on the training examples."""
    names = {metric.name for metric in task.metrics}
    if names_entities(task):
        if training:
            known = Lookup.fit(tagged(task, training))
            yield "look-up", [known.predict(e.input.split(" ")) for e in asked]
    elif task.name in FRESH and task.group is not Category.GEN:
        yield "most frequent of its kind", _of_kinds(task, training, asked)
    elif "Pearson r" in names:
        yield "shared words", [_likeness(e.input) for e in asked]
    elif "label F1" in names:
        yield from _of_sets(task, training, asked)
    elif _has_options(task, asked):
        yield from _of_options(task, training, asked)
    elif task.labels:
        yield from _of_labels(task, training, asked)
    elif task.group is Category.GEN:
        for name, size in COPIES.items():
            yield name, [copy(text, size) for text in _inputs(asked)]


def _of_kinds(
    task: Task, training: Sequence[Instruction], asked: Sequence[Instruction]
) -> list[Any]:
    """Return for each example the answer that its kind of record most often has in training."""
    outputs: dict[str, Counter[str]] = defaultdict(Counter)
    for example in training:
        outputs[example.task][example.output] += 1
    known = {kind: counts.most_common(1)[0][0] for kind, counts in outputs.items()}
    return [task.parse(known[e.task], e) if e.task in known else None for e in asked]


def _of_sets(task: Task, training: Sequence[Instruction], asked: Sequence[Instruction]) -> Answers:
    if training:
        golds = [task.parse(e.output, e) or () for e in training]
        yield "bag of words", classify_sets(_inputs(training), golds, _inputs(asked))


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
        rows = loads(path.read_text(encoding="utf-8"))
        return tuple(Floor(str(name), _numbers(s), _numbers(t)) for name, s, t in rows)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _numbers(scores: dict[str, Any]) -> dict[str, float]:
    return {name: float(score) for name, score in scores.items()}
