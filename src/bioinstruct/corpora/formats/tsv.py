"""Read tab-separated files without quoting: a quotation mark is an ordinary character."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bioinstruct.corpora.formats.plain import damage, or_another_file, read_text
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz

__all__ = ["rows", "rows_of"]


def rows(
    path: Path, columns: Sequence[str], *, header: bool
) -> Iterator[tuple[int, list[str]] | DataError]:
    """Read the rows of a file, plain or gzip-compressed; see `rows_of`."""
    path = resolve_gz(path)
    return rows_of(read_text(path, lenient=True), path, columns, header=header)


def rows_of(
    text: str, path: Path, columns: Sequence[str], *, header: bool
) -> Iterator[tuple[int, list[str]] | DataError]:
    """Read the rows of a text, each with its line; yield the error of a faulty row.

    Raises:
        DataError: there are no rows, the first line is not the header, or the first twenty rows,
            or all, are faulty: the file is of another kind.
    """
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if header and lines[0].split("\t") != list(columns):
        found = f"expected a header {', '.join(columns)}; found {lines[0][:80]!r}"
        raise DataError(found, path=path, line=1)
    rows = _rows(lines[header:], path, columns, 1 + header)
    return rows if header else or_another_file(rows)


def _rows(
    lines: Sequence[str], path: Path, columns: Sequence[str], begun: int
) -> Iterator[tuple[int, list[str]] | DataError]:
    if not any(lines) and begun == 1:
        raise DataError(f"expected columns {', '.join(columns)}; found ''", path=path, line=1)
    for number, line in enumerate(lines, start=begun):
        fields = line.split("\t")
        if not line:
            continue
        if len(fields) != len(columns):
            found = f"expected {len(columns)} fields, found {len(fields)}: {line[:80]!r}"
            yield DataError(found, path=path, line=number)
        elif fault := damage(line):
            yield DataError(fault, path=path, line=number)
        elif begun > 1 and fields == list(columns):
            found = "the header is repeated here: two files may have been joined"
            yield DataError(found, path=path, line=number)
        else:
            yield number, fields
