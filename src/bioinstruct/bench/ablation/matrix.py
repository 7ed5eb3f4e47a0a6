"""The result of an ablation: each arm's difference to the base, on each task and group of tasks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bioinstruct.bench.ablation.arms import Arm
from bioinstruct.bench.evaluation.report import versions
from bioinstruct.bench.evaluation.runs import Counted, read_counts
from bioinstruct.bench.metrics.comparisons import (
    PairedTest,
    Verdict,
    compare,
    compare_means,
    verdicts,
)
from bioinstruct.bench.metrics.intervals import Interval, Part, interval, mean_interval
from bioinstruct.bench.report.folder import REPORT
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.json_text import loads
from bioinstruct.tables import aligned, html_table

__all__ = ["Ablation", "ArmResult", "Cell", "Column", "gathered"]

VERSION = 1
_WIDE = 4
"""More columns than these are printed without their intervals."""


@dataclass(frozen=True, slots=True)
class Column:
    """A task by its first metric, or the mean of a group of several tasks."""

    kind: str
    """`task` or `group`."""
    name: str
    split: str
    how: str
    """How answers are read: `likelihood`, `letters`, `cloze` or `generated`."""
    metric: str
    tasks: tuple[str, ...]
    items: int
    documents: int
    base: Interval
    """Score of the base, 0 to 1."""

    @property
    def title(self) -> str:
        """The head of the column."""
        name = f"mean of {self.name}" if self.kind == "group" else self.name
        return name if self.split == "test" else f"{name}, {self.split}"


@dataclass(frozen=True, slots=True)
class ArmResult:
    """An arm: what it was tuned on, and why it has no scores if it has none."""

    name: str
    sizes: tuple[str, ...]
    parts: tuple[str, ...]
    records: int
    digest: str
    """Identifies the records and their order."""
    folder: str
    """Its run, in the folder of the ablation."""
    tokens: int | None
    """Tokens of the tuning with the first seed, without padding; None if it failed."""
    steps: int | None
    failed: str
    """Why it has no scores; empty if it has."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One arm on one column."""

    arm: int
    """Position of the arm, from 0."""
    column: int
    """Position of the column, from 0."""
    tuned: Interval
    comparison: PairedTest
    """With the base, by document; its p is not corrected."""
    verdict: Verdict
    """With p corrected by Holm over all cells."""
    repeats: tuple[float, ...] = ()
    """Score with each seed of tuning, where there are several."""


@dataclass(frozen=True, slots=True)
class Ablation:
    """The result of an ablation; prints as a table of differences to the base."""

    about: dict[str, Any]
    """Settings: model, recipe, seed, digests of data and tasks."""
    columns: Sequence[Column]
    arms: Sequence[ArmResult]
    cells: Sequence[Cell]
    versions: dict[str, str]

    def difference(self, arm: str, column: str, size: str = "") -> Interval | None:
        """Return the difference of an arm to the base on a task or group; None if there is none.

        Args:
            arm: the name of the arm, such as `QA+IE`.
            column: the name of a task, or `mean of IE`.
            size: `natural` or `matched`; empty for the first arm of that name.
        """
        for cell in self.cells:
            found = self.arms[cell.arm]
            same = found.name == arm and (not size or size in found.sizes)
            if same and self.columns[cell.column].title == column:
                return cell.comparison.difference
        return None

    def as_json(self) -> str:
        """Return everything as indented JSON with a final line break."""
        values = {"version": VERSION, **asdict(self), "family": len(self.cells)}
        return json.dumps(values, indent=1, ensure_ascii=False) + "\n"

    def __str__(self) -> str:
        lines, notes = self._lines()
        return "\n".join([*aligned(lines), "", *notes])

    def _repr_html_(self) -> str:
        lines, notes = self._lines()
        return html_table(lines, notes=notes)

    def _lines(self) -> tuple[list[list[str]], list[str]]:
        """Return the cells of the table, the head first, and the notes below it."""
        known = {(cell.arm, cell.column): cell for cell in self.cells}
        wide = len(self.columns) > _WIDE
        lines = [["arm", "size", "records", *(column.title for column in self.columns)]]
        lines.append(["base", "", "", *(f"{column.base.value:.3f}" for column in self.columns)])
        for number, arm in enumerate(self.arms):
            found = [known.get((number, place)) for place in range(len(self.columns))]
            cells = [_shown(cell, wide=wide) for cell in found]
            lines.append([arm.name, " = ".join(arm.sizes), f"{arm.records:,}", *cells])
        lines.append(["detectable", "", "", *self._detectable()])
        notes = [
            "differences to the base"
            + ("" if wide else ", with 95 % intervals over documents")
            + f"; * shown at 5 % after Holm's correction over all {len(self.cells)} cells",
            "detectable: the smallest difference that the documents show with a power of 80 %, "
            "not corrected; of the arms the largest",
        ]
        few = [cell for cell in self.cells if cell.verdict.p is None]
        notes += [f"no verdict on {len(few)} cells: {few[0].verdict.words}"] if few else []
        return lines, notes + [f"{a.name}: failed: {a.failed}" for a in self.arms if a.failed]

    def _detectable(self) -> list[str]:
        found = []
        for place in range(len(self.columns)):
            all_of = [c.comparison.detectable for c in self.cells if c.column == place]
            found.append(f"{max(all_of):.3f}" if all_of else "")
        return found


