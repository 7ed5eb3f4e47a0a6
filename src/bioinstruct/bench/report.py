"""The report of a run: its rows, as a table to read, as JSON, and on the adapter's card."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from bioinstruct.bench.compare import Interval
from bioinstruct.bench.recipe import Recipe
from bioinstruct.bench.score import FLAGS
from bioinstruct.bench.steps import Tuning

__all__ = [
    "DEMONSTRATION",
    "Data",
    "Report",
    "Row",
    "adapter_card",
    "notes",
    "table",
    "versions",
]

DEMONSTRATION = (
    "This is the demonstration, on short notes and sentences written for it. "
    "It shows that the road works, not how good a model is."
)


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one task, before and after tuning."""

    task: str
    group: str
    split: str
    metric: str
    how: str
    spec: str
    n: int
    majority: float
    """What the best constant answer scores."""
    base: Interval
    tuned: Interval | None
    difference: Interval | None
    base_flags: dict[str, int]
    tuned_flags: dict[str, int]


@dataclass(frozen=True, slots=True)
class Data:
    """What was tuned on."""

    source: str
    """As the user named it."""
    digest: str
    """Of the examples' ids in their order: equal for equal data."""
    contaminated: int
    """Examples that were left out because they overlap a test."""
    overlaps: dict[str, int] = field(default_factory=dict)
    """How many of them by the kind of overlap."""


@dataclass(frozen=True, slots=True)
class Report:
    """All that a run found, and what is needed to repeat it."""

    model: str
    adapter: str | None
    """The folder of the adapter that was scored; None for one that was tuned in this run."""
    fingerprint: str
    style: str
    seed: int
    demonstration: bool
    rows: Sequence[Row]
    data: Data | None
    recipe: Recipe | None
    tuning: Tuning | None
    versions: dict[str, str]

    def as_json(self) -> str:
        """The report as indented JSON, with a final line break."""
        values = asdict(self)
        values["recipe"] = self.recipe.model_dump() if self.recipe else None
        return json.dumps(values, indent=2) + "\n"


def versions() -> dict[str, str]:
    """The versions of what computes a score."""
    names = ("bioinstruct", "torch", "transformers", "peft", "tokenizers", "numpy", "rouge-score")
    return {"python": platform.python_version()} | {n: importlib.metadata.version(n) for n in names}


def table(report: Report) -> str:
    """The rows to read in a terminal: what, on how many items, base, tuned, and how sure."""
    head = ["task", "metric", "n", "majority", "base", "tuned", "difference (95 % interval)"]
    read_twice = {row.task for row in report.rows if row.how == "likelihood"}
    lines = [head, *(_cells(row, row.task in read_twice) for row in report.rows)]
    if all(row.tuned is None for row in report.rows):
        lines = [line[:5] for line in lines]
    if report.style == "encoder":
        lines[0][4] = "encoder"
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = []
    for line in lines:
        cells = [
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text.append("  ".join(cells).rstrip())
    return "\n".join(text)


def notes(report: Report) -> list[str]:
    """What a reader of the table must know besides: what did not fit, and odd answers."""
    lines = []
    if report.data and report.data.contaminated:
        lines.append(f"tuning: left out {_left_out(report.data)}")
    if report.tuning and (report.tuning.skipped or report.tuning.shortened):
        lines.append(
            f"tuning: {report.tuning.skipped:,} examples did not fit and were left out, "
            f"{report.tuning.shortened:,} inputs were shortened to fit"
        )
    for row in {row.task: row for row in report.rows}.values():
        for which, flags in (("base", row.base_flags), ("tuned", row.tuned_flags)):
            odd = [f"{flags[name]:,} {told}" for name, told in FLAGS.items() if flags.get(name)]
            if odd:
                lines.append(f"{row.task}, {which}, {row.n:,} answers: {'; '.join(odd)}")
    return lines


def _left_out(data: Data) -> str:
    kinds = ", ".join(
        f"{count:,} {kind.removeprefix('contaminated-')}" for kind, count in data.overlaps.items()
    )
    return f"{data.contaminated:,} because they overlap a test" + (f" ({kinds})" if kinds else "")


def adapter_card(report: Report) -> str:
    """The model card that lies beside the adapter."""
    recipe, tuning, data = report.recipe, report.tuning, report.data
    assert recipe is not None
    assert tuning is not None
    assert data is not None
    settings = "\n".join(f"| {name} | {value} |" for name, value in recipe.model_dump().items())
    return f"""---
base_model: {json.dumps(report.model)}
library_name: peft
tags: [lora, biomedical, bioinstruct]
---
# LoRA adapter for {report.model}

{DEMONSTRATION + chr(10) + chr(10) if report.demonstration else ""}Tuned with bioinstruct \
{report.versions["bioinstruct"]} on {tuning.examples:,} instructions from {data.source} \
({tuning.tokens:,} tokens in {tuning.steps:,} steps, {tuning.trained_parameters:,} parameters \
trained, loss {tuning.losses[0]:.2f} to {tuning.losses[-1]:.2f} nats per answer token). Prompt \
style: `{report.style}`. {tuning.shortened:,} inputs were shortened to fit; {tuning.skipped:,} \
examples did not fit and were left out, and {_left_out(data)}.

Not for medical use.

## Results

```
{table(report)}
```

{_specifications(report)}

## Recipe

| field | value |
|---|---|
{settings}
| seed | {report.seed} |
"""


def _specifications(report: Report) -> str:
    specs = dict.fromkeys((row.metric, row.spec) for row in report.rows)
    return "\n".join(f"- {metric}: {spec}" for metric, spec in specs)


def _cells(row: Row, read_twice: bool) -> list[str]:
    metric = f"{row.metric}, {row.how}" if read_twice else row.metric
    cells = [row.task, metric, f"{row.n:,}", f"{row.majority:.3f}", f"{row.base.value:.3f}"]
    if row.tuned is None or row.difference is None:
        return [*cells, "", ""]
    d = row.difference
    return [*cells, f"{row.tuned.value:.3f}", f"{d.value:+.3f} ({d.low:+.3f} to {d.high:+.3f})"]
