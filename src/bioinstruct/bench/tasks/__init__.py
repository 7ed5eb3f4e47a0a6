"""The tasks: each a function from a split to instructions, on the reader of its corpus."""

from __future__ import annotations

from bioinstruct.bench.tasks import classification, demo, fresh, gen, ie, qa
from bioinstruct.bench.tasks.base import Task, get_task, known_tasks
from bioinstruct.bench.tasks.evaluation_set import Evaluation, Unavailable, load_evaluations
from bioinstruct.bench.tasks.formulation import Formulation
from bioinstruct.bench.tasks.protection import Protected, protected_texts
from bioinstruct.bench.tasks.variation import Variation

__all__ = [
    "Evaluation",
    "Formulation",
    "Protected",
    "Task",
    "Unavailable",
    "Variation",
    "classification",
    "demo",
    "fresh",
    "gen",
    "get_task",
    "ie",
    "known_tasks",
    "load_evaluations",
    "protected_texts",
    "qa",
]
