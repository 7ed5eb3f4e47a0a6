"""Results of the benchmark's Python API: scores, a comparison, a tuning; all print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bioinstruct.bench.evaluation.evaluate import TaskResult
from bioinstruct.bench.evaluation.notes import notes
from bioinstruct.bench.evaluation.report import (
    Backend,
    Report,
    Row,
    Scoring,
    table,
    table_cells,
    versions,
)
from bioinstruct.bench.evaluation.summary import groups_of, rows_of, with_verdicts
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import Tuning
from bioinstruct.errors import BioinstructError, UnknownNameError
from bioinstruct.filters import Rejection
from bioinstruct.tables import html_notes, html_table

__all__ = ["Comparison", "Scores", "TaskScores", "Tuned", "compare"]


@dataclass(frozen=True, slots=True)
class TaskScores:
    """The counts of one task, item by item."""

    evaluation: Evaluation
    """The evaluation, with its items in the order of the counts."""
    outcome: TaskResult
    """For each metric counts of shape (items, counts of the metric), and the written answers."""


class _Printed:
    """A result whose report is its table."""

    report: Report
    _columns: dict[str, str]

    @property
    def rows(self) -> Sequence[Row]:
        """One row for each metric of each task, with values from 0 to 1 and 95 % intervals."""
        return self.report.rows

    def as_json(self) -> str:
        """Return the report as indented JSON."""
        return self.report.as_json()

    def __str__(self) -> str:
        text = table(self.report, columns=self._columns)
        return "\n".join([text.rstrip(), *self._notes()])

    def _repr_html_(self) -> str:
        lines, more = table_cells(self.report, columns=self._columns)
        return html_table(lines, notes=[*more, *self._notes()])

    def _notes(self) -> list[str]:
        return notes(self.report)


@dataclass(frozen=True, eq=False)
class Scores(_Printed):
    """The scores of a model on tasks; `print` shows a table with 95 % intervals in `rows`.

    `scores["pubmedqa"]` is the value of the first metric of a task, from 0 to 1.
    """

    model: str
    """As it was loaded."""
    fingerprint: str
    """Identifies weights, adapter, tokenizer, style and precision."""
    style: str
    """The prompt style."""
    tasks: Sequence[TaskScores]
    """Tasks in the order in which they were asked for."""
    seed: int = 0
    """Seed of the bootstrap."""
    overflow: str = ""
    """Treatment of prompts that do not fit the context; empty if the model does not state it."""

    _columns = {"base": "score"}  # noqa: RUF012  # a constant of the class

    @cached_property
    def report(self) -> Report:  # type: ignore[override]
        """The scores as the report of a run."""
        return _report(self, None, self.seed)

    def __getitem__(self, name: str) -> float:
        """Return the value of a task's first metric.

        Raises:
            UnknownNameError: there is no such task among the scores.
        """
        values = {row.task: row.base.value for row in reversed(self.rows)}
        if name not in values:
            raise UnknownNameError("task among these scores", name, values)
        return values[name]


@dataclass(frozen=True, eq=False)
class Comparison(_Printed):
    """Two scorings of the same items: values, and their paired difference with its interval."""

    before: Scores
    after: Scores
    seed: int = 0
    """Seed of the bootstrap."""
    left_out: tuple[str, ...] = ()
    """Tasks that only one of them has."""

    _columns = {"base": "before", "tuned": "after"}  # noqa: RUF012  # a constant of the class

    @cached_property
    def report(self) -> Report:  # type: ignore[override]
        """The comparison as the report of a run; `base` is before, `tuned` is after."""
        return _report(self.before, self.after, self.seed)

    def _notes(self) -> list[str]:
        alone = f"not compared, since only one of the two has them: {', '.join(self.left_out)}"
        return [*super()._notes(), *([alone] if self.left_out else [])]


@dataclass(frozen=True, eq=False)
class Tuned:
    """A finished tuning; the model answers with its adapter from now on."""

    model: str
    recipe: Recipe
    tuning: Tuning
    """Steps, tokens, seconds and the loss of each step."""
    records: int
    """Records that were tuned on."""
    rejected: list[Rejection] = field(default_factory=list)
    """Records that were left out because they overlap a test, each with its reason."""
    adapter: Path | None = None
    """The folder of the adapter, if it was saved."""

    def __str__(self) -> str:
        done = self.tuning
        lines = [
            f"{self.model}, tuned on {self.records:,} records: {done.steps:,} steps, "
            f"{done.tokens:,} tokens of which {done.target_tokens:,} are answers"
        ]
        if done.losses:
            lines.append(f"loss {done.losses[0]:.3f} at the first step, {done.losses[-1]:.3f} last")
        if done.skipped or done.shortened:
            lines.append(
                f"{done.skipped:,} records did not fit and were left out, {done.shortened:,} "
                "inputs were shortened"
            )
        for reason, count in Counter(one.reason for one in self.rejected).most_common():
            lines.append(f"left out {count:,}: {reason}")
        return "\n".join([*lines, *([f"adapter in {self.adapter}"] if self.adapter else [])])

    def _repr_html_(self) -> str:
        return html_notes(str(self).split("\n"))


def compare(before: Scores, after: Scores, *, seed: int = 0) -> Comparison:
    """Compare two scorings of the same items, such as those before and after tuning.

    Both are resampled with the same items (paired bootstrap, Koehn 2004), so what is hard for both
    cancels out. A 95 % interval of the difference that holds 0 shows no difference.

    Args:
        before: from `evaluate`.
        after: from `evaluate`, on the same tasks with the same `limit`.
        seed: seed of the bootstrap.

    Returns:
        A row for each metric of each task that both have; prints as a table.

    Raises:
        BioinstructError: they have no task in common, or were scored on other items, or in another
            way; the message names the task.
    """
    known = {_place(one): one for one in after.tasks}
    common = [(one, known[_place(one)]) for one in before.tasks if _place(one) in known]
    if not common:
        theirs = [
            ", ".join(dict.fromkeys(t.evaluation.name for t in s.tasks)) for s in (before, after)
        ]
        raise BioinstructError(
            f"nothing to compare: one has {theirs[0]}, the other {theirs[1]}",
            hint="score the same tasks, splits and forms",
        )
    for one, other in common:
        if [e.id for e in one.evaluation.examples] != [e.id for e in other.evaluation.examples]:
            raise BioinstructError(
                f"{one.evaluation.name}: not the same items ({len(one.evaluation.examples):,} and "
                f"{len(other.evaluation.examples):,})",
                hint="score both with the same `limit`, on the same corpus files",
            )
        if [s.id for s in one.evaluation.shots] != [s.id for s in other.evaluation.shots]:
            raise BioinstructError(
                f"{one.evaluation.name}: not the same worked examples in front",
                hint="score both with the same `shots` and `seed`",
            )
    pairs = {_place(one) for one, _ in common}
    every = [*before.tasks, *after.tasks]
    alone = dict.fromkeys(one.evaluation.name for one in every if _place(one) not in pairs)
    return Comparison(before, after, seed, tuple(alone))


def _place(one: TaskScores) -> tuple[str, str, str]:
    return one.evaluation.name, one.evaluation.split, one.evaluation.read_by


def _report(before: Scores, after: Scores | None, seed: int) -> Report:
    """Return the report of one scoring, or of two on the tasks that both have."""
    second = {_place(one): one.outcome for one in after.tasks} if after else {}
    tasks = [one for one in before.tasks if after is None or _place(one) in second]
    base = {one.evaluation: one.outcome for one in tasks}
    tuned = {one.evaluation: second[_place(one)] for one in tasks} if after else {}
    ways = sum((o.ways for o in [*base.values(), *tuned.values()]), Counter[tuple[str, str]]())
    rows = {
        evaluation: rows_of(evaluation, outcome, tuned.get(evaluation), seed=seed)
        for evaluation, outcome in base.items()
    }
    found = [Backend(by, answers, why) for (by, why), answers in sorted(ways.items())]
    last = after or before
    return Report(
        model=before.model if before.model == last.model else f"{before.model}, {last.model}",
        adapter=None,
        fingerprint=last.fingerprint,
        style=last.style,
        seed=seed,
        demonstration=all(e.task.demonstration for e in base),
        rows=with_verdicts([row for group in rows.values() for row in group]),
        data=None,
        recipe=None,
        tuning=None,
        versions=versions(),
        groups=groups_of(list(base), base, tuned, rows, seed=seed),
        scoring=Scoring(before.overflow, found) if before.overflow else None,
        judge="",
    )
