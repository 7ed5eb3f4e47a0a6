"""What a run found, in a few sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bioinstruct.bench.evaluation.report import DEMONSTRATION
from bioinstruct.bench.report.folder import Run

__all__ = ["headline", "warnings"]


def headline(run: Run) -> list[str]:
    """Return what a run found: what rose, what fell, the means of groups, what a floor beats."""
    rows = run.report["rows"]
    tested = [row for row in rows if row.get("verdict")]
    lines = []
    if tested:
        words = {"better": "Tuning raised", "worse": "Tuning lowered"}
        for verdict, what in words.items():
            names = _names([row for row in tested if row["verdict"]["words"] == verdict])
            if names:
                lines.append(
                    f"{what} the score of {len(names)} of {_tasks(tested)}: {_list(names)}."
                )
        rest = [row for row in tested if row["verdict"]["words"] not in words]
        if rest:
            largest = max(row["comparison"]["detectable"] for row in rest)
            lines.append(
                f"No difference was shown for {_list(_names(rest))}: up to {100 * largest:.0f} "
                "points could have gone unseen."
            )
        lines += [_gain(group) for group in run.report["groups"] if group["difference"]]
    else:
        firsts = {(r["task"], r["split"], r["how"]): r for r in reversed(rows)}
        found = [f"{r['task']} {r['base']['value']:.3f}" for r in reversed(firsts.values())]
        lines.append(f"Scores: {_list(found)}.")
    below = _names([row for row in tested or rows if _below(row, tuned=bool(tested))])
    if below:
        lines.append(f"Less than without a language model (majority or floor): {_list(below)}.")
    return lines


def _gain(group: dict[str, Any]) -> str:
    base, tuned, apart = group["base"]["value"], group["tuned"]["value"], group["difference"]
    relative = f", {100 * apart['value'] / base:+.0f} % relative" if base else ""
    form = f" ({group['form']})" if group["form"] else ""
    return (
        f"{group['group']}{form}: from {base:.3f} to {tuned:.3f}, "
        f"{100 * apart['value']:+.1f} points{relative}."
    )


def _below(row: dict[str, Any], *, tuned: bool) -> bool:
    score = row["tuned"] if tuned else row["base"]
    return bool(score and score["value"] < max(row["majority"], row.get("floor") or 0.0))


def _names(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["task"] for row in rows))


def _tasks(rows: Sequence[dict[str, Any]]) -> str:
    count = len(_names(rows))
    return f"{count} task{'' if count == 1 else 's'}"


def _list(names: Sequence[str]) -> str:
    shown = list(names[:8])
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def warnings(run: Run) -> list[str]:
    """Return what a reader must know before believing the scores."""
    report = run.report
    lines = [DEMONSTRATION] if report.get("demonstration") else []
    data = report.get("data") or {}
    if data.get("contamination") == "off":
        lines.append("The training data were not compared with the tests: scores may show memory.")
    if data.get("contamination") == "report" and data.get("contaminated"):
        lines.append(
            f"{data['contaminated']:,} training examples that overlap a test were kept: scores may "
            "show memory."
        )
    skipped = max((row["base_flags"].get("skipped", 0) for row in report["rows"]), default=0)
    if skipped:
        lines.append(f"Up to {skipped:,} prompts of a task did not fit and count as wrong.")
    return [*lines, *report.get("found", ())]
