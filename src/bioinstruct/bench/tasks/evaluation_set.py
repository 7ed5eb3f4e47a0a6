"""Choose the examples, formulation and few-shot examples with which a run asks each task."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bioinstruct.answer_text import unwrap
from bioinstruct.bench.metrics.documents import documents_of
from bioinstruct.bench.tasks.base import Task
from bioinstruct.bench.tasks.formulation import (
    ALIASES,
    Formulation,
    letters,
    option_texts,
    parse_option,
    without_options,
)
from bioinstruct.bench.tasks.variation import Variant, Variation, in_order, reworded
from bioinstruct.errors import BioinstructError, MissingError, UnknownNameError
from bioinstruct.schema import Instruction

__all__ = [
    "Evaluation",
    "Unavailable",
    "draw_shots",
    "load_evaluations",
    "sample",
    "varied",
    "with_shots",
]


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A task that was asked for and cannot be run."""

    task: str
    split: str
    why: str
    how: str
    """How to get the missing corpus; may be empty."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One task as a run asks it.

    Two of them are the same where task, split, formulation and examples are.
    """

    task: Task
    split: str = ""
    """The split that is scored; by default the one that the task names."""
    formulation: Formulation = Formulation.MULTIPLE_CHOICE
    """Becomes the one that the task allows: without options it is free-form, and where the options
    are the same for all examples there is no cloze."""
    shots: tuple[Instruction, ...] = field(default=(), hash=False)
    """Worked examples in front of every prompt."""
    examples: tuple[Instruction, ...] = field(default=(), hash=False)
    """The examples that are asked, in their order; `load_evaluations` reads them."""
    stop: tuple[str, ...] = ()
    """Strings that end a written answer."""
    variants: tuple[Variant, ...] = field(default=(), hash=False)
    """The form in which each example asks its item; empty where each item is asked once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "split", self.split or self.task.split)
        if not self.task.choices:
            object.__setattr__(self, "formulation", Formulation.FREE_FORM)
        elif self.formulation is Formulation.CLOZE and self.task.choices is not letters:
            object.__setattr__(self, "formulation", Formulation.MULTIPLE_CHOICE)

    @property
    def name(self) -> str:
        """The name of the task."""
        return self.task.name

    @property
    def closed(self) -> bool:
        """Whether the likelihoods of given answers are compared; else the model writes one."""
        return self.formulation is not Formulation.FREE_FORM

    @property
    def usual(self) -> bool:
        """Whether the formulation is the default of its task."""
        return self.formulation is Evaluation(self.task, self.split).formulation

    @property
    def firsts(self) -> list[int]:
        """The places of the examples that are the first form of their item."""
        asked = (variant.item for variant in self.variants)
        return list(dict.fromkeys(asked) if self.variants else range(len(self.examples)))

    @property
    def items(self) -> list[Instruction]:
        """The examples without further orders and wordings of the same item."""
        return [self.examples[place] for place in self.firsts]

    @property
    def documents(self) -> list[str]:
        """The document of each example; all that ask one item are of one document."""
        asked = [self.examples[v.item] for v in self.variants] or self.examples
        return documents_of(asked)

    @property
    def variation(self) -> Variation:
        """The most orders and wordings that an item is asked in."""
        orders = max((v.order for v in self.variants), default=0)
        return Variation(orders + 1, max((v.wording for v in self.variants), default=0) + 1)

    @property
    def labels(self) -> tuple[str, ...]:
        """The answers of a closed set that is the same for all examples; else empty."""
        return self.task.labels if self.closed else ()

    @property
    def read_by(self) -> str:
        """Method of reading the answer in reports: letters, likelihood, cloze or generated."""
        if self.formulation is Formulation.MULTIPLE_CHOICE and self.task.choices is not letters:
            return "likelihood"
        return _name_of(self.formulation)

    @property
    def form(self) -> str:
        """The formulation as reports name it; empty for the usual one."""
        return "" if self.usual else _name_of(self.formulation)

    def options(self, example: Instruction) -> tuple[str, ...]:
        """Return the answers whose likelihoods are compared; empty where the model writes."""
        if self.formulation is Formulation.CLOZE:
            return option_texts(example)
        return self.task.options(example) if self.closed else ()

    def read(self, text: str, example: Instruction) -> Any:
        """Parse what a model wrote, without what stands around its answer (`unwrap`).

        Nothing is no answer, whatever the task's parser makes of it.
        """
        bare = unwrap(text)
        return self.parse(bare, example) if bare else None

    def parse(self, text: str, example: Instruction) -> Any:
        """Parse a gold or a bare answer; return None for a text that is no answer."""
        if self.formulation is Formulation.CLOZE:
            return parse_option(text, example)
        return self.task.parse(text, example)

    def shown(self, example: Instruction) -> Instruction:
        """Return the example as the model sees it."""
        return without_options(example) if self.formulation is Formulation.CLOZE else example


def _name_of(formulation: Formulation) -> str:
    """Return the name of a formulation in reports."""
    return next((name for name, one in ALIASES.items() if one is formulation), formulation.value)


def load_evaluations(
    planned: Iterable[Task | Evaluation],
    limit: int | None = None,
    *,
    must: Collection[str] | None = None,
) -> tuple[list[Evaluation], list[Unavailable]]:
    """Read the examples of the split that each task is scored on.

    Args:
        planned: tasks, or evaluations without examples.
        limit: examples of each task; see `sample` for which.
        must: names of the tasks whose absence is an error; None for all of them.

    Returns:
        The evaluations with their examples, each once, and the tasks that cannot be run.

    Raises:
        MissingError: the corpus of a task that must be there is not.
        UnknownNameError: the corpus does not have that split.
        BioinstructError: the task has no examples.
    """
    loaded: list[Evaluation] = []
    unavailable: list[Unavailable] = []
    for one in planned:
        evaluation = one if isinstance(one, Evaluation) else Evaluation(one)
        task, split = evaluation.task, evaluation.split
        try:
            examples = sample(list(task.read(split)), limit)
            if not examples:
                raise BioinstructError(f"task {task.name} has no examples in its {split} split")
        except BioinstructError as error:
            if must is None or task.name in must:
                raise
            unavailable.append(Unavailable(task.name, split, str(error), error.hint))
        else:
            loaded.append(replace(evaluation, examples=tuple(examples)))
    return loaded, unavailable


def varied(evaluation: Evaluation, variation: Variation) -> Evaluation:
    """Return an evaluation that asks each of its items in several orders and wordings.

    Only a question with options of its own that shows them has orders, and a cloze has neither
    orders nor wordings. With both, each wording is asked in the usual order, and each order in the
    first wording.

    Raises:
        BioinstructError: the corpus cannot be read in other wordings.
    """
    task, examples = evaluation.task, evaluation.examples
    if evaluation.formulation is Formulation.CLOZE or variation == Variation():
        return evaluation
    worded = [[example] for example in examples]
    if variation.wordings > 1:
        worded = reworded(task.read, evaluation.split, examples, variation.wordings)
    orders = variation.orders if task.choices is letters else 1
    asked: list[Instruction] = []
    variants: list[Variant] = []
    for wordings in worded:
        item = len(asked)
        asked += wordings
        variants += [Variant(item, 0, number) for number in range(len(wordings))]
        most = min(orders, len(letters(wordings[0]))) if orders > 1 else 1
        asked += [in_order(wordings[0], places) for places in range(1, most)]
        variants += [Variant(item, places) for places in range(1, most)]
    return replace(evaluation, examples=tuple(asked), variants=tuple(variants))


def sample(examples: Sequence[Instruction], limit: int | None) -> list[Instruction]:
    """Return at most `limit` of the examples, in their order: those whose ids are lowest.

    An id is a hash, so this is a random sample, always the same, and 20 are among the 100. The
    first examples of a file are no sample: corpora are sorted by document, subject or answer.
    """
    if limit is None or limit >= len(examples):
        return list(examples)
    lowest = sorted(range(len(examples)), key=lambda i: (examples[i].id, i))[:limit]
    return [examples[i] for i in sorted(lowest)]


def with_shots(
    evaluations: Iterable[Evaluation], count: int, *, seed: int = 0, must: Collection[str] = ()
) -> tuple[list[Evaluation], list[Unavailable]]:
    """Put worked examples in front of every prompt, the same for a whole task.

    Returns:
        The evaluations with their worked examples, and the tasks that have too few.

    Raises:
        BioinstructError: a task that `must` be there has too few.
    """
    shown: list[Evaluation] = []
    unavailable: list[Unavailable] = []
    for one in evaluations:
        try:
            shots = draw_shots(one, count, seed=seed)
        except BioinstructError as error:
            if one.name in must:
                raise
            why = f"no worked examples to show: {error}"
            unavailable.append(Unavailable(one.name, one.split, why, error.hint))
        else:
            shown.append(replace(one, shots=shots))
    return shown, unavailable


def draw_shots(evaluation: Evaluation, count: int, *, seed: int = 0) -> tuple[Instruction, ...]:
    """Draw worked examples from the training split, or from validation where there is none.

    They depend on the seed and on what the splits hold, not on their order or on the limit of a
    run; five of them begin with the one. None asks what the scored split asks.

    Raises:
        MissingError: the task has too few examples besides the scored ones.
    """
    task, scored = evaluation.task, [*evaluation.examples]
    scored += task.read(evaluation.split)
    asked = {(example.instruction, example.input) for example in scored}
    inputs = {input for _, input in asked if input}
    error: BioinstructError | None = None
    for split in ("train", "validation"):
        if split == evaluation.split:
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
