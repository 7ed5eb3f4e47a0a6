"""The sections of a page that need no JavaScript: figures, tables, and how to repeat a run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from bioinstruct.bench.evaluation.evaluate import FLAGS
from bioinstruct.bench.evaluation.runs import Pair
from bioinstruct.bench.metrics.intervals import Interval
from bioinstruct.bench.report.curve import loss_curve
from bioinstruct.bench.report.folder import Run
from bioinstruct.bench.report.forest import forest, lines_of
from bioinstruct.bench.report.headline import headline, warnings
from bioinstruct.bench.report.markup import card, safe, table
from bioinstruct.bench.report.results import Table, between, gains, results

__all__ = ["as_html", "compared", "sections"]


def sections(run: Run, *, name: str = "") -> Iterator[str]:
    """Yield the sections of a run; `name` is put into their headings where there are several."""
    of = f" of {safe(name)}" if name else ""
    notes = "".join(f'<p class="warn">{safe(line)}</p>' for line in warnings(run))
    found = "".join(f"<li>{safe(line)}</li>" for line in headline(run))
    yield card(f"Findings{of}", f'{notes}<ul class="found">{found}</ul>')
    yield card(f"Gain by group{of}", as_html(gains(run), _GAINS))
    lines, differences = lines_of(run)
    yield card(f"Forest plot{of}", forest(lines, differences=differences))
    yield card(f"Results by task{of}", as_html(results(run), _RESULTS) + _specified(run))
    yield card(f"Seen and unseen items{of}", _seen(run))
    yield card(f"Answers given{of}", _said(run))
    yield card(f"Odd answers{of}", _flags(run))
    yield card(f"Contamination{of}", _contamination(run))
    yield card(f"Cost{of}", _cost(run))
    yield card(f"To reproduce{of}", _reproduce(run))


_GAINS = (
    "Means over the tasks of a group by the first metric of each; in brackets the 95 % interval. "
    "Relative is the gain divided by the mean of the base, as the papers report it: it is large "
    "where the base is near 0."
)
_RESULTS = (
    "In brackets 95 % intervals by document. Majority is the best constant answer, floor the best "
    "method without a language model. Verdicts are corrected over the tasks (Holm); detectable is "
    "the smallest difference that is found with a power of 80 %."
)


def as_html(found: Table, note: str = "") -> str:
    """Return a table of texts as HTML; empty without rows."""
    if not found.rows:
        return ""
    cells = [[safe(cell) for cell in row] for row in found.rows]
    return table([safe(name) for name in found.head], cells, left=found.left, note=note)


def _firsts(run: Run) -> list[dict[str, Any]]:
    """Return the row of each task's first metric."""
    rows = run.report["rows"]
    firsts = {(row["task"], row["split"], row["how"]): row for row in reversed(rows)}
    return list(reversed(firsts.values()))


def _specified(run: Run) -> str:
    lines = [
        f"<li><b>{safe(row['task'])}</b>: {safe(row.get('specification', row['spec']))}</li>"
        for row in run.report["rows"]
    ]
    return f"<details><summary>What is counted</summary><ul>{''.join(lines)}</ul></details>"


def _seen(run: Run) -> str:
    rows = []
    for row in run.report["rows"]:
        if not (seen := row.get("seen")):
            continue
        tuned = seen["tuned"] or [None, None]
        scores = [seen["base"][0], tuned[0], seen["base"][1], tuned[1]]
        share = f"{100 * seen['share']:.0f} % of {seen['n']:,} {seen['of']}"
        cells = ["" if score is None else f"{score:.3f}" for score in scores]
        rows.append([safe(row["task"]), safe(row["metric"]), safe(share), *cells])
    if not rows:
        return ""
    head = ["task", "metric", "seen in training", "seen: base", "tuned", "unseen: base", "tuned"]
    note = (
        "Whether an item stands, or nearly, in the training split of the task's own corpus: "
        "a difference between the two parts is memory, not skill."
    )
    return table(head, rows, left=3, note=note)


def _said(run: Run) -> str:
    parts = []
    for row in _firsts(run):
        systems = {"base": row.get("base_said"), "tuned": row.get("tuned_said")}
        shown = {name: said for name, said in systems.items() if said}
        if not shown:
            continue
        labels = sorted({label for said in shown.values() for label in said})
        rows = []
        for label in labels[:40]:
            cells = [safe(label)]
            for said in shown.values():
                count, total = said.get(label, 0), sum(said.values())
                share = count / total
                bar = f'<span class="bar" style="--share:{share:.4f}"></span>'
                cells.append(f"{bar}{count:,} ({100 * share:.0f} %)")
            rows.append(cells)
        more = f"{len(labels) - 40:,} more labels" if len(labels) > 40 else ""
        parts.append(f"<h3>{safe(row['task'])}</h3>")
        parts.append(table(["answer", *shown], rows, note=more))
    return "".join(parts)


