"""Format an analysis as lines of text for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from bioinstruct.analysis.report import Analysis
from bioinstruct.dataset.statistics import Quantiles

__all__ = ["lines"]

_ROWS = 40  # rows of a table of counts
_LABELS = 5  # labels shown for a task
_WIDTH = 44  # columns of a name


def lines(analysis: Analysis) -> Iterator[str]:
    """Yield the report line by line, with an empty line between tables."""
    found = analysis.statistics
    repeated = f", {found.duplicates:,} exact duplicates left out" if found.duplicates else ""
    yield f"{found.examples:,} instructions{repeated}"
    for name, counts in (
        ("source", found.origins),
        ("category", found.categories),
        ("task", found.tasks),
        ("licence", found.licenses),
        ("kind", found.kinds),
    ):
        yield from _counts(name, counts, found.examples)
    yield from _lengths(analysis)
    yield from _answers(analysis)
    yield from _varieties(analysis)
    yield from _openings(analysis)
    yield from _near_duplicates(analysis)
    yield from _contamination(analysis)


def _counts(name: str, counts: Mapping[str, int], total: int) -> Iterator[str]:
    shown = list(counts.items())
    if len(shown) > _ROWS:
        rest = shown[_ROWS:]
        shown = [*shown[:_ROWS], (f"{len(rest):,} more", sum(count for _, count in rest))]
    rows = [(key, f"{count:,}", f"{100 * count / total:.1f} %") for key, count in shown]
    yield from _table((name, "examples", "share"), rows)


def _lengths(analysis: Analysis) -> Iterator[str]:
    found = analysis.statistics
    rows = [
        (f"{field}, {unit}", *(f"{value:,}" for value in _values(lengths[field])))
        for unit, lengths in (
            ("characters", found.characters),
            ("words", found.words),
            (f"tokens of {found.tokenizer}", found.tokens),
        )
        for field in lengths
    ]
    yield from _table(("length", "shortest", "10 %", "median", "90 %", "99 %", "longest"), rows)


def _values(found: Quantiles) -> tuple[int, ...]:
    return (found.min, found.p10, found.median, found.p90, found.p99, found.max)


def _answers(analysis: Analysis) -> Iterator[str]:
    rows = []
    for task, found in analysis.statistics.answers.items():
        labels = [f"{name} {count:,}" for name, count in list(found.labels.items())[:_LABELS]]
        if (more := len(found.labels) - _LABELS) > 0:
            labels.append(f"{more} more")
        rows.append(
            (task, f"{found.examples:,}", f"{100 * found.majority:.1f} %", ", ".join(labels))
        )
    if rows:
        yield from _table(("answers of", "examples", "majority", "labels"), rows, left=(0, 3))


def _varieties(analysis: Analysis) -> Iterator[str]:
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
    yield from _table(
        (
            f"variety of {analysis.sample:,}",
            "texts",
            "words",
            "type/token",
            "distinct-2",
            "distinct-3",
            "self-ROUGE",
            "nearest",
        ),
        rows,
    )


def _openings(analysis: Analysis) -> Iterator[str]:
    found = analysis.openings
    rows = [
        (
            verb,
            f"{count:,}",
            ", ".join(f"{name} {number:,}" for name, number in found.objects[verb].items()),
        )
        for verb, count in found.verbs.items()
    ]
    if rows:
        yield from _table(("verb", "examples", "objects"), rows, left=(0, 2))
    yield (
        f"verb and object: {found.method}; {found.without_verb:,} instructions without a verb "
        f"(such as questions), {found.without_object:,} without an object"
    )


def _near_duplicates(analysis: Analysis) -> Iterator[str]:
    found = analysis.near_duplicates
    if found is None:
        return
    rows = []
    for source, count in found.examples.items():
        row = found.dropped.get(source, {})
        own = row.get(source, 0)
        others = sorted(((n, name) for name, n in row.items() if name != source), reverse=True)
        named = ", ".join(f"{name} {number:,}" for number, name in others)
        share = f"{100 * sum(row.values()) / count:.1f} %"
        rows.append(
            (source, f"{count:,}", f"{own:,}", f"{sum(row.values()) - own:,}", share, named)
        )
    header = ("near duplicates", "examples", "own source", "others", "share", "which")
    yield from _table(header, rows, left=(0, 5))
    yield (
        f"{found.total:,} records are near duplicates of an earlier record (ROUGE-L F of the "
        f"inputs above {found.threshold:g}): {found.within:,} within their source, "
        f"{found.total - found.within:,} across sources"
    )


def _contamination(analysis: Analysis) -> Iterator[str]:
    if analysis.contamination is None:
        return
    rows = [
        (
            name,
            f"{found.test_texts:,}",
            f"{found.records:,}",
            f"{100 * found.records / analysis.statistics.examples:.2f} %",
            ", ".join(f"{kind} {count:,}" for kind, count in found.kinds.items()),
        )
        for name, found in analysis.contamination.items()
        if found.records
    ]
    header = ("overlap with the test of", "test texts", "records", "share", "kinds")
    yield from _table(header, rows, left=(0, 4))
    if clean := [name for name, found in analysis.contamination.items() if not found.records]:
        yield f"no overlap with {', '.join(clean)}"


def _table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)
) -> Iterator[str]:
    """Yield an empty line, the header and the rows, aligned in columns."""
    cells = [tuple(_short(cell, last=cell is row[-1]) for cell in row) for row in [header, *rows]]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(header))]
    yield ""
    for row in cells:
        padded = (
            cell + " " * (width - _width(cell))
            if column in left
            else " " * (width - _width(cell)) + cell
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(padded).rstrip()


def _short(text: str, *, last: bool) -> str:
    """Put the text on one line and cut it to the width of a column."""
    plain = " ".join(text.split())
    most = 120 if last else _WIDTH
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def _width(text: str) -> int:
    """Return the number of terminal columns that the text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "FW" else 1
        for char in text
    )
