from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bioinstruct import Instruction

if TYPE_CHECKING:
    from bioinstruct.bench.tasks import Evaluation, Task


def record(n: int = 0, **changes: Any) -> Instruction:
    """A valid record, different for every `n`."""
    provenance = {
        "kind": "compiled",
        "origin": "corpus",
        "license": "CC-BY-4.0",
        **changes.pop("provenance", {}),
    }
    fields: dict[str, Any] = {
        "instruction": f"Name the disease in sentence {n}.",
        "input": f"Case {n} had measles.",
        "output": "measles",
        "category": "IE",
        "task": "ner-disease",
    }
    return Instruction(**{**fields, **changes}, provenance=provenance)


def records(count: int, **changes: Any) -> list[Instruction]:
    return [record(n, **changes) for n in range(count)]


def ask(task: Task, examples: Iterable[Instruction], **how: Any) -> Evaluation:
    """An evaluation of a task on examples of the test's own."""
    from bioinstruct.bench.tasks import Evaluation

    return Evaluation(task, examples=tuple(examples), **how)
