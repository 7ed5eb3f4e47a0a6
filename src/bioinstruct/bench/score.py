"""Ask a model a task's questions, read its answers, and count what is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from bioinstruct.bench.answers import Answers, key
from bioinstruct.bench.metrics import Array, Metric
from bioinstruct.bench.model import Choice, Completion
from bioinstruct.bench.task import Task
from bioinstruct.errors import BioinstructError, ModelError
from bioinstruct.schema import Instruction

__all__ = ["FLAGS", "Model", "Outcome", "Progress", "Readout", "majority", "score"]

FLAGS = {
    "unparsed": "not readable as an answer",
    "truncated": "cut off at the length limit",
    "shortened": "to an input shortened to fit the context",
    "skipped": "not asked, because the prompt does not fit: counted as wrong",
    "tied": "tied between choices: the first counts",
}
"""What is counted beside a score, so that no odd answer is silent, and how it is told."""

Progress = Callable[[int, int], None]
"""Called with the number of questions answered and the number of all."""


class Model(Protocol):
    """What can be scored: it completes prompts, and says how likely given answers are."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same question could get another answer."""

    def complete(
        self,
        examples: Sequence[Instruction],
        *,
        max_new_tokens: int,
        stop: Sequence[str] = (),
        shots: Sequence[Instruction] = (),
    ) -> Iterator[tuple[int, Completion]]:
        """A completion of each prompt, up to the first string of `stop`, behind worked examples."""

    def choose(
        self,
        examples: Sequence[Instruction],
        *,
        choices: Sequence[Sequence[str]],
        shots: Sequence[Instruction] = (),
    ) -> Iterator[tuple[int, Choice]]:
        """How likely each of an example's own answers is, behind the same worked examples."""


@dataclass(frozen=True, slots=True)
class Readout:
    """One metric over all items of a task, by one way of reading the model."""

    metric: Metric
    how: str
    """`likelihood`: the likeliest of the task's choices; `generated`: what the model wrote."""
    counts: Array
    """Shape (items, counts of the metric)."""

    @property
    def value(self) -> float:
        return float(self.metric.value(self.counts.sum(axis=0)))


@dataclass(slots=True)
class Outcome:
    """A task's readouts, and how many answers were out of the ordinary."""

    readouts: list[Readout] = field(default_factory=list)
    flags: Counter[str] = field(default_factory=Counter)


def score(
    model: Model,
    task: Task,
    examples: Sequence[Instruction],
    answers: Answers,
    *,
    progress: Progress = lambda done, of: None,
) -> Outcome:
    """Score a model on examples of a task.

    A task with choices is read twice: by the likelihood of each choice, and by what is generated.

    Raises:
        BioinstructError: there are no examples.
        ModelError: the model's likelihoods are no numbers.
    """
    if not examples:
        raise BioinstructError(f"task {task.name} has no examples to score")
    outcome = Outcome()
    of = len(examples) * (2 if task.choices else 1)

    def ask(form: tuple[object, ...], asked: _Ask) -> list[dict[str, Any]]:
        done = of - len(examples) if form[0] == "complete" else 0
        keys = [key(model.fingerprint, form, example.id) for example in examples]
        about = {"task": task.name, "model": model.fingerprint}
        for n in _answer(examples, keys, answers, asked, about):
            progress(done + n, of)
        return [answers[k] for k in keys]

    if task.choices:
        rows = ask(
            ("choose", *task.choices),
            lambda missing: model.choose(missing, choices=[task.choices] * len(missing)),
        )
        chosen = [
            _likeliest(task, e, row, outcome.flags) for e, row in zip(examples, rows, strict=True)
        ]
        outcome.readouts += _readouts(task, examples, chosen, "likelihood")
    rows = ask(
        ("complete", task.max_new_tokens),
        lambda missing: model.complete(missing, max_new_tokens=task.max_new_tokens),
    )
    written = [_written(task, e, row, outcome.flags) for e, row in zip(examples, rows, strict=True)]
    outcome.readouts += _readouts(task, examples, written, "generated")
    return outcome


def majority(task: Task, examples: Sequence[Instruction]) -> list[float]:
    """For each metric, the score of giving the most common gold answer to every item."""
    constant = Counter(example.output for example in examples).most_common(1)[0][0]
    predictions = [task.parse(constant, example) for example in examples]
    return [readout.value for readout in _readouts(task, examples, predictions, "generated")]


_Ask = Callable[[Sequence[Instruction]], Iterator[tuple[int, Completion | Choice]]]


def _answer(
    examples: Sequence[Instruction],
    keys: Sequence[str],
    answers: Answers,
    ask: _Ask,
    about: dict[str, str],
) -> Iterator[int]:
    """Ask what is not answered yet, and yield how many are."""
    wanted = Counter(keys)  # an example that a task has twice is asked once
    missing = list({k: i for i, k in enumerate(keys) if k not in answers}.values())
    done = len(examples) - sum(wanted[keys[i]] for i in missing)
    yield done
    for position, answer in ask([examples[i] for i in missing]):
        index = missing[position]
        answers.add(keys[index], {**about, "example": examples[index].id, **asdict(answer)})
        done += wanted[keys[index]]
        yield done


def _readouts(
    task: Task, examples: Sequence[Instruction], predictions: list[Any], how: str
) -> list[Readout]:
    golds = [task.parse(example.output, example) for example in examples]
    pairs = list(zip(golds, predictions, strict=True))
    return [
        Readout(metric, how, np.array([metric.count(g, p) for g, p in pairs], dtype=np.float64))
        for metric in task.metrics
    ]


def _likeliest(
    task: Task, example: Instruction, row: dict[str, Any], flags: Counter[str]
) -> object | None:
    """The likeliest choice, parsed; the first of those that tie, as in lm-evaluation-harness."""
    scores: Sequence[float] = row["log_likelihoods"]
    if not scores:
        return None  # skipped: counted where the same prompt is completed
    best = max(scores)
    if np.isnan(scores).any() or not np.isfinite(best):
        raise ModelError(
            f"task {task.name}: example {example.id} has log-likelihoods {list(scores)}",
            hint="the model's weights are damaged, or overflow in its precision",
        )
    flags["tied"] += scores.count(best) > 1
    parsed: object | None = task.parse(task.choices[scores.index(best)], example)
    return parsed


def _written(
    task: Task, example: Instruction, row: dict[str, Any], flags: Counter[str]
) -> object | None:
    for flag in ("truncated", "shortened", "skipped"):
        flags[flag] += row[flag]
    if row["skipped"]:
        return None
    parsed: object | None = task.parse(row["text"], example)
    flags["unparsed"] += parsed is None
    return parsed
