"""Ask a model the questions of a task, parse its answers, and count the correct ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from bioinstruct.answer_text import split_thought
from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.metrics import Array, Metric
from bioinstruct.bench.models.base import Choice, Completion, Model
from bioinstruct.bench.models.fingerprint import key
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.bench.tasks.formulation import Formulation
from bioinstruct.corpora.answers.entities import Entity
from bioinstruct.corpora.bc5cdr_relations import Pair
from bioinstruct.errors import BioinstructError, ModelError
from bioinstruct.prompts import NEXT_EXAMPLE
from bioinstruct.schema import Instruction

__all__ = [
    "FLAGS",
    "MetricCounts",
    "Progress",
    "TaskResult",
    "majority",
    "pooled",
    "readouts",
    "score",
]

FLAGS = {
    "unparsed": "not readable as an answer",
    "truncated": "cut off at the length limit",
    "shortened": "to a prompt of which something was left out to fit the context",
    "skipped": "not asked, because the prompt does not fit: counted as wrong",
    "tied": "tied between choices: the first counts",
    "absent": "mentions or pairs that do not stand in the input: counted as wrong",
    "thought": "tokens of thoughts in front of the answers, which are not read",
    "left out": "not counted by this metric, which cannot; n is without them",
}
"""Counts reported with a score, so that odd answers are visible, with their labels."""

Progress = Callable[[int, int], None]
"""Called with the number of questions answered and the number of all."""


@dataclass(frozen=True, slots=True)
class MetricCounts:
    """One metric over all items of a task, by one way of reading the model."""

    metric: Metric
    how: str
    """`likelihood`, `letters` or `cloze`: the likeliest answer of a closed set; `generated`: what
    the model wrote."""
    counts: Array
    """Shape (items, counts of the metric)."""
    answers: Sequence[Any] = ()
    """What was read of each answer, None for none; of a metric of texts the text."""
    predicted: Counter[str] = field(default_factory=Counter)
    """Counts of each answer of a closed set; by A, B, C if the options differ by item."""

    @property
    def value(self) -> float:
        return float(self.metric.value(self.counts.sum(axis=0)))


@dataclass(slots=True)
class TaskResult:
    """A task's readouts, and how many answers were out of the ordinary."""

    readouts: list[MetricCounts] = field(default_factory=list)
    flags: Counter[str] = field(default_factory=Counter)
    ways: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Counts of answers by plan or engine, with the reason for a slow one."""
    written: list[str | None] = field(default_factory=list)
    """The written answers, None for what was not asked; empty where choices were scored."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The answer to each question as it is kept, with its key; empty for an encoder."""
    repeats: list[TaskResult] = field(default_factory=list)
    """The results of each seed that this one is the mean of; empty for one seed."""


def pooled(results: Sequence[TaskResult]) -> TaskResult:
    """Return the mean over seeds: the counts of an item are the mean of its counts.

    Odd answers, texts and what was read are those of the first result.
    """
    first, *others = results
    if not others:
        return first
    readouts = [
        replace(each, counts=np.mean([r.readouts[i].counts for r in results], axis=0))
        for i, each in enumerate(first.readouts)
    ]
    return replace(first, readouts=readouts, repeats=list(results))


def score(
    model: Model,
    evaluation: Evaluation,
    answers: Answers,
    *,
    progress: Progress = lambda done, of: None,
) -> TaskResult:
    """Score a model: by the likelihood of choices, or by what it writes.

    Args:
        model: what is scored.
        evaluation: what it is asked, with its examples.
        answers: what was answered before; takes every new answer.
        progress: called with the number of questions answered and the number of all.

    Raises:
        BioinstructError: there are no examples.
        ModelError: the model's likelihoods are not finite.
    """
    if not evaluation.examples:
        raise BioinstructError(f"task {evaluation.name} has no examples to score")
    if evaluation.closed:
        return _score_choices(model, evaluation, answers, progress)
    return _score_written(model, evaluation, answers, progress)