def _shown(cell: Cell | None, *, wide: bool) -> str:
    if cell is None:
        return "failed"
    d, p = cell.comparison.difference, cell.verdict.p
    mark = "*" if cell.verdict.words in {"better", "worse"} and p is not None else " "
    between = "" if wide else f" ({d.low:+.3f} to {d.high:+.3f})"
    return f"{d.value:+.3f}{between}{mark}"


def gathered(
    about: dict[str, Any],
    evaluations: Sequence[Evaluation],
    out: Path,
    arms: Iterable[tuple[Arm, str, str]],
    *,
    seed: int,
) -> Ablation:
    """Read what the runs of the arms answered, and compare each with the base.

    Args:
        about: the settings.
        evaluations: what was asked, in the order of the columns.
        out: the folder of the ablation, with `base` in it.
        arms: each arm, its folder in `out`, and why it has no scores (empty if it has).
        seed: of the resampling.
    """
    base = _by_place(read_counts(out / "base", "base"))
    groups = [members for members in _groups(evaluations) if len(members) > 1]
    members = [*groups, *([e] for e in evaluations)]
    columns = [_column(each, base, seed) for each in members]
    results, found = [], []
    for number, (arm, folder, failed) in enumerate(arms):
        report = {} if failed else loads((out / folder / REPORT).read_bytes())
        results.append(_result(arm, folder, failed, report))
        if failed:
            continue
        tuned = _by_place(read_counts(out / folder, "tuned"))
        rows = {(r["task"], r["split"], r["how"]): r for r in reversed(report["rows"])}
        for column, each in enumerate(members):
            one, two = ([_part(e, counts) for e in each] for counts in (base, tuned))
            repeats = tuple(rows[_place(each[0])]["repeats"]) if len(each) == 1 else ()
            test = _compared(one, two, seed)
            found.append((number, column, _interval(two, seed), test, repeats))
    judged = verdicts([test for *_, test, _ in found])
    cells = [
        Cell(number, column, tuned, test, verdict, repeats)
        for (number, column, tuned, test, repeats), verdict in zip(found, judged, strict=True)
    ]
    return Ablation(about, columns, results, cells, versions())


def _compared(base: Sequence[Part], tuned: Sequence[Part], seed: int) -> PairedTest:
    if len(base) > 1:
        return compare_means(base, tuned, seed=seed)
    [one], [two] = base, tuned
    return compare(one.metric, one.counts, two.counts, one.documents, seed=seed)


def _result(arm: Arm, folder: str, failed: str, report: Mapping[str, Any]) -> ArmResult:
    tuning = report.get("tuning") or {}
    return ArmResult(
        name=arm.name,
        sizes=arm.sizes,
        parts=arm.parts,
        records=len(arm.examples),
        digest=arm.digest,
        folder=folder,
        tokens=tuning.get("tokens"),
        steps=tuning.get("steps"),
        failed=failed,
    )


def _column(
    members: Sequence[Evaluation], base: Mapping[tuple[str, ...], Counted], seed: int
) -> Column:
    first, parts = members[0], [_part(e, base) for e in members]
    metrics = dict.fromkeys(part.metric.name for part in parts)
    documents = sum(len(set(evaluation.documents)) for evaluation in members)
    return Column(
        kind="group" if len(members) > 1 else "task",
        name=first.task.group.value if len(members) > 1 else first.name,
        split=first.split,
        how=", ".join(dict.fromkeys(evaluation.read_by for evaluation in members)),
        metric=", ".join(metrics),
        tasks=tuple(evaluation.name for evaluation in members),
        items=sum(len(evaluation.items) for evaluation in members),
        documents=documents,
        base=_interval(parts, seed),
    )


def _groups(evaluations: Sequence[Evaluation]) -> list[list[Evaluation]]:
    """Return the evaluations of each group, split and formulation."""
    found: dict[tuple[str, str, str], list[Evaluation]] = {}
    for evaluation in evaluations:
        where = (evaluation.task.group.value, evaluation.split, evaluation.form)
        found.setdefault(where, []).append(evaluation)
    return list(found.values())


def _interval(parts: Sequence[Part], seed: int) -> Interval:
    if len(parts) > 1:
        return mean_interval(parts, seed=seed)
    [part] = parts
    return interval(part.metric, part.counts, part.documents, seed=seed)


def _part(evaluation: Evaluation, found: Mapping[tuple[str, ...], Counted]) -> Part:
    counted = found[_place(evaluation)]
    return Part(evaluation.task.metrics[0], counted.counts, evaluation.documents)


def _place(evaluation: Evaluation) -> tuple[str, str, str]:
    return evaluation.name, evaluation.split, evaluation.read_by


def _by_place(found: Iterable[Counted]) -> dict[tuple[str, ...], Counted]:
    return {(each.task, each.split, each.how): each for each in found}
