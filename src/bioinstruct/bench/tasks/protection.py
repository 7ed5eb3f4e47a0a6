"""Collect the texts of scored splits, which training data must not contain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bioinstruct import corpora
from bioinstruct.bench.tasks.base import Task
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.bench.tasks.suites import expand
from bioinstruct.errors import BioinstructError
from bioinstruct.filters import Contaminated, scored_texts

__all__ = ["ALL", "Protected", "protected_texts"]

ALL = "all"
"""Instead of a task: every corpus."""


@dataclass(slots=True)
class Protected:
    """Texts that training data must not contain."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    """Distinct texts by task, or by corpus if every corpus is protected."""
    framed: set[str] = field(default_factory=set)
    """Those of `texts` whose near duplicates count only if their subject is the same."""
    missing: dict[str, str] = field(default_factory=dict)
    """Corpora whose scored split cannot be read, and why; only where every corpus is protected."""

    def __len__(self) -> int:
        return len(dict.fromkeys(self))

    def __iter__(self) -> Iterator[str]:
        return (text for texts in self.texts.values() for text in texts)

    def contaminated(self, *, exact: bool = False) -> Contaminated:
        """Return what finds records that overlap these texts, or only those that are the same."""
        return Contaminated(self, framed=self.framed, exact=exact)

    def add(self, name: str, texts: Iterable[str], *, framed: bool = False) -> None:
        """Protect more texts of a task or corpus."""
        found = list(dict.fromkeys([*self.texts.get(name, ()), *texts]))
        self.texts[name] = found
        if framed:
            self.framed.update(found)


def protected_texts(
    tasks: Iterable[str | Task | Evaluation] | None = None, *, data: Path | None = None
) -> Protected:
    """Return the texts of the whole split that each task scores, ignoring the limit of a run.

    Args:
        tasks: tasks, evaluations, or names of tasks or suites. None or `all` for every corpus: its
            test splits and what tasks score of it, in each of its layouts.
        data: the folder of the corpora; by default `$BIOINSTRUCT_DATA`, else the download cache.
            Tasks that are named are read from the latter two.

    Raises:
        UnknownNameError: there is no such task or suite.
        MissingError: the corpus of a task that is named is not there.
    """
    chosen = [ALL] if tasks is None else list(dict.fromkeys(tasks))
    protected = Protected()
    if ALL in chosen:
        _add_every_corpus(protected, data)
    named = [one for one in chosen if one != ALL]
    for evaluation in expand(named):
        task = evaluation.task
        framed = bool(task.corpus) and corpora.get_corpus(task.corpus).framed
        whole = list(task.read(evaluation.split))
        for examples in (whole, evaluation.examples):  # the latter may be of the caller's making
            protected.add(task.name, scored_texts(examples), framed=framed)
    return protected


def _add_every_corpus(protected: Protected, data: Path | None) -> None:
    for name in corpora.names():
        corpus = corpora.get_corpus(name)
        try:
            for split in corpus.protected_splits:
                for layout in corpus.layouts or (None,):
                    found = corpora.read(name, split, data=data, layout=layout, rejected=[])
                    protected.add(name, scored_texts(list(found)), framed=corpus.framed)
        except BioinstructError as error:
            protected.missing[name] = str(error)
