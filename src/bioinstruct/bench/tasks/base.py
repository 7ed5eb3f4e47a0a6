"""Benchmark tasks: their questions, parsers of answers and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bioinstruct import corpora
from bioinstruct.bench.metrics import Metric
from bioinstruct.corpora.answers.labels import parse_one
from bioinstruct.errors import BioinstructError, UnknownNameError
from bioinstruct.schema import Category, Instruction

__all__ = ["Choices", "Parse", "Task", "add", "get_task", "known_tasks", "of_corpus", "task"]

Read = Callable[[str], Iterator[Instruction]]
Parse = Callable[[str, Instruction], Any]
Choices = tuple[str, ...] | Callable[[Instruction], tuple[str, ...]]
DEMONSTRATION = "demo"


@dataclass(frozen=True, slots=True)
class Task:
    """One benchmark; its examples are instructions whose output is the gold.

    How a run asks it (split, formulation, worked examples) is an `Evaluation`.
    """

    name: str
    group: Category
    """Group in the papers, which is not always the category of the instruction."""
    read: Read
    """Reads the examples of a split (train, validation, test); its docstring describes the task."""
    parse: Parse
    """Parses gold and completion alike; None when the text is no answer."""
    metrics: tuple[Metric, ...]
    """The first is the one that means of groups are of."""
    choices: Choices = ()
    """The closed set of answers, compared by likelihood, the same for all examples or each its own;
    empty when the answer is to be written."""
    max_new_tokens: int = 64
    """Maximum tokens of a generated answer."""
    corpus: str = ""
    """Source of its examples; empty for a user's own task."""
    variant: bool = False
    """True for another form of a task, or a part of one: the suite `open` leaves it out."""

    @property
    def description(self) -> str:
        return (self.read.__doc__ or "").strip().split("\n")[0]

    @property
    def demonstration(self) -> bool:
        """True for the tasks on made-up texts: they show how a run works, they prove nothing."""
        return self.corpus == DEMONSTRATION

    @property
    def labels(self) -> tuple[str, ...]:
        """The answers of a closed set that is the same for all examples; else empty."""
        return self.choices if isinstance(self.choices, tuple) else ()

    @property
    def split(self) -> str:
        """The split that is scored unless a run names another."""
        return corpora.get_corpus(self.corpus).benchmark_split if self.corpus else "test"

    @property
    def access(self) -> corpora.Access:
        """The conditions for getting its examples."""
        return corpora.get_corpus(self.corpus).access if self.corpus else corpora.Access.OPEN

    def options(self, example: Instruction) -> tuple[str, ...]:
        """Return the answers that an example can have; empty when the answer is to be written."""
        return self.choices if isinstance(self.choices, tuple) else self.choices(example)


def of_corpus(name: str, about: str, *, layout: str | None = None) -> Read:
    """Return a reader of the splits of a corpus; `about` becomes the description of the task."""

    def read(split: str) -> Iterator[Instruction]:
        return corpora.read(name, split, layout=layout)

    read.__doc__ = about
    return read


_TASKS: dict[str, Task] = {}
_GROUPS = (Category.QA, Category.IE, Category.OTHER, Category.GEN)


def add(made: Task) -> Task:
    """Make a task known by its name.

    Raises:
        BioinstructError: another task has that name, or its corpus is not known.
    """
    if made.name in _TASKS:
        raise BioinstructError(
            f"there is already a task named {made.name!r}", hint="rename one of the two"
        )
    if made.corpus and made.corpus not in corpora.names():
        raise BioinstructError(
            f"the task {made.name!r} is of the corpus {made.corpus!r}, which is not known",
            hint="register the corpus before the task, or leave `corpus` empty",
        )
    _TASKS[made.name] = made
    return made


def task(
    group: Category | str,
    *metrics: Metric,
    parse: Parse | None = None,
    choices: Choices = (),
    max_new_tokens: int = 64,
    corpus: str = "",
    variant: bool = False,
) -> Callable[[Read], Task]:
    """Make a task of a function from a split to its examples; its name is the function's.

    Without `parse`, an answer is the choice that it begins with, or else its text.
    """

    def register(read: Read) -> Task:
        return add(
            Task(
                read.__name__.replace("_", "-"),
                Category(group),
                read,
                parse or _plain_parse(choices),
                metrics,
                choices,
                max_new_tokens,
                corpus,
                variant,
            )
        )

    return register


def _plain_parse(choices: Choices) -> Parse:
    def parse(text: str, example: Instruction) -> str | None:
        known = choices if isinstance(choices, tuple) else choices(example)
        return parse_one(text, known) if known else text.strip() or None

    return parse


def get_task(name: str) -> Task:
    """Return the task of that name.

    Raises:
        UnknownNameError: there is no such task.
    """
    known = known_tasks()
    if name not in known:
        raise UnknownNameError("task", name, known)
    return known[name]


def known_tasks() -> dict[str, Task]:
    """Return all tasks by name: by group, the demonstration last, else in order of definition."""

    def place(made: Task) -> tuple[bool, int]:
        return made.demonstration, _GROUPS.index(made.group)

    return {made.name: made for made in sorted(_TASKS.values(), key=place)}
