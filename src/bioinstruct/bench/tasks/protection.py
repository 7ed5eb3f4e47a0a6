"""Collect the texts of scored splits, which training data must not contain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bioinstruct import corpora
from bioinstruct.bench.tasks.base import Task
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.bench.tasks.suites import expand
from bioinstruct.errors import BioinstructError
from bioinstruct.filters import Contaminated, ScoredText, scored_texts
from bioinstruct.schema import Instruction

__all__ = ["ALL", "Protected", "protected_texts"]

ALL = "all"
"""Instead of a task: every corpus."""


@dataclass(slots=True)
class Protected:
    """Texts that training data must not contain."""

    texts: dict[str, list[ScoredText]] = field(default_factory=dict)
    """Distinct texts by task, or by corpus if every corpus is protected."""
    missing: dict[str, str] = field(default_factory=dict)
    """Corpora whose scored split cannot be read, and why; only where every corpus is protected."""

    def __len__(self) -> int:
        return len({scored.text for scored in self})

    def __iter__(self) -> Iterator[ScoredText]:
        return (text for texts in self.texts.values() for text in texts)

    def contaminated(self, *, level: str = "default", exact: bool = False) -> Contaminated:
        """Return what finds records that overlap these texts, or only those that are the same."""
        return Contaminated(self, level=level, exact=exact)

    def add(self, name: str, examples: Sequence[Instruction], *, framed: bool = False) -> None:
        """Protect the texts of more examples of a task or corpus."""
        known = {scored.text: scored for scored in self.texts.get(name, ())}
        for scored in scored_texts(examples, task=name, framed=framed):
            known.setdefault(scored.text, scored)
        self.texts[name] = list(known.values())


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
            protected.add(task.name, examples, framed=framed)
    return protected


def _add_every_corpus(protected: Protected, data: Path | None) -> None:
    for name in corpora.names():
        corpus = corpora.get_corpus(name)
        try:
            for split in corpus.protected_splits:
                for layout in corpus.layouts or (None,):
                    found = corpora.read(name, split, data=data, layout=layout, rejected=[])
                    protected.add(name, list(found), framed=corpus.framed)
        except BioinstructError as error:
            protected.missing[name] = str(error)