def _score_choices(
    model: Model, evaluation: Evaluation, answers: Answers, progress: Progress
) -> TaskResult:
    examples = evaluation.examples
    shown, shots = _shown(evaluation)
    options = [evaluation.options(example) for example in examples]
    forms = [("choose", *each) for each in options]
    rows = _Asked(model, evaluation.name, shown, forms, shots).answered(
        lambda at: model.choose(
            [shown[i] for i in at], choices=[options[i] for i in at], shots=shots
        ),
        answers,
        progress,
    )
    outcome = TaskResult(flags=_flags_of_choices(rows), ways=_ways_of(rows), rows=rows)
    for name, length in _ways(evaluation):
        texts = [
            _likeliest(evaluation.name, e, row, each, length)
            for e, row, each in zip(examples, rows, options, strict=True)
        ]
        predicted = _predicted_counts(texts, options)
        outcome.readouts += [
            replace(readout, predicted=predicted) for readout in readouts(evaluation, texts, name)
        ]
    return outcome


def _score_written(
    model: Model, evaluation: Evaluation, answers: Answers, progress: Progress
) -> TaskResult:
    shown, shots = _shown(evaluation)
    stop = (*evaluation.stop, *NEXT_EXAMPLE) if shots else evaluation.stop
    room = evaluation.task.max_new_tokens
    form = ("complete", room, *stop)
    rows = _Asked(model, evaluation.name, shown, [form] * len(shown), shots).answered(
        lambda at: model.complete(
            [shown[i] for i in at], max_new_tokens=room, stop=stop, shots=shots
        ),
        answers,
        progress,
    )
    written = [None if row["skipped"] else split_thought(row["text"]).answer or "" for row in rows]
    outcome = TaskResult(ways=_ways_of(rows), written=written, rows=rows)
    outcome.readouts = readouts(evaluation, written, evaluation.read_by)
    for flag in ("truncated", "shortened", "skipped"):
        outcome.flags[flag] = sum(row[flag] for row in rows)
    found = [
        None if text is None else evaluation.read(text, example)
        for text, example in zip(written, evaluation.examples, strict=True)
    ]
    outcome.flags["unparsed"] = sum(
        text is not None and answer is None for text, answer in zip(written, found, strict=True)
    )
    outcome.flags["absent"] = sum(map(_absent, found))
    outcome.flags["thought"] = sum(row.get("thought_tokens", 0) for row in rows)
    return outcome


def _absent(found: Any) -> int:
    """Count what an answer lists that is not in the input: its places are below 0."""
    if not isinstance(found, list):
        return 0
    return sum(isinstance(one, Entity | Pair) and one[0] < 0 for one in found)


def _shown(evaluation: Evaluation) -> tuple[list[Instruction], list[Instruction]]:
    """Return the examples and the worked examples as the model sees them."""
    examples = [evaluation.shown(example) for example in evaluation.examples]
    return examples, [evaluation.shown(shot) for shot in evaluation.shots]


def majority(evaluation: Evaluation, training: Sequence[Instruction] = ()) -> list[float]:
    """Return the score of the best constant answer by each metric.

    Of a closed set every label is tried: for an accuracy the best is the most common one, for the
    F1 of relations it may be another. Where answers are open it is the most common gold answer.
    The answer is chosen on the training examples, or on the scored ones where there are none.
    """
    learnt = Counter(example.output for example in training or evaluation.examples)
    scored = Counter(example.output for example in evaluation.examples)
    if not evaluation.labels:
        constant = learnt.most_common(1)[0][0]
        texts = [constant] * len(evaluation.examples)
        return [each.value for each in readouts(evaluation, texts, "")]
    known = {example.output: example for example in (*training, *evaluation.examples)}
    tried = [_constant(evaluation, known, learnt, label) for label in evaluation.labels]
    scores = [_constant(evaluation, known, scored, label) for label in evaluation.labels]
    places = [values.index(max(values)) for values in zip(*tried, strict=True)]
    return [scores[place][number] for number, place in enumerate(places)]


def _constant(
    evaluation: Evaluation, known: dict[str, Instruction], golds: Counter[str], answer: str
) -> list[float]:
    """Return what a constant answer scores by each metric on so many examples of each gold."""
    examples = tuple(known[gold] for gold in golds)
    often = np.array([*golds.values()], dtype=np.float64)
    found = readouts(replace(evaluation, examples=examples), [answer] * len(examples), "")
    return [float(each.metric.value(often @ each.counts)) for each in found]


