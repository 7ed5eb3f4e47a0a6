"""Summarise outcomes: the rows of a report with their intervals, and the means of groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bioinstruct.bench.baselines.floors import best, floors, training_of
from bioinstruct.bench.evaluation.evaluate import TaskResult, majority
from bioinstruct.bench.evaluation.report import Group, Row
from bioinstruct.bench.evaluation.seen import seen_of
from bioinstruct.bench.evaluation.stability import stability_of
from bioinstruct.bench.metrics import Array, Metric
from bioinstruct.bench.metrics.comparisons import compare, verdicts
from bioinstruct.bench.metrics.documents import nameless
from bioinstruct.bench.metrics.intervals import (
    Part,
    interval,
    mean_difference,
    mean_interval,
)
from bioinstruct.bench.tasks.evaluation_set import Evaluation

__all__ = ["groups_of", "rows_of", "with_verdicts"]


def rows_of(
    evaluation: Evaluation,
    base: TaskResult,
    tuned: TaskResult | None = None,
    *,
    seed: int,
) -> list[Row]:
    """Return the rows of a report, with their intervals; `seed` is of the resampling."""
    task, examples = evaluation.task, evaluation.examples
    training, missing = training_of(evaluation)
    known = floors(task, examples, training)
    names = (metric.name for metric in task.metrics)
    constant = dict(zip(names, majority(evaluation, training), strict=True))
    documents, items = evaluation.documents, evaluation.items
    missing = missing or ("" if known else "no method is known for its answers")
    rows: list[Row] = []
    for i, readout in enumerate(base.readouts):
        metric, counts = readout.metric, readout.counts
        after = tuned.readouts[i].counts if tuned else None
        floor = best(known, metric.name)
        compared = None if after is None else compare(metric, counts, after, documents, seed=seed)
        rows.append(
            Row(
                task=task.name,
                group=task.group.value,
                split=evaluation.split,
                metric=metric.name,
                how=readout.how,
                spec=metric.spec,
                n=metric.counted(counts[evaluation.firsts]),
                asked=metric.counted(counts),
                majority=constant[metric.name],
                documents=len(set(documents)),
                nameless=nameless(items),
                base=interval(metric, counts, documents, seed=seed),
                tuned=None if after is None else interval(metric, after, documents, seed=seed),
                difference=compared.difference if compared else None,
                comparison=compared,
                floor=floor[1] if floor else None,
                floor_name=floor[0] if floor else missing,
                seen=None if rows else seen_of(evaluation, training, (base, tuned)),
                repeats=tuple(r.readouts[i].value for r in (tuned or base).repeats),
                stability=() if rows else stability_of(evaluation, base, tuned),
                base_flags=_flags(base, metric, counts),
                tuned_flags={} if tuned is None or after is None else _flags(tuned, metric, after),
                left_out=metric.left_out,
                shots=tuple(shot.id for shot in evaluation.shots),
                base_said=dict(readout.predicted),
                tuned_said=dict(tuned.readouts[i].predicted) if tuned else {},
            )
        )
    return rows


def _flags(outcome: TaskResult, metric: Metric, counts: Array) -> dict[str, int]:
    """Return the odd answers of a task, and the items that a metric cannot count."""
    left_out = len(counts) - metric.counted(counts)
    return {**outcome.flags, **({"left out": left_out} if left_out else {})}


def with_verdicts(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with a verdict on each task's first metric, corrected over the tasks."""
    firsts: dict[tuple[str, str, str], int] = {}
    for place, row in enumerate(rows):
        if row.comparison is not None:
            firsts.setdefault((row.task, row.split, row.how), place)
    compared = [c for place in firsts.values() if (c := rows[place].comparison)]
    found = dict(zip(firsts.values(), verdicts(compared), strict=True))
    return [replace(row, verdict=found.get(place)) for place, row in enumerate(rows)]


def groups_of(
    evaluations: Sequence[Evaluation],
    base: Mapping[Evaluation, TaskResult],
    tuned: Mapping[Evaluation, TaskResult],
    rows: Mapping[Evaluation, list[Row]],
    *,
    seed: int,
) -> list[Group]:
    """Return the means of the groups: by split, and by formulation where there are several."""
    firsts = {evaluation: found[0] for evaluation, found in rows.items()}
    groups: dict[tuple[Evaluation, ...], Group] = {}
    for split, group, form in dict.fromkeys((e.split, e.task.group, e.form) for e in evaluations):
        same = [e for e in evaluations if (e.split, e.task.group) == (split, group)]
        members = _members(same, form)
        before = [_part(e, base[e]) for e in members]
        after = [_part(e, tuned[e]) for e in members if tuned]
        own = [firsts[e] for e in members]
        groups.setdefault(
            members,
            Group(
                group=group.value,
                split=split,
                form=form,
                how=tuple(e.read_by for e in members),
                tasks=tuple(e.name for e in members),
                metrics=tuple(e.task.metrics[0].name for e in members),
                majority=sum(row.majority for row in own) / len(own),
                floor=sum(max(row.floor or 0.0, row.majority) for row in own) / len(own),
                base=mean_interval(before, seed=seed),
                tuned=mean_interval(after, seed=seed) if after else None,
                difference=mean_difference(before, after, seed=seed) if after else None,
            ),
        )
    return list(groups.values())


def _part(evaluation: Evaluation, outcome: TaskResult) -> Part:
    first = outcome.readouts[0]
    return Part(first.metric, first.counts, evaluation.documents)


def _members(evaluations: Sequence[Evaluation], form: str) -> tuple[Evaluation, ...]:
    """Return each task once: in this formulation if it is there, else in the usual one."""
    names = dict.fromkeys(e.name for e in evaluations)
    forms = {(e.name, e.form): e for e in reversed(evaluations)}
    first = {e.name: e for e in reversed(evaluations)}
    return tuple(forms.get((n, form)) or forms.get((n, "")) or first[n] for n in names)
