"""The lines below a table of results: what its marks mean, stability, and memory."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from bioinstruct.tables import aligned

if TYPE_CHECKING:
    from bioinstruct.bench.evaluation.report import Report, Row

__all__ = ["BELOW", "marks", "memory_lines", "spread", "stability_lines"]

BELOW = " <"
"""Behind the score of a tuned model that does not reach a floor."""


def spread(row: Row) -> str:
    """Return mean and standard deviation of a score over seeds; empty for one seed."""
    if len(row.repeats) < 2:
        return ""
    return f"{statistics.mean(row.repeats):.3f} ± {statistics.stdev(row.repeats):.3f}"


def marks(report: Report) -> list[str]:
    """Explain the mark if it is used; name tasks without a floor and items without a document."""
    lines = []
    if any(row.below_floor for row in report.rows):
        lines += [f"{BELOW.strip()} less than without a language model: majority or floor"]
    without = {r.task: r.floor_name for r in report.rows if r.floor is None and r.floor_name}
    lines += [f"no floor but the majority: {task}: {why}" for task, why in without.items()]
    nameless = {r.task: r for r in report.rows if r.nameless}
    lines += [
        f"no document known: {task}: {row.nameless:,} of {row.n:,} items, each counted as a "
        "document of its own"
        for task, row in nameless.items()
    ]
    return ["", *lines] if lines else []


def memory_lines(report: Report) -> list[str]:
    """Compare the scores on items seen in training with those on unseen ones."""
    rows = [row for row in report.rows if row.seen and row.seen.n]
    if not rows:
        return []
    head = ["memory", "metric", "seen in training", "seen: base", "tuned", "unseen: base", "tuned"]
    lines = [head]
    for row in rows:
        assert row.seen
        base, tuned = row.seen.base, row.seen.tuned or (None, None)
        share = f"{row.seen.share:.0%} of {row.seen.n:,} {row.seen.of}"
        scores = [base[0], tuned[0], base[1], tuned[1]]
        cells = ["" if score is None else f"{score:.3f}" for score in scores]
        lines.append([row.task, row.metric, share, *cells])
    if all(row.tuned is None for row in rows):
        lines = [[*line[:4], line[5]] for line in lines]
    return ["", *aligned(lines)]


def stability_lines(report: Report) -> list[str]:
    """Show how scores and answers change with the order of the options and with the wording."""
    lines: list[str] = []
    for of, same in (("orders", "follows the text"), ("wordings", "same answer")):
        head = [of, "metric", "model", "items", "forms", "score in each", same]
        head += ["follows the letter"] if of == "orders" else []
        rows = []
        for row, found in ((r, each) for r in report.rows for each in r.stability):
            for name, model in (("base", found.base), ("tuned", found.tuned)):
                if found.of != of or model is None:
                    continue
                scores = " ".join(f"{score:.3f}" for score in model.scores)
                cells = [row.task, row.metric, name, f"{found.items:,}", f"{found.forms}", scores]
                cells.append(f"{model.same:.1%}")
                rows.append(cells + ([f"{model.same_letter:.1%}"] if of == "orders" else []))
        lines += ["", *aligned([head, *rows])] if rows else []
    return lines