def _flags(run: Run) -> str:
    rows = []
    for row in _firsts(run):
        for flag, about in FLAGS.items():
            base, tuned = (row[f"{name}_flags"].get(flag, 0) for name in ("base", "tuned"))
            if base or tuned:
                cells = [safe(row["task"]), f"{safe(flag)}: {safe(about)}", f"{base:,}"]
                rows.append([*cells, f"{tuned:,}" if row["tuned"] else ""])
    return table(["task", "answers", "base", "tuned"], rows, left=2) if rows else ""


def _contamination(run: Run) -> str:
    data = run.report.get("data")
    if not data:
        return "<p>Nothing was tuned on in this run.</p>"
    what = {
        "drop": "were left out of tuning",
        "report": "were kept (--contamination report)",
        "off": "were not looked for (--contamination off)",
    }[data.get("contamination", "drop")]
    text = f"<p>Training examples that overlap a test {what}: {data['contaminated']:,}.</p>"
    rows = [[safe(kind), f"{count:,}"] for kind, count in (data.get("overlaps") or {}).items()]
    return text + (table(["kind of overlap", "examples"], rows) if rows else "")


def _cost(run: Run) -> str:
    tuning, scoring = run.report.get("tuning"), run.report.get("scoring")
    rows = [
        [name.replace("_", " "), f"{value:,}"]
        for name, value in (tuning or {}).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    if losses := (tuning or {}).get("losses"):
        rows.append(["loss of the first and the last step", f"{losses[0]:.3f}, {losses[-1]:.3f}"])
    for way in (scoring or {}).get("ways", ()):
        slow = f" (slow: {safe(way['why'])})" if way["why"] else ""
        rows.append([f"answers by {safe(way['by'])}{slow}", f"{way['answers']:,}"])
    curve = loss_curve((tuning or {}).get("losses", ()))
    return table(["tuning and scoring", ""], rows) + curve if rows else ""


def _reproduce(run: Run) -> str:
    report = run.report
    about = {
        "model": report["model"],
        "adapter": report.get("adapter") or ("tuned in this run" if report.get("tuning") else ""),
        "fingerprint": report["fingerprint"],
        "prompt style": report["style"],
        "precision": report.get("precision", ""),
        "seed": report["seed"],
        **{f"version of {name}": found for name, found in report["versions"].items()},
    }
    if data := report.get("data"):
        about |= {"training data": data["source"], "digest of the training data": data["digest"]}
        for source in data.get("sources", ()):
            name = f"{source['origin']} ({source['license']})"
            about[f"examples of {name}"] = f"{source['examples']:,}"
    for row in _firsts(run):
        if row.get("shots"):
            about[f"worked examples of {row['task']}"] = ", ".join(row["shots"])
    rows = [[safe(name), safe(value)] for name, value in about.items() if value not in ("", None)]
    text = table(["", ""], rows, left=2)
    for title, value in (
        ("Options of the command", run.settings),
        ("Recipe", report.get("recipe")),
    ):
        if value:
            shown = safe(json.dumps(value, indent=2, ensure_ascii=False))
            text += f"<details><summary>{title}</summary><pre>{shown}</pre></details>"
    return text


def compared(pairs: Sequence[tuple[str, str, Pair]]) -> str:
    """Return the differences between systems of several runs as a table; empty for none."""
    rows = []
    for first, other, pair in pairs:
        p = "" if pair.verdict.p is None else f", p = {pair.verdict.p:.3f}"
        test = pair.comparison
        cells = [safe(pair.task), safe(pair.metric), safe(first), safe(other), f"{pair.n:,}"]
        for value in (pair.one, pair.other):
            cells.append(between(_ends(value)))
        cells += [between(_ends(test.difference), "+"), safe(f"{pair.verdict.words}{p}")]
        rows.append(cells)
    head = ["task", "metric", "first", "other", "items", "first scores", "other scores"]
    return table([*head, "difference", "verdict on the other"], rows, left=4) if rows else ""


def _ends(found: Interval) -> dict[str, float]:
    return {name: getattr(found, name) for name in ("value", "low", "high")}
