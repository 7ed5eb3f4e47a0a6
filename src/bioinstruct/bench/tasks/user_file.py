"""A user's own task: a Python file that defines one, or a file of records and a metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bioinstruct.bench.metrics import accuracy, entity_f1, get_metric
from bioinstruct.bench.tasks.base import Task, add, known_tasks
from bioinstruct.corpora.answers import entities
from bioinstruct.corpora.answers.labels import parse_one
from bioinstruct.corpora.user_file import run_python_file
from bioinstruct.dataset.load import read_examples
from bioinstruct.errors import BioinstructError, MissingError, UnknownNameError
from bioinstruct.schema import Instruction

__all__ = ["load_task_file"]

FEW = 10
"""At most so many different outputs are taken for a closed set of answers."""
EACH = 5
"""Records that there must be for each of them."""
_LOADED: dict[Path, tuple[bytes, list[Task]]] = {}
"""Content and tasks of each Python file, so that a file can be named more than once."""


def load_task_file(path: Path, metrics: Sequence[str] = ()) -> list[Task]:
    """Load and register the tasks that a file defines; a Python file that is unchanged runs once.

    Args:
        path: a Python file with functions under `@task`, or records in JSON Lines.
        metrics: for records, the names of the metrics to count by.

    Raises:
        MissingError: there is no such file.
        BioinstructError: it cannot be run, or it defines no task.
        DataError: a record is wrong.
    """
    if not path.is_file():
        raise MissingError(f"no file {path}")
    if path.suffix != ".py":
        return [add(_of_records(path, metrics))]
    before, content = known_tasks(), path.read_bytes()
    loaded, tasks = _LOADED.get(path.resolve(), (b"", []))
    if tasks and content == loaded and all(before.get(task.name) is task for task in tasks):
        return list(tasks)
    run_python_file(path)
    found = [task for name, task in known_tasks().items() if name not in before]
    _LOADED[path.resolve()] = content, found
    if not found:
        raise BioinstructError(
            f"{path} defines no task", hint="put @task(...) above a function; see docs/tasks.md"
        )
    return found


def _of_records(path: Path, metrics: Sequence[str]) -> Task:
    if not metrics:
        raise BioinstructError(
            f"{path} has records, but nothing says how answers are counted",
            hint="name a metric with --metric, such as accuracy, rougeL or entity-f1",
        )
    if path.stem in known_tasks():
        raise BioinstructError(
            f"{path} would be a task {path.stem!r}, and there is one of that name",
            hint="give the file another name",
        )
    counted = tuple(get_metric(name) for name in metrics)
    records = list(read_examples(str(path)))
    if not records:
        raise BioinstructError(f"{path} has no records")
    golds = Counter(record.output for record in records)
    closed = 1 < len(golds) <= FEW and len(records) >= EACH * len(golds)
    labels = tuple(sorted(golds)) if accuracy in counted and closed else ()

    def read(split: str) -> Iterator[Instruction]:
        if split != "test":
            raise UnknownNameError(f"split of {path.name}", split, ["test"])
        return iter(records)

    read.__doc__ = f"{len(records):,} records of {path.name}."
    [(group, _)] = Counter(record.category for record in records).most_common(1)
    longest = max(len(gold.split()) for gold in golds)
    room = min(1024, 16 + 2 * longest)
    return Task(path.stem, group, read, _parse(counted, labels, records), counted, labels, room)


def _parse(
    metrics: Sequence[object], labels: tuple[str, ...], records: Sequence[Instruction]
) -> Callable[[str, Instruction], Any]:
    """Return the parser of answers for these metrics."""
    if entity_f1 in metrics:
        typed = all(" | " in r.output for r in records if r.output != "none")
        return lambda text, e: (
            entities.parse("mentions", text, e.input.split(" "), typed=typed)
            if entities.is_answer("mentions", text)
            else None
        )
    if labels:
        return lambda text, example: parse_one(text, labels)
    if accuracy in metrics:
        return lambda text, example: " ".join(text.casefold().split()).rstrip(".") or None
    return lambda text, example: text.strip() or None
