"""Runs side by side: what each answered, item by item, and their paired differences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bioinstruct.bench.evaluation.evaluate import TaskResult
from bioinstruct.bench.metrics import Array, Metric
from bioinstruct.bench.metrics.comparisons import PairedTest, Verdict, compare, verdicts
from bioinstruct.bench.metrics.intervals import Interval, interval
from bioinstruct.bench.tasks.base import get_task
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.errors import BioinstructError, DataError, MissingError
from bioinstruct.files import write_text
from bioinstruct.json_text import loads

__all__ = [
    "COUNTS",
    "Counted",
    "Pair",
    "compare_runs",
    "counted",
    "read_counts",
    "write_counts",
    "write_run",
]

COUNTS = "counts.jsonl"
"""The file of a run's folder that holds what it answered."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Answers of one system to the items of one task, by one metric."""

    system: str
    """`base` or `tuned`."""
    task: str
    split: str
    how: str
    metric: str
    shots: int
    """Worked examples in front of every prompt."""
    ids: tuple[str, ...]
    """Ids of the items, in order."""
    documents: tuple[str, ...]
    counts: Array
    """Counts of each item, shape (items, k)."""
    orders: int = 1
    """Orders of the options that an item was asked in, at most."""
    wordings: int = 1

    @property
    def place(self) -> tuple[str, str, str]:
        """Key that two runs must share to be compared."""
        return self.task, self.split, self.metric


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs on the same items of one task, by its first metric."""

    task: str
    split: str
    how: str
    """How the answers of the first run were read."""
    metric: str
    n: int
    """Items that both answered."""
    left_out: int
    """Items that only one of them answered."""
    one: Interval
    other: Interval
    comparison: PairedTest
    verdict: Verdict
    differs: str
    """In what the two asked differently; empty where they did not."""


def counted(evaluation: Evaluation, outcome: TaskResult, system: str) -> Counted:
    """Return what a system answered to a task, by the task's first metric."""
    first = outcome.readouts[0]
    return Counted(
        system=system,
        task=evaluation.name,
        split=evaluation.split,
        how=first.how,
        metric=first.metric.name,
        shots=len(evaluation.shots),
        ids=tuple(example.id for example in evaluation.examples),
        documents=tuple(evaluation.documents),
        counts=first.counts,
        orders=evaluation.variation.orders,
        wordings=evaluation.variation.wordings,
    )


def write_run(
    out: Path,
    evaluations: Sequence[Evaluation],
    systems: Mapping[str, Mapping[Evaluation, TaskResult]],
) -> None:
    """Write what each system answered to the tasks into the folder of a run."""
    found = [
        counted(evaluation, outcomes[evaluation], system)
        for system, outcomes in systems.items()
        for evaluation in evaluations
        if evaluation in outcomes
    ]
    write_counts(out / COUNTS, found)


def write_counts(path: Path, found: Sequence[Counted]) -> None:
    """Write a line of JSON for each system and task."""
    lines = [
        json.dumps(
            {
                "system": each.system,
                "task": each.task,
                "split": each.split,
                "how": each.how,
                "metric": each.metric,
                "shots": each.shots,
                "orders": each.orders,
                "wordings": each.wordings,
                "ids": each.ids,
                "documents": each.documents,
                "counts": each.counts.tolist(),
            }
        )
        for each in found
    ]
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_counts(folder: Path, system: str = "") -> list[Counted]:
    """Read what a run answered.

    Args:
        folder: that the run wrote to.
        system: `base` or `tuned`; without, the tuned model where there is one.

    Raises:
        MissingError: the folder holds no such file.
        DataError: a line is wrong.
    """
    path = folder / COUNTS
    if not path.is_file():
        raise MissingError(
            f"no {COUNTS} in {folder}",
            hint="name the --out folder of a run",
        )
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [_read(line, path, number) for number, line in enumerate(lines, start=1)]
    system = system or ("tuned" if any(c.system == "tuned" for c in found) else "base")
    chosen = [each for each in found if each.system == system]
    if not chosen:
        raise BioinstructError(f"{path} has no answers of a model named {system!r}")
    return chosen