def readouts(evaluation: Evaluation, texts: Sequence[str | None], name: str) -> list[MetricCounts]:
    """Count answers by each metric; None is an answer that was not given."""
    examples = evaluation.examples
    golds = [example.output for example in examples]
    parse = evaluation.parse if evaluation.closed else evaluation.read
    read = [_gold(evaluation, example) for example in examples]
    found = [
        None if text is None else parse(text, example)
        for text, example in zip(texts, examples, strict=True)
    ]
    return [
        MetricCounts(
            metric,
            name,
            metric.counts(golds, texts) if metric.of_texts else metric.counts(read, found),
            texts if metric.of_texts else found,
        )
        for metric in evaluation.task.metrics
    ]


def _gold(evaluation: Evaluation, example: Instruction) -> Any:
    """Return the gold; a written text is read as an answer is, so that marks around it agree."""
    gold = evaluation.parse(example.output, example)
    written = isinstance(gold, str) and not evaluation.task.choices
    return evaluation.read(example.output, example) if written else gold


_Ask = Callable[[Sequence[int]], Iterator[tuple[int, Completion | Choice]]]


class _Asked:
    """The questions of a task as they are put, under the keys of their answers."""

    def __init__(
        self,
        model: Model,
        task: str,
        shown: Sequence[Instruction],
        forms: Sequence[tuple[object, ...]],
        shots: Sequence[Instruction],
    ) -> None:
        before = [shot.id for shot in shots]
        self.ids = [example.id for example in shown]
        self.keys = [
            key(model.fingerprint, form, before, id)
            for form, id in zip(forms, self.ids, strict=True)
        ]
        self.about = {"task": task, "model": model.fingerprint}

    def answered(self, ask: _Ask, answers: Answers, progress: Progress) -> list[dict[str, Any]]:
        """Ask what is not answered yet, the same question once; a row for each question."""
        wanted = Counter(self.keys)
        missing = list({k: i for i, k in enumerate(self.keys) if k not in answers}.values())
        done = len(self.keys) - sum(wanted[self.keys[i]] for i in missing)
        progress(done, len(self.keys))
        for position, answer in ask(missing) if missing else ():
            index = missing[position]
            row = {**self.about, "example": self.ids[index], **asdict(answer)}
            answers.add(self.keys[index], row)
            done += wanted[self.keys[index]]
            progress(done, len(self.keys))
        return [{"key": k, **answers[k]} for k in self.keys]


def _predicted_counts(
    texts: Sequence[str | None], options: Sequence[Sequence[str]]
) -> Counter[str]:
    """Count the answers; accuracy does not reveal a model that always gives the same letter."""
    alike = len({tuple(each) for each in options}) == 1
    return Counter(
        text if alike else chr(ord("A") + each.index(text))
        for text, each in zip(texts, options, strict=True)
        if text is not None
    )


def _ways(evaluation: Evaluation) -> list[tuple[str, Callable[[str], int]]]:
    """Return the ways to rank choices: by what length a likelihood is divided."""
    by = evaluation.read_by
    ways: list[tuple[str, Callable[[str], int]]] = [(by, lambda choice: 1)]
    if evaluation.formulation is Formulation.CLOZE:
        ways.append((f"{by}, per character", len))
    return ways


def _likeliest(
    task: str,
    example: Instruction,
    row: dict[str, Any],
    options: Sequence[str],
    length: Callable[[str], int],
) -> str | None:
    """Return the likeliest choice, the first one of a tie, as in lm-evaluation-harness."""
    found: Sequence[float] = row["log_likelihoods"]
    if not found:
        return None  # the prompt did not fit
    if np.isnan(found).any() or not np.isfinite(max(found)):
        raise ModelError(
            f"task {task}: example {example.id} has log-likelihoods {list(found)}",
            hint="the model's weights are damaged, or overflow in its precision",
        )
    scores = [value / length(option) for value, option in zip(found, options, strict=True)]
    return options[scores.index(max(scores))]


def _ways_of(rows: Sequence[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """Count the ways recorded with the answers, so that a resumed run reports the same."""
    return Counter((row["by"], row.get("why", "")) for row in rows if row.get("by"))


def _flags_of_choices(rows: Sequence[dict[str, Any]]) -> Counter[str]:
    found = [row["log_likelihoods"] for row in rows]
    return Counter(
        shortened=sum(row["shortened"] for row in rows),
        skipped=sum(not values for values in found),
        tied=sum(bool(values) and values.count(max(values)) > 1 for values in found),
    )
