"""Simulated studies that show whether the statistics hold: `python -m benchmarks.coverage`.

A study draws as many documents as a test set has from the counts of its real documents, on which
two systems without a language model were scored. So documents have their real sizes and their items
the real correlation, and the true score is known: that of all documents together.

`--estimate` counts the documents of the official files in `$BIOINSTRUCT_DATA` and writes
`results/coverage_documents.json`. The two systems are the floor of the task, fitted on its training
split, and the same fitted on half of the training documents, or another copy of the input where
nothing is fitted.

In the studies of no difference, the two systems' answers to each document change places at random.
Resampling weights are shared between the studies; intervals, tests and Holm's correction are those
that tables of results show.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.near_duplicates_report import table
from numpy.typing import NDArray

from bioinstruct.bench import tasks as _tasks  # noqa: F401  # defines the tasks
from bioinstruct.bench.baselines.floors import answered, training_of
from bioinstruct.bench.metrics import METRICS, pearson
from bioinstruct.bench.metrics.base import f1
from bioinstruct.bench.metrics.closed import mean_over_classes
from bioinstruct.bench.metrics.comparisons import holm
from bioinstruct.bench.metrics.documents import documents_of
from bioinstruct.bench.metrics.intervals import FEW, by_document, interval_of_draws, weights
from bioinstruct.bench.tasks.base import get_task
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.files import write_text
from bioinstruct.schema import Instruction

RESULTS = Path(__file__).parent / "results"
DOCUMENTS = RESULTS / "coverage_documents.json"
STUDIES, DRAWS, FLIPS = 2_000, 1_000, 999
OF_FEW = 5
"""So many times the studies are made of a task with few documents, where they cost little."""
_AT_ONCE = 100  # studies computed together

CELLS = {
    "ncbi-disease": ("entity F1", "entity F1, overlap"),
    "bc5cdr-disease": ("entity F1",),
    "bc5cdr-chemical": ("entity F1",),
    "ddi2013-drugs": ("entity F1", "entity F1, overlap"),
    "mts-dialog": ("ROUGE-L", "ROUGE-1"),
    "meqsum": ("ROUGE-L", "ROUGE-1"),
    "biosses": ("Pearson r",),
    "gad": ("relation F1", "accuracy"),
    "chemprot": ("accuracy",),
    "question-entailment": ("accuracy",),
    "pubmedqa": ("accuracy",),
    "hoc": ("label F1", "macro F1"),
    "ddi2013": ("relation F1", "macro F1"),
}
"""The tasks and metrics of a study."""
COPIES = {
    "mts-dialog": ("first sentence", "first 3 sentences"),
    "meqsum": ("copy", "last sentence"),
}

Array = NDArray[np.float64]
Value = Callable[[Array], Array]


def estimated(name: str) -> list[dict[str, Any]]:
    """Return the cells of a task: the counts of two systems, summed by document."""
    task = get_task(name)
    examples = list(task.read("test"))
    training, _ = training_of(Evaluation(task, examples=tuple(examples)))
    documents = documents_of(examples)
    golds = [task.parse(example.output, example) for example in examples]
    metrics = {metric.name: metric for metric in task.metrics}
    one, other = _systems(name, training, examples)
    return [
        {
            "task": name,
            "metric": metric,
            "items": len(examples),
            "one": _sums_of(metrics[metric].counts(golds, one), documents),
            "other": _sums_of(metrics[metric].counts(golds, other), documents),
        }
        for metric in CELLS[name]
    ]


def _systems(
    name: str, training: list[Instruction], examples: list[Instruction]
) -> tuple[list[Any], list[Any]]:
    """Return what two systems answer."""
    task = get_task(name)
    if name in COPIES:
        copies = dict(answered(task, [], examples))
        return copies[COPIES[name][0]], copies[COPIES[name][1]]
    if name == "biosses":
        _, found = next(answered(task, [], examples))
        return found, [_letters_shared(example.input) for example in examples]
    places = {d: i for i, d in enumerate(dict.fromkeys(documents_of(training)))}
    half = [e for e, d in zip(training, documents_of(training), strict=True) if places[d] % 2 == 0]
    (_, found), (_, of_half) = (next(answered(task, fit, examples)) for fit in (training, half))
    return found, of_half


def _letters_shared(text: str) -> float:
    """Return the share of runs of three letters that two sentences have in common (Dice)."""
    lines = [line.partition(": ")[2].casefold() for line in text.split("\n")]
    one, other = ({s[i : i + 3] for i in range(len(s) - 2)} for s in (lines[0], lines[-1]))
    return 2 * len(one & other) / max(1, len(one) + len(other))


def _sums_of(counts: Array, documents: list[str]) -> list[list[float]]:
    return [[round(x, 6) for x in row] for row in by_document(counts, documents).tolist()]


def value_of(metric: str, counts: int) -> Value:
    """Return how sums of so many counts become a score by a metric of this name."""
    means = {"accuracy", "ROUGE-L", "ROUGE-1"}
    if metric in means:
        return METRICS["accuracy"].value
    if metric == "macro F1":
        return mean_over_classes(counts // 3)
    return pearson.value if metric == pearson.name else f1


def studies_of(cell: dict[str, Any], studies: int, seed: int) -> dict[str, Any]:
    """Simulate studies of one task by one metric; the p values are of studies of no difference."""
    one, other = (np.array(cell[name], dtype=np.float64) for name in ("one", "other"))
    m, k = one.shape
    value = value_of(cell["metric"], k)
    if m < FEW:
        studies *= OF_FEW
    truth = float(value(one.sum(axis=0)))
    apart = float(value(other.sum(axis=0))) - truth
    random = np.random.default_rng(seed)
    drawn = weights(m, 0, DRAWS).astype(np.float64)
    flips = np.random.default_rng(1).integers(0, 2, (FLIPS, m)).astype(np.float64)
    covered = np.zeros(2)
    ps: dict[str, list[Array]] = {"none": [], "real": []}
    for start in range(0, studies, _AT_ONCE):
        size = min(_AT_ONCE, studies - start)
        chosen = random.integers(0, m, (m, size))
        first, second = one[chosen], other[chosen]  # (documents, studies, counts)
        swap = random.integers(0, 2, (m, size, 1)).astype(np.float64)
        score = _intervals(value, first, None, drawn)
        change = _intervals(value, first, second, drawn)
        covered += [_inside(score, truth), _inside(change, apart)]
        ps["real"].append(_ps(value, first, second, flips))
        moved = swap * (second - first)
        ps["none"].append(_ps(value, first + moved, second - moved, flips))
    return {
        "covered": covered / studies,
        "none": np.concatenate(ps["none"]),
        "real": np.concatenate(ps["real"]),
        "truth": truth,
        "difference": apart,
        "documents": m,
        "studies": studies,
    }


def _inside(bounds: Array, truth: float) -> int:
    return int(np.sum((bounds[0] <= truth) & (truth <= bounds[1])))


def _intervals(value: Value, first: Array, second: Array | None, drawn: Array) -> Array:
    """Return the bounds of each study, shape (2, studies)."""
    found = _sums(drawn, first)
    totals, draws = value(first.sum(axis=0)), value(found)
    without = value(first.sum(axis=0) - first)
    if second is not None:
        totals = value(second.sum(axis=0)) - totals
        draws = value(_sums(drawn, second)) - draws
        without = value(second.sum(axis=0) - second) - without
    return interval_of_draws(totals, draws, without, paired=second is not None)


def _sums(drawn: Array, counts: Array) -> Array:
    m, studies, k = counts.shape
    found: Array = (drawn @ counts.reshape(m, -1)).reshape(len(drawn), studies, k)
    return found


def _ps(value: Value, first: Array, second: Array, flips: Array) -> Array:
    one, other = first.sum(axis=0), second.sum(axis=0)
    observed = np.abs(value(other) - value(one))
    moved = _sums(flips, second - first)
    apart = np.abs(value(other - moved) - value(one + moved))
    found: Array = (np.sum(apart >= observed - 1e-12, axis=0) + 1) / (len(flips) + 1)
    return found


def simulate(cells: list[dict[str, Any]], studies: int = STUDIES) -> dict[str, Any]:
    """Return coverage, false positives and power of every cell, and the family-wise error."""
    began, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(studies_of, cell, studies, seed) for seed, cell in enumerate(cells)]
        found = [job.result() for job in jobs]
    none = np.stack([each["none"][:studies] for each in found], axis=1)
    corrected = np.array([holm(row.tolist()) for row in none])
    rows = [
        {
            "task": cell["task"],
            "metric": cell["metric"],
            "items": cell["items"],
            "documents": each["documents"],
            "studies": each["studies"],
            "score": round(each["truth"], 4),
            "coverage": round(float(each["covered"][0]), 4),
            "difference": round(each["difference"], 4),
            "coverage_difference": round(float(each["covered"][1]), 4),
            "false_positives": round(float(np.mean(each["none"] <= 0.05)), 4),
            "power": round(float(np.mean(each["real"] <= 0.05)), 4),
        }
        for cell, each in zip(cells, found, strict=True)
    ]
    family = float(np.mean((corrected <= 0.05).any(axis=1)))
    return {
        "studies": studies,
        "draws": DRAWS,
        "flips": FLIPS,
        "cores": os.cpu_count(),
        "seconds": round(time.perf_counter() - began, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "family_wise": round(family, 4),
        "family_wise_uncorrected": round(float(np.mean((none <= 0.05).any(axis=1))), 4),
        "standard_error": round(math.sqrt(0.05 * 0.95 / studies), 4),
        "cells": rows,
    }


def rendered(results: dict[str, Any]) -> str:
    """Return the results as a table in Markdown."""
    head = ["task", "metric", "items", "documents", "coverage of the score"]
    head += ["difference", "its coverage", "false positives", "power"]
    rows = [
        [
            cell["task"],
            cell["metric"],
            f"{cell['items']:,}",
            f"{cell['documents']:,}",
            f"{cell['coverage']:.1%}",
            f"{cell['difference']:+.3f}",
            f"{cell['coverage_difference']:.1%}",
            f"{cell['false_positives']:.1%}",
            f"{cell['power']:.0%}",
        ]
        for cell in results["cells"]
    ]
    about = (
        f"{results['studies']:,} studies of {len(rows)} tasks. Any false positive among the tasks "
        f"of a study: {results['family_wise']:.1%} with Holm's correction, "
        f"{results['family_wise_uncorrected']:.1%} without."
    )
    return f"{about}\n\n{table(head, rows)}"


def _lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if not (0.93 <= row["coverage"] <= 0.97 and 0.93 <= row["coverage_difference"] <= 0.97):
            yield f"outside 93-97 %: {row['task']}, {row['metric']}"


def main() -> None:
    """Simulate, write the JSON, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=STUDIES)
    parser.add_argument("--out", type=Path, default=RESULTS / "coverage.json")
    parser.add_argument(
        "--estimate", action="store_true", help="count the documents of $BIOINSTRUCT_DATA, and exit"
    )
    args = parser.parse_args()
    if args.estimate:
        cells = [cell for name in CELLS for cell in estimated(name)]
        write_text(DOCUMENTS, json.dumps(cells, separators=(",", ":")) + "\n")
        return
    results = simulate(json.loads(DOCUMENTS.read_text(encoding="utf-8")), args.studies)
    write_text(args.out, json.dumps(results, indent=2) + "\n")
    print(rendered(results))
    print("\n".join(_lines(results["cells"])))
    print(f"{results['seconds']} s on {results['cores']} cores, {results['cpu_seconds']} s of CPU")


if __name__ == "__main__":
    main()
