"""Suites: names for several tasks at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bioinstruct import corpora
from bioinstruct.bench.tasks.base import Task, known_tasks
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.bench.tasks.fresh import FRESH
from bioinstruct.corpora import Access
from bioinstruct.errors import UnknownNameError

__all__ = ["SUITES", "expand"]

BIOINSTRUCT_9 = (
    *("medqa", "medmcqa", "pubmedqa", "bioasq-yes-no"),
    *("medication-status", "coreference"),
    *("mts-dialog", "icd-description", "healthcaremagic"),
)
"""The nine tasks in the three groups of the BioInstruct paper, as far as they are known: the names
of its generation tasks are from memory, and its GEN score is a judge's, not ROUGE."""

MEDTUNED = (
    *("ncbi-disease-medtuned", "bc5cdr-disease-medtuned", "bc5cdr-chemical-medtuned"),
    *("bc2gm-medtuned", "jnlpba-gene-medtuned", "i2b2-2012-medtuned"),
    *("i2b2-2010-medtuned", "gad", "medical-inference", "hoc-medtuned"),
)
"""The tasks that Llama2-MedTuned was scored on, in its layouts."""


def _medtuned() -> list[Evaluation]:
    """Score each on its development set, where it has one, and on its test set."""
    known = known_tasks()
    return [
        Evaluation(known[name], split)
        for name in MEDTUNED
        for split in ("validation", "test")
        if split in corpora.get_corpus(known[name].corpus).splits
    ]


def _open() -> list[Evaluation]:
    """Score all that needs no credentials, each corpus in its first form only."""
    return [
        Evaluation(task)
        for task in known_tasks().values()
        if task.corpus and not (task.demonstration or task.variant) and task.access is Access.OPEN
    ]


SUITES: dict[str, Callable[[], list[Evaluation]]] = {
    "bioinstruct-9": lambda: [Evaluation(known_tasks()[name]) for name in BIOINSTRUCT_9],
    "medtuned": _medtuned,
    "open": _open,
    "fresh": lambda: [Evaluation(known_tasks()[name]) for name in FRESH],
    "demo": lambda: [Evaluation(task) for task in known_tasks().values() if task.demonstration],
}
ABOUT = {
    "bioinstruct-9": "the nine tasks of the BioInstruct paper: QA, IE and GEN",
    "medtuned": "the tasks of Llama2-MedTuned, on development and test",
    "open": "all that runs without credentials, each corpus once",
    "fresh": "computed answers, made anew for each --seed",
    "demo": "the demonstration that ships with the package",
}


def expand(names: Iterable[str | Task | Evaluation]) -> list[Evaluation]:
    """Return what these names of tasks and suites score, each once, in the order of the names.

    Args:
        names: names, tasks or evaluations.

    Returns:
        Evaluations without examples, except those passed as evaluations.

    Raises:
        UnknownNameError: there is no such task or suite.
    """
    known = known_tasks()
    found: dict[Evaluation, None] = {}
    for name in names:
        if isinstance(name, Evaluation):
            found[name] = None
        elif isinstance(name, Task):
            found[Evaluation(name)] = None
        elif name in known:
            found[Evaluation(known[name])] = None
        elif name in SUITES:
            found |= dict.fromkeys(SUITES[name]())
        else:
            raise UnknownNameError("task or suite", name, [*known, *SUITES])
    return list(found)
