"""Write an analysis and its records as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from bioinstruct.analysis.records import PageRecords
from bioinstruct.analysis.report import Analysis
from bioinstruct.analysis.sunburst import svg
from bioinstruct.dataset.statistics import Quantiles
from bioinstruct.files import atomic_file

__all__ = ["write_page"]

_TEMPLATE = Path(__file__).parents[1] / "data" / "stats.html"
_ROWS = 12  # rows of a table of counts that show before the reader expands it


def write_page(
    path: Path,
    analysis: Analysis,
    records: PageRecords,
    *,
    name: str,
    private: Mapping[str, int] | None = None,
) -> None:
    """Write the page atomically.

    `private` counts the records that may not be redistributed, by reason; the page warns of them
    at the top.
    """
    template = _TEMPLATE.read_text(encoding="utf-8")
    before, after = template.split("@RECORDS@")
    values = {
        "TITLE": escape(name),
        "HEADER": _header(analysis, private or {}),
        "FIGURES": "".join(_figures(analysis)),
        "WHICH": _which(analysis, records),
        "FOOTER": f"Fingerprint of the records: {analysis.statistics.fingerprint}. Not medical "
        "advice: no answer here should guide the care of a patient.",
    }
    with atomic_file(path) as file:
        file.write(_filled(before, values).encode("utf-8"))
        for portion in records.portions():
            file.write(b'<script type="text/plain" class="records">' + portion + b"</script>\n")
        file.write(after.encode("utf-8"))


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Fill in each placeholder once; a value that looks like a placeholder stays as text."""
    for key, value in values.items():
        parts = text.split(f"@{key}@")
        text = value.replace("@", "&#64;").join(parts)
    return text


def _header(analysis: Analysis, private: Mapping[str, int]) -> str:
    found = analysis.statistics
    parts = [
        f"<p>{found.examples:,} instructions from {len(found.origins):,} "
        f"source{'s' if len(found.origins) != 1 else ''}, {len(found.tasks):,} "
        f"kind{'s' if len(found.tasks) != 1 else ''} of work.</p>"
    ]
    if found.duplicates:
        parts.append(f'<p class="quiet">{found.duplicates:,} exact duplicates left out.</p>')
    if private:
        reasons = "; ".join(f"of {count:,} records {why}" for why, count in sorted(private.items()))
        parts.append(
            f'<p class="private">Not for redistribution: {escape(reasons)}. '
            "Do not share this page.</p>"
        )
    return "".join(parts)


def _which(analysis: Analysis, records: PageRecords) -> str:
    if records.kept == records.seen:
        return f"This page contains all {records.seen:,} records."
    return (
        f"This page contains a random sample of {records.kept:,} of the {records.seen:,} records "
        f"(seed {analysis.seed}); the figures above cover all of them."
    )


def _figures(analysis: Analysis) -> Iterator[str]:
    found = analysis.statistics
    yield '<div class="cards">'
    yield _counts("Sources", "source", found.origins, found.examples)
    yield _counts("Tasks", "task", found.tasks, found.examples)
    yield _counts("Categories", "category", found.categories, found.examples)
    yield _counts("Licences", "licence", found.licenses, found.examples)
    yield _lengths(analysis)
    yield _answers(analysis)
    yield _verbs(analysis)
    yield _varieties(analysis)
    yield _near_duplicates(analysis)
    yield _contamination(analysis)
    yield "</div>"


def _card(title: str, body: str, *, wide: bool = False) -> str:
    return f'<div class="card{" wide" if wide else ""}"><h3>{title}</h3>{body}</div>'


def _head(cells: Sequence[str], numbers: Iterable[int]) -> str:
    right = set(numbers)
    parts = [
        f'<th scope="col"{" class=n" if at in right else ""}>{cell}</th>'
        for at, cell in enumerate(cells)
    ]
    return f"<thead><tr>{''.join(parts)}</tr></thead>"


def _counts(title: str, what: str, counts: Mapping[str, int], total: int) -> str:
    items = list(counts.items())
    most = max(counts.values(), default=1)
    rows = [
        f'<tr><td class="name">{escape(name)}</td><td class="n">{count:,}</td>'
        f'<td class="n">{100 * count / total:.1f} %</td>'
        f'<td class="bar"><span style="--share:{count / most:.4f}"></span></td></tr>'
        for name, count in items
    ]
    head = _head((what, "examples", "share", ""), (1, 2))
    body = f"<table>{head}<tbody>{''.join(rows[:_ROWS])}</tbody></table>"
    if rest := rows[_ROWS:]:
        body += (
            f"<details><summary>{len(rest):,} more</summary>"
            f"<table>{head}<tbody>{''.join(rest)}</tbody></table></details>"
        )
    return _card(title, body)


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Iterable[int], note: str = ""
) -> str:
    """Return a table with escaped cells that scrolls when it is wide, also by keyboard."""
    right = set(numbers)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{"n" if at in right else "name"}">{escape(cell)}</td>'
            for at, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return _scroll(f"<table>{_head(head, right)}<tbody>{body}</tbody></table>", note)


def _scroll(table: str, note: str = "") -> str:
    below = f'<p class="note">{note}</p>' if note else ""
    return f'<div class="scroll" tabindex="0" role="group" aria-label="table">{table}</div>{below}'