def _read(line: str, path: Path, number: int) -> Counted:
    try:
        row: dict[str, Any] = loads(line)
        counts = np.array(row.pop("counts"), dtype=np.float64)
        ids, documents = tuple(row.pop("ids")), tuple(row.pop("documents"))
        found = Counted(ids=ids, documents=documents, counts=counts, **row)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"not the counts of a run: {error}", path=path, line=number) from error
    if counts.ndim != 2:
        raise DataError("counts must be a list of numbers for each item", path=path, line=number)
    if not len(ids) == len(documents) == len(counts):
        raise DataError("ids, documents and counts differ in number", path=path, line=number)
    return found


def compare_runs(
    one: Sequence[Counted], other: Sequence[Counted], *, seed: int = 0
) -> tuple[list[Pair], list[str]]:
    """Compare two runs on the items that both answered, paired and by document.

    Returns:
        A pair for each task that both have, with a verdict corrected over the tasks; and for each
        task that cannot be compared, why.
    """
    matched, refused = _matched(one, other)
    pairs: list[tuple[Counted, Counted, list[int], list[int]]] = []
    for a, b in matched:
        where = {id: i for i, id in enumerate(b.ids)}
        both = [i for i, id in enumerate(a.ids) if id in where]
        if not both:
            refused.append(f"{', '.join(a.place)}: no item that both answered")
        elif a.counts.shape[1] != b.counts.shape[1]:
            refused.append(f"{', '.join(a.place)}: counted by other versions of the metric")
        else:
            pairs.append((a, b, both, [where[a.ids[i]] for i in both]))
    metrics = [_metric(a) for a, *_ in pairs]
    tests = [
        compare(metric, a.counts[i], b.counts[j], [a.documents[x] for x in i], seed=seed)
        for metric, (a, b, i, j) in zip(metrics, pairs, strict=True)
    ]
    found = []
    for metric, (a, b, i, j), test, verdict in zip(
        metrics, pairs, tests, verdicts(tests), strict=True
    ):
        documents = [a.documents[x] for x in i]
        found.append(
            Pair(
                task=a.task,
                split=a.split,
                how=a.how,
                metric=a.metric,
                n=metric.counted(a.counts[i]),
                left_out=len(set(a.ids) ^ set(b.ids)),
                one=interval(metric, a.counts[i], documents, seed=seed),
                other=interval(metric, b.counts[j], documents, seed=seed),
                comparison=test,
                verdict=verdict,
                differs=_differs(a, b),
            )
        )
    return found, refused


def _matched(
    one: Sequence[Counted], other: Sequence[Counted]
) -> tuple[list[tuple[Counted, Counted]], list[str]]:
    """Match what two runs answered; a task that was read in several ways, way by way."""
    places = dict.fromkeys(each.place for each in (*one, *other))
    matched: list[tuple[Counted, Counted]] = []
    refused: list[str] = []
    for place in places:
        first, second = ([c for c in run if c.place == place] for run in (one, other))
        if len(first) == len(second) == 1:
            matched.append((first[0], second[0]))
            continue
        known = {each.how: each for each in second}
        matched += [(each, known[each.how]) for each in first if each.how in known]
        ways = {each.how for each in first} ^ set(known)
        name = ", ".join(place)
        several = len(first) > 1 or len(second) > 1
        refused += [
            f"{name}{f', read by {how}' if several else ''}: only one of the runs has it"
            for how in sorted(ways)
        ]
    return matched, refused


def _differs(one: Counted, other: Counted) -> str:
    about: Mapping[str, tuple[Any, Any]] = {
        "read by": (one.how, other.how),
        "worked examples": (one.shots, other.shots),
        "orders of the options": (one.orders, other.orders),
        "wordings": (one.wordings, other.wordings),
    }
    return "; ".join(f"{name} {a} and {b}" for name, (a, b) in about.items() if a != b)


def _metric(found: Counted) -> Metric:
    """Return the metric of a task, which knows how counts become a score."""
    for metric in get_task(found.task).metrics:
        if metric.name == found.metric:
            return metric
    raise BioinstructError(f"the task {found.task} has no metric {found.metric!r} in this version")
