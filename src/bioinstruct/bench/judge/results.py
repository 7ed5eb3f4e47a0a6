"""The verdicts of a judge: what was judged, the summaries by task, and their lines in a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bioinstruct.bench.judge.prompt import PROMPT
from bioinstruct.bench.metrics import Metric
from bioinstruct.bench.metrics.base import mean
from bioinstruct.bench.metrics.intervals import Interval
from bioinstruct.schema import Instruction

__all__ = ["JudgedTask", "Judgement", "Written", "agreement_lines", "points"]

points = Metric(
    "judge points",
    f"mean of the points for correct, complete and clear, 1 to 5 each, by rubric {PROMPT}; no "
    "answer has 1",
    lambda gold, found: (found if found is not None else 0.0, float(found is not None)),
    mean,
)
"""Items with an unreadable verdict are left out and counted separately."""


@dataclass(frozen=True, slots=True)
class Written:
    """The written answers of one task; None for an item without an answer."""

    task: str
    examples: Sequence[Instruction]
    base: Sequence[str | None]
    tuned: Sequence[str | None] | None = None


@dataclass(frozen=True, slots=True)
class JudgedTask:
    """The verdicts on one task, summarised."""

    task: str
    n: int
    base: Interval
    tuned: Interval | None
    difference: Interval | None
    wins: int
    """Items for which the judge preferred the tuned model's answer in both orders."""
    losses: int
    ties: int
    swayed: int
    """Ties in which the judge preferred the same position in both orders."""
    unreadable: int
    """Verdicts that were refused or could not be read; their items are left out."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A judge and its verdicts, as part of the report."""

    judge: str
    prompt: str
    called: tuple[str, ...]
    """Model names that the server reported for the judge."""
    tasks: tuple[JudgedTask, ...] = ()
    spec: str = points.spec
    agreement: Mapping[str, Any] | None = None
    """Agreement with human scores (`Agreement`); None if not measured."""

    def lines(self) -> list[str]:
        """Return the verdicts as lines to print below a table."""
        text = [f"judge {self.judge}, {self.prompt}; {self.spec}"]
        for task in self.tasks:
            line = f"  {task.task}, {task.n:,} items: {_between(task.base)}"
            if task.tuned and task.difference:
                line += f", tuned {_between(task.tuned)}, difference {_between(task.difference)}"
                line += f"; tuned preferred {task.wins:,}, base {task.losses:,}, "
                line += f"neither {task.ties:,} ({task.swayed:,} by their order)"
            if task.unreadable:
                line += f"; {task.unreadable:,} unreadable verdicts"
            text.append(line)
        return [*text, *agreement_lines(self.agreement)]


def agreement_lines(found: Mapping[str, Any] | None) -> list[str]:
    """Return the agreement of a judge with people as lines to print."""
    if found is None:
        return ["  agreement with people: not measured (--agreement)"]
    lines = [f"  agreement with people on {found['n']:,} summaries (Spearman, 95 % interval):"]
    for one in found["correlations"]:
        rank = one["spearman"]
        value = f"{rank['value']:+.2f} ({rank['low']:+.2f} to {rank['high']:+.2f})"
        lines.append(f"    {one['points']} and {one['human']}: {value}")
    return lines


def _between(found: Interval) -> str:
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
