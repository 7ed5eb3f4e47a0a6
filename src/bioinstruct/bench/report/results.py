"""The tables of results: as cells, and from them as Markdown, LaTeX (booktabs) and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bioinstruct.bench.report.folder import Run
from bioinstruct.text import one_line, visible

__all__ = ["FORMATS", "Table", "as_csv", "as_latex", "as_markdown", "between", "gains", "results"]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of texts."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    """How many columns are text; the others are numbers."""


def results(run: Run) -> Table:
    """Return a row for each metric of each task: floors, scores with intervals, difference."""
    rows = run.report["rows"]
    splits = {row["split"] for row in rows} - {"test"}
    ways = {row["task"]: {r["how"] for r in rows if r["task"] == row["task"]} for row in rows}
    tuned = any(row["tuned"] for row in rows)
    head = ["task", "metric", "n", "documents", "majority", "floor"]
    head += [run.report["style"] if run.report["style"] == "encoder" else "base"]
    head += ["tuned", "difference", "verdict", "detectable"] if tuned else []
    lines = []
    for row in rows:
        name = f"{row['task']}, {row['split']}" if splits else row["task"]
        metric = f"{row['metric']}, {row['how']}" if len(ways[row["task"]]) > 1 else row["metric"]
        floor = row.get("floor")
        cells = [name, metric, f"{row['n']:,}", f"{row.get('documents') or row['n']:,}"]
        cells += [f"{row['majority']:.3f}", "" if floor is None else f"{floor:.3f}"]
        cells += [between(row["base"])]
        lines.append((*cells, *(_tuned(row) if tuned else ())))
    return Table("Results by task", tuple(head), tuple(lines), 2)


def _tuned(row: dict[str, Any]) -> list[str]:
    if not row["tuned"] or not row["difference"]:
        return ["", "", "", ""]
    cells = [between(row["tuned"]), between(row["difference"], "+")]
    verdict, compared = row.get("verdict"), row.get("comparison")
    if not verdict or not compared:
        return [*cells, "", ""]
    p = verdict["p"]
    words = verdict["words"]
    if p is not None:
        words += ", p < 0.001" if p < 0.001 else f", p = {p:.3f}"
    return [*cells, words, f"{compared['detectable']:.3f}"]


def gains(run: Run) -> Table:
    """Return the gain of each group as the papers report it: in points, and relative to before."""
    head = ("group", "tasks", "floor", "base", "tuned", "gain in points", "relative")
    rows = []
    for group in run.report["groups"]:
        if not group["tuned"]:
            continue
        base, tuned, apart = group["base"], group["tuned"], group["difference"]
        relative = f"{100 * apart['value'] / base['value']:+.1f} %" if base["value"] else ""
        points = ", ".join(f"{100 * apart[end]:+.1f}" for end in ("low", "high"))
        name = ", ".join(filter(None, (group["group"], group["form"])))
        floor = group.get("floor")
        rows.append(
            (
                name if group["split"] == "test" else f"{name}, {group['split']}",
                ", ".join(group["tasks"]),
                "" if floor is None else f"{floor:.3f}",
                f"{base['value']:.3f}",
                f"{tuned['value']:.3f}",
                f"{100 * apart['value']:+.1f} [{points}]",
                relative,
            )
        )
    return Table("Gain by group", head, tuple(rows), 2)


def between(found: dict[str, float], sign: str = "") -> str:
    """Return a value with its 95 % interval."""
    value, low, high = (f"{found[part]:{sign}.3f}" for part in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def as_markdown(table: Table) -> str:
    """Return a table in GitHub's Markdown."""

    def cell(text: str) -> str:
        plain = one_line(visible(text)).replace("\\", "\\\\")
        for mark in "|<>*_`[]":
            plain = plain.replace(mark, f"\\{mark}")
        return plain

    rule = [":--" if at < table.left else "--:" for at in range(len(table.head))]
    lines = [[cell(text) for text in row] for row in (table.head, *table.rows)]
    lines.insert(1, rule)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",
    "]": "{]}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}


def as_latex(table: Table) -> str:
    """Return a table for LaTeX with the package booktabs."""

    def row(cells: Sequence[str]) -> str:
        texts = ("".join(_LATEX.get(c, c) for c in one_line(visible(cell))) for cell in cells)
        return f"{' & '.join(texts)} \\\\\n"

    columns = "l" * table.left + "r" * (len(table.head) - table.left)
    body = "".join(map(row, table.rows))
    return (
        f"% \\usepackage{{booktabs}}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n"
        f"{row(table.head)}\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n"
    )


def as_csv(table: Table) -> str:
    """Return a table as CSV; what a spreadsheet would run as a formula gets an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in (table.head, *table.rows):
        writer.writerow([_inert(one_line(visible(cell))) for cell in row])
    return out.getvalue()


def _inert(cell: str) -> str:
    number = cell[1:2].isdigit() and cell[:1] in "+-"
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@"} and not number else cell


FORMATS = {"md": as_markdown, "tex": as_latex, "csv": as_csv}
"""The formats of a table by the ending of their files."""
