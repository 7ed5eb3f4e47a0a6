"""Time of statistics and floors against that of scoring: `python -m benchmarks.statistics_time`.

For every task of `open` whose corpus is in `$BIOINSTRUCT_DATA`: seconds of CPU to score all its
items with `tiny`, before and after tuning, taken from `--items` of them; and seconds of CPU for
floors, majority, intervals, paired tests and shares of memory on all its items, with nothing in the
cache. Writes `results/statistics_time.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.near_duplicates_report import table

from bioinstruct import bench
from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.evaluation.evaluate import TaskResult, readouts, score
from bioinstruct.bench.evaluation.summary import rows_of
from bioinstruct.bench.models.base import Model
from bioinstruct.bench.tasks.evaluation_set import Evaluation, load_evaluations, sample
from bioinstruct.bench.tasks.suites import SUITES
from bioinstruct.files import write_text

RESULTS = Path(__file__).parent / "results" / "statistics_time.json"


def measured(model: Model, evaluation: Evaluation, items: int, folder: Path) -> dict[str, Any]:
    """Return the seconds of CPU that scoring and statistics of one task take."""
    examples = evaluation.examples
    few = replace(evaluation, examples=tuple(sample(examples, items)))
    began = time.process_time()
    with Answers(folder / f"{evaluation.name}.jsonl") as answers:
        score(model, few, answers)
    scoring = 2 * (time.process_time() - began) * len(examples) / len(few.examples)
    # What is answered hardly matters for the time: the first two golds stand for two models.
    base, tuned = (
        TaskResult(readouts(evaluation, [examples[n].output] * len(examples), evaluation.read_by))
        for n in (0, -1)
    )
    began = time.process_time()
    rows_of(evaluation, base, tuned, seed=0)
    return {
        "task": evaluation.name,
        "items": len(examples),
        "scored": len(few.examples),
        "scoring_seconds": round(scoring, 1),
        "statistics_seconds": round(time.process_time() - began, 1),
    }


def rendered(rows: list[dict[str, Any]]) -> str:
    """Return the times as a table in Markdown."""
    head = ["task", "items", "scoring, s", "statistics, s"]
    total = {name: sum(row[name] for row in rows) for name in rows[0] if name != "task"}
    cells = [
        [
            row["task"],
            f"{row['items']:,}",
            f"{row['scoring_seconds']:,.1f}",
            f"{row['statistics_seconds']:,.1f}",
        ]
        for row in [*rows, {"task": "together", **total}]
    ]
    return table(head, cells)


def main() -> None:
    """Measure every task that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10, help="items scored of each task")
    args = parser.parse_args()
    model = bench.load_model("tiny")
    evaluations, _ = load_evaluations(SUITES["open"](), must=set())
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        rows = []
        for evaluation in evaluations:
            rows.append(measured(model, evaluation, args.items, Path(folder)))
            print(json.dumps(rows[-1]), flush=True)
    share = sum(r["statistics_seconds"] for r in rows) / sum(r["scoring_seconds"] for r in rows)
    write_text(RESULTS, json.dumps({"share": round(share, 4), "tasks": rows}, indent=2) + "\n")
    print(f"{rendered(rows)}\n\nstatistics take {share:.1%} of the time of scoring")


if __name__ == "__main__":
    main()
