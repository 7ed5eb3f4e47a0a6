"""What of each corpus of entities is in its training data: `python -m benchmarks.memory_shares`.

Writes `results/memory_shares.json` and prints the table of docs/statistics.md. Corpora that are not
in `$BIOINSTRUCT_DATA` are left out.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.near_duplicates_report import table

from bioinstruct.bench import tasks as _tasks  # noqa: F401  # defines the tasks
from bioinstruct.bench.baselines.floors import tagged, training_of
from bioinstruct.bench.baselines.lookup import Lookup, surface
from bioinstruct.bench.baselines.memory import entity_counts, surfaces
from bioinstruct.bench.tasks.base import known_tasks
from bioinstruct.bench.tasks.evaluation_set import Evaluation
from bioinstruct.bench.tasks.ie import ENTITIES
from bioinstruct.errors import MissingError
from bioinstruct.files import write_text

RESULTS = Path(__file__).parent / "results" / "memory_shares.json"


def measured(name: str) -> dict[str, Any]:
    """Return the shares of one corpus, and what a look-up of its training mentions scores."""
    task = known_tasks()[name]
    examples = list(task.read("test"))
    training, _ = training_of(Evaluation(task, examples=tuple(examples)))
    learnt, asked = tagged(task, training), tagged(task, examples)
    known, lookup = surfaces(learnt), Lookup.fit(learnt)
    mentions = Counter(surface(text.words, e) for text in asked for e in text.entities)
    found = [lookup.predict(text.words) for text in asked]
    metric = task.metrics[0]
    parts = entity_counts(metric, asked, found, known)
    every = metric.counts([text.entities for text in asked], found).sum(axis=0)
    return {
        "corpus": name,
        "training_mentions": len(known),
        "mentions": mentions.total(),
        "seen": sum(count for name, count in mentions.items() if name in known),
        "distinct": len(mentions),
        "distinct_seen": sum(name in known for name in mentions),
        "threshold": lookup.threshold,
        "look_up_f1": round(float(metric.value(every)), 4),
        "look_up_f1_seen": round(float(metric.value(parts[0].sum(axis=0))), 4),
    }


def rendered(rows: list[dict[str, Any]]) -> str:
    """Return the shares as a table in Markdown."""
    head = ["corpus", "test mentions", "seen in training", "distinct", "of them seen"]
    head += ["look-up, F1", "on what was seen"]
    cells = [
        [
            row["corpus"],
            f"{row['mentions']:,}",
            f"{row['seen'] / row['mentions']:.0%}",
            f"{row['distinct']:,}",
            f"{row['distinct_seen'] / row['distinct']:.0%}",
            f"{row['look_up_f1']:.3f}",
            f"{row['look_up_f1_seen']:.3f}",
        ]
        for row in rows
    ]
    return table(head, cells)


def main() -> None:
    """Measure every corpus of entities that is there."""
    rows = []
    for name in ENTITIES:
        try:
            rows.append(measured(name))
        except MissingError as error:
            print(f"left out {name}: {error}")
    write_text(RESULTS, json.dumps(rows, indent=2) + "\n")
    print(rendered(rows))


if __name__ == "__main__":
    main()
