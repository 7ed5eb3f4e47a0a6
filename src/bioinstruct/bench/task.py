"""What a benchmark task is: examples, how an answer is read, and what is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bioinstruct.bench.metrics import Metric
from bioinstruct.errors import UnknownNameError
from bioinstruct.schema import Category, Instruction

__all__ = ["Task", "get_task", "known_tasks", "task"]

Read = Callable[[str], Iterator[Instruction]]
Parse = Callable[[str, Instruction], Any]


@dataclass(frozen=True, slots=True)
class Task:
    """One benchmark; its examples are instructions whose output is the gold."""

    name: str
    group: Category
    read: Read
    """The examples of a split (train, validation, test)."""
    parse: Parse
    """Reads gold and completion alike; None when the text cannot be read as an answer."""
    metrics: tuple[Metric, ...]
    choices: tuple[str, ...] = ()
    """The closed set of answers, compared by likelihood; empty when the answer is open."""
    max_new_tokens: int = 64
    demonstration: bool = False
    """True for the tasks that ship with the package: they show the road, they prove nothing."""

    @property
    def description(self) -> str:
        return (self.read.__doc__ or "").strip().split("\n")[0]


_TASKS: dict[str, Task] = {}


def task(
    group: Category,
    *metrics: Metric,
    parse: Parse,
    choices: tuple[str, ...] = (),
    max_new_tokens: int = 64,
    demonstration: bool = False,
) -> Callable[[Read], Task]:
    """Make a task of a function from a split to its examples; its name is the function's."""

    def register(read: Read) -> Task:
        name = read.__name__.replace("_", "-")
        made = Task(name, group, read, parse, metrics, choices, max_new_tokens, demonstration)
        if name in _TASKS:
            raise ValueError(f"two tasks are named {name!r}")
        _TASKS[name] = made
        return made

    return register


def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        UnknownNameError: there is none.
    """
    known = known_tasks()
    if name not in known:
        raise UnknownNameError("task", name, known)
    return known[name]


def known_tasks() -> dict[str, Task]:
    """All tasks by name, in the order in which they are defined."""
    return dict(_TASKS)
