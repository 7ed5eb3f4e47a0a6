"""The tables of runs for a paper, and the forest plot as a file of its own."""

from __future__ import annotations

from collections.abc import Sequence

from bioinstruct.bench.report.curve import loss_curve
from bioinstruct.bench.report.folder import Run
from bioinstruct.bench.report.forest import forest, lines_of
from bioinstruct.bench.report.merged import merge, scores
from bioinstruct.bench.report.results import FORMATS, gains, results

__all__ = ["exports"]


def exports(runs: Sequence[Run]) -> dict[str, str]:
    """Return the content of each file by name: such as `results.md` and `forest.svg`.

    The names of several runs begin with a number; `scores` has them side by side.
    """
    files: dict[str, str] = {}
    if len(runs) > 1:
        table = scores(merge(runs))
        files |= {f"scores.{end}": of(table) for end, of in FORMATS.items()}
    for number, run in enumerate(runs, start=1):
        front = f"{number}-" if len(runs) > 1 else ""
        for name, table in (("results", results(run)), ("gains", gains(run))):
            if table.rows:
                files |= {f"{front}{name}.{end}": of(table) for end, of in FORMATS.items()}
        lines, differences = lines_of(run)
        plot = forest(lines, differences=differences, alone=True)
        files |= {f"{front}forest.svg": f"{plot}\n"} if plot else {}
        curve = loss_curve((run.report.get("tuning") or {}).get("losses", ()), alone=True)
        files |= {f"{front}loss.svg": f"{curve}\n"} if curve else {}
    return files
