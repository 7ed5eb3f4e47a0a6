"""Write the report of runs as one HTML file, which fetches nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import bioinstruct
from bioinstruct.bench.evaluation.runs import Pair
from bioinstruct.bench.report.folder import Run
from bioinstruct.bench.report.markup import card, safe
from bioinstruct.bench.report.merged import Merged, merge, scores
from bioinstruct.bench.report.payload import portions
from bioinstruct.bench.report.sections import as_html, compared, sections
from bioinstruct.files import atomic_file

__all__ = ["page", "write_page"]

_DATA = Path(bioinstruct.__file__).parent / "data"
_SCORES = "In brackets 95 % intervals; the floor is the better of majority and floor."
_NOT_ADVICE = "Not medical advice: no answer here should guide the care of a patient."


def write_page(
    path: Path, runs: Sequence[Run], pairs: Sequence[tuple[str, str, Pair]] = ()
) -> None:
    """Write a page atomically; see `page`."""
    with atomic_file(path) as file:
        for part in page(runs, pairs):
            file.write(part)


def page(runs: Sequence[Run], pairs: Sequence[tuple[str, str, Pair]] = ()) -> Iterator[bytes]:
    """Yield the parts of the page of one or more runs.

    Args:
        runs: finished runs, whose systems are shown side by side.
        pairs: systems that were compared, each with the names of the two.
    """
    merged = merge(runs)
    template = (_DATA / "report.html").read_text(encoding="utf-8")
    names = {run.report["model"]: None for run in runs}
    values = {
        "TITLE": safe(", ".join(names)),
        "ABOUT": _private(runs) + _about(merged),
        "SECTIONS": "".join(_sections(merged, pairs)),
        "WHICH": _which(merged),
        "FOOTER": f"bioinstruct {safe(bioinstruct.__version__)}. {_NOT_ADVICE}",
        "STYLE": (_DATA / "report.css").read_text(encoding="utf-8"),
    }
    before, after = template.split("@ITEMS@")
    yield _filled(before, values).encode("utf-8")
    for portion in portions(merged) if merged.items else ():
        yield b'<script type="text/plain" class="items">' + portion + b"</script>\n"
    script = (_DATA / "report.js").read_text(encoding="utf-8")
    yield after.replace("@SCRIPT@", script).encode("utf-8")


def _filled(text: str, values: Mapping[str, str]) -> str:
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def _private(runs: Sequence[Run]) -> str:
    """Return a warning if a page has texts that may not be redistributed, with the reasons."""
    rows = [row for run in runs for row in run.items if row.get("private")]
    reasons = dict.fromkeys(f"{row['task']}: {why}" for row in rows for why in row["private"])
    if not reasons:
        return ""
    why = safe("; ".join(reasons))
    return f'<p class="warn"><b>Do not share this page.</b> It has texts of {why}.</p>'


def _about(merged: Merged) -> str:
    if len(merged.runs) == 1:
        report = merged.runs[0].report
        split = {row["split"] for row in report["rows"]}
        asked = sum(row["n"] for row in report["rows"] if _first(row, report["rows"]))
        return (
            f"<p>{safe(report['model'])}, {len(report['rows']):,} scores on {asked:,} items "
            f"({safe(', '.join(sorted(split)))}).</p>"
        )
    names = "".join(f"<li>{safe(system.name)}</li>" for system in merged.systems)
    return f"<p>{len(merged.systems):,} systems side by side:</p><ul>{names}</ul>"


def _first(row: Mapping[str, object], rows: Sequence[Mapping[str, object]]) -> bool:
    same = ("task", "split", "how")
    return row is next(r for r in rows if all(r[name] == row[name] for name in same))


def _sections(merged: Merged, pairs: Sequence[tuple[str, str, Pair]]) -> Iterator[str]:
    several = len(merged.runs) > 1
    if several:
        yield card("Scores side by side", as_html(scores(merged), _SCORES))
    yield card("Systems compared", compared(pairs))
    for number, run in enumerate(merged.runs):
        name = next((s.name for s in merged.systems if s.run == number), run.name)
        name = name.removesuffix(" base").removesuffix(" tuned")
        yield from sections(run, name=name if several else "")


def _which(merged: Merged) -> str:
    without = [run.name for run in merged.runs if not run.items]
    if without:
        return (
            f"No items are kept in {safe(', '.join(without))}, a run of an earlier version. Run "
            "the same command again: answers that are kept are not asked again."
        )
    return f"{len(merged.items):,} items, {len(merged.systems):,} systems."