def _lengths(analysis: Analysis) -> str:
    found = analysis.statistics
    units = {"characters": found.characters, "words": found.words}
    if found.tokens:
        units[f"tokens of {found.tokenizer}"] = found.tokens
    rows = [
        (f"{field}, {unit}", *(f"{value:,}" for value in _values(lengths[field])))
        for unit, lengths in units.items()
        for field in lengths
    ]
    head = ("length of", "shortest", "10 %", "median", "90 %", "99 %", "longest")
    return _card("Lengths", _table(head, rows, numbers=range(1, 7)), wide=True)


def _values(found: Quantiles) -> tuple[int, ...]:
    return (found.min, found.p10, found.median, found.p90, found.p99, found.max)


def _answers(analysis: Analysis) -> str:
    balances = analysis.statistics.answers
    if not balances:
        return ""
    rows = []
    for task, found in balances.items():
        total = sum(found.labels.values())
        shown = list(found.labels.items())[:8]
        stack = "".join(
            f'<span style="--share:{count / total:.4f}" title="{escape(name)}: {count:,}"></span>'
            for name, count in found.labels.items()
        )
        names = ", ".join(f"{escape(name)} {count:,}" for name, count in shown)
        more = len(found.labels) - len(shown)
        rows.append(
            f'<tr><td class="name">{escape(task)}</td><td class="n">{found.examples:,}</td>'
            f'<td class="n">{100 * found.majority:.1f} %</td><td class="name">'
            f'<div class="stack" aria-hidden="true">{stack}</div>{names}'
            f"{f', {more} more' if more > 0 else ''}</td></tr>"
        )
    head = _head(("task", "examples", "most frequent", "labels"), (1, 2))
    return _card(
        "Answer balance of tasks with a closed set of answers",
        _scroll(f"<table>{head}<tbody>{''.join(rows)}</tbody></table>"),
        wide=True,
    )


def _verbs(analysis: Analysis) -> str:
    found = analysis.openings
    if not found.shown:
        return ""
    rows = [
        (verb, f"{count:,}", ", ".join(f"{n} {c:,}" for n, c in found.objects[verb].items()))
        for verb, count in found.verbs.items()
    ]
    note = (
        f"By {escape(found.method)}. {found.without_verb:,} instructions do not open with a verb "
        f"(questions, for example), and {found.without_object:,} have no object. The chart shows "
        f"{found.shown:,} of {found.examples:,}."
    )
    table = _table(("verb", "examples", "objects"), rows, numbers=(1,), note=note)
    return _card(
        "What the instructions ask for",
        f'<div class="verbs"><div>{svg(found)}</div><div>{table}</div></div>',
        wide=True,
    )


def _varieties(analysis: Analysis) -> str:
    rows = [
        (
            field,
            f"{found.texts:,}",
            f"{found.words:,}",
            f"{found.type_token_ratio:.3f}",
            f"{found.distinct_2:.3f}",
            f"{found.distinct_3:.3f}",
            f"{found.self_rouge_mean:.3f}",
            f"{found.self_rouge_nearest:.3f}",
        )
        for field, found in analysis.varieties.items()
    ]
    head = ("field", "texts", "words", "type/token", "distinct-2", "distinct-3", "self-ROUGE")
    note = (
        f"On a sample of {analysis.sample:,} records (seed {analysis.seed}). Self-ROUGE is the "
        "mean ROUGE-L F over all pairs of texts; nearest is the mean over each text's closest one."
    )
    table = _table((*head, "nearest"), rows, numbers=range(1, 8), note=note)
    return _card("Variety", table, wide=True)


def _near_duplicates(analysis: Analysis) -> str:
    found = analysis.near_duplicates
    if found is None:
        return ""
    causes = {name for row in found.dropped.values() for name in row}
    columns = [name for name in found.examples if name in causes]
    body = []
    for source, count in found.examples.items():
        row = found.dropped.get(source, {})
        cells = [f'<th scope="row" class="name">{escape(source)}</th><td class="n">{count:,}</td>']
        for name in columns:
            number = row.get(name, 0)
            text = f"{number:,}" if number else ""
            cells.append(f'<td class="heat" style="--share:{number / count:.4f}">{text}</td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    note = (
        f"{found.total:,} records ({100 * found.total / analysis.statistics.examples:.1f} %) are "
        f"near duplicates of an earlier record: ROUGE-L F above {found.threshold:g} between the "
        "inputs (or the instructions, if there is no input), "
        f"{found.within:,} within their source and "
        f"{found.total - found.within:,} across sources. Rows: source of the record; columns: "
        "source of the earlier one; darker means a larger share of the row's source."
    )
    turned = "".join(f'<th scope="col" class="turned">{escape(name)}</th>' for name in columns)
    head = f'<thead><tr><th scope="col">source</th><th scope="col" class="n">examples</th>{turned}'
    table = f'<table class="matrix">{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    return _card("Near duplicates, within and across sources", _scroll(table, note), wide=True)


def _contamination(analysis: Analysis) -> str:
    if analysis.contamination is None:
        return ""
    rows = [
        (
            name,
            f"{found.test_texts:,}",
            f"{found.records:,}",
            f"{100 * found.records / analysis.statistics.examples:.2f} %",
            ", ".join(f"{kind} {count:,}" for kind, count in found.kinds.items()),
            ", ".join(f"{source} {count:,}" for source, count in found.sources.items()),
        )
        for name, found in analysis.contamination.items()
        if found.records
    ]
    clean = [name for name, found in analysis.contamination.items() if not found.records]
    note = f"No overlap with {escape(', '.join(clean))}." if clean else ""
    head = ("test split of", "test texts", "records", "share", "kinds", "sources")
    table = _table(head, rows, numbers=(1, 2, 3), note=note)
    return _card("Overlap with benchmarks", table, wide=True)
