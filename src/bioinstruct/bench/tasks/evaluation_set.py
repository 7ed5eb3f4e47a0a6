"""The examples that tasks are scored on: a sample of a split, and worked examples in front."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from bioinstruct.bench.tasks.base import Task
from bioinstruct.errors import BioinstructError, MissingError, UnknownNameError
from bioinstruct.schema import Instruction

__all__ = ["Tests", "Unavailable", "draw_shots", "load_tests", "sample", "with_shots"]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A task that was asked for and could not be run."""

    task: str
    split: str
    why: str
    how: str
    """How to get what is missing; may be empty."""


class Tests(dict[Task, list[Instruction]]):
    """The examples of each task, and the tasks that cannot be had."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.unavailable: list[Unavailable] = []


def load_tests(
    tasks: Iterable[Task], limit: int | None = None, *, must: Collection[str] | None = None
) -> Tests:
    """The examples of the split that each task is scored on.

    Args:
        tasks: what to score.
        limit: examples of each task; see `sample` for which.
        must: names of the tasks whose absence is an error; None for all of them. Of the others it
            is noted.

    Raises:
        MissingError: the corpus of a task is not there.
        UnknownNameError: a corpus has no such split.
        BioinstructError: a task has no examples.
    """
    tests = Tests()
    for task in tasks:
        try:
            examples = sample(list(task.read(task.split)), limit)
            if not examples:
                found = f"task {task.name} has no examples in its {task.split} split"
                raise BioinstructError(found)
        except BioinstructError as error:
            if must is None or task.name in must:
                raise
            tests.unavailable.append(Unavailable(task.name, task.split, str(error), error.hint))
        else:
            tests[task] = examples
    return tests


def sample(examples: Sequence[Instruction], limit: int | None) -> list[Instruction]:
    """So many of the examples, in their order: those whose ids are lowest.

    An id is a hash, so this is a random sample, always the same, and 20 are among the 100. The
    first examples of a file are no sample: corpora are sorted by document, subject or answer.
    """
    if limit is None or limit >= len(examples):
        return list(examples)
    lowest = sorted(range(len(examples)), key=lambda i: (examples[i].id, i))[:limit]
    return [examples[i] for i in sorted(lowest)]


def with_shots(tests: Tests, count: int, *, seed: int = 0, must: Collection[str] = ()) -> Tests:
    """The same tests with worked examples in front of every prompt, the same for a whole task.

    Raises:
        BioinstructError: a task that `must` be there has too few to show.
    """
    shown = Tests()
    shown.unavailable = list(tests.unavailable)
    for task, examples in tests.items():
        try:
            shots = draw_shots(task, examples, count, seed=seed)
        except BioinstructError as error:
            if task.name in must:
                raise
            why = f"no worked examples to show: {error}"
            shown.unavailable.append(Unavailable(task.name, task.split, why, error.hint))
        else:
            shown[replace(task, shots=shots)] = examples
    return shown


def draw_shots(
    task: Task, examples: Sequence[Instruction], count: int, *, seed: int = 0
) -> tuple[Instruction, ...]:
    """Worked examples from the training split, or from validation where there is none.

    They depend on the seed and on what the split holds, not on its order; five of them begin with
    the one. None asks what a test asks.

    Raises:
        MissingError: the task has too few examples outside of what is scored.
    """
    asked = {(example.instruction, example.input) for example in examples}
    inputs = {input for _, input in asked if input}
    error: BioinstructError | None = None
    for split in ("train", "validation"):
        if split == task.split:
            continue
        try:
            pool = {e.id: e for e in task.read(split)}
        except (MissingError, UnknownNameError) as missing:
            error = error or missing
            continue
        free = [
            e
            for e in pool.values()
            if (e.instruction, e.input) not in asked and e.input not in inputs
        ]
        if len(free) >= count:
            return tuple(sorted(free, key=lambda e: _place(seed, e))[:count])
        error = MissingError(f"{task.name} has {len(free)} examples in its {split} split")
    raise error or MissingError(f"{task.name} has no split to show examples of")


def _place(seed: int, example: Instruction) -> str:
    return hashlib.sha256(f"{seed} {example.id}".encode()).hexdigest()
