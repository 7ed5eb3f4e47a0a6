"""Rows of a tab-separated file without quoting: a quotation mark is a character like any other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bioinstruct.corpora.formats.plain import read_text
from bioinstruct.errors import DataError
from bioinstruct.files import find

__all__ = ["rows", "rows_of"]


def rows(
    path: Path, columns: Sequence[str], *, header: bool
) -> Iterator[tuple[int, list[str]] | DataError]:
    """Yield the rows of a file, plain or gzip-compressed, with line numbers; see `rows_of`."""
    path = find(path)
    return rows_of(read_text(path), path, columns, header=header)


def rows_of(
    text: str, path: Path, columns: Sequence[str], *, header: bool
) -> Iterator[tuple[int, list[str]] | DataError]:
    """Yield the rows of a text with line numbers; a wrong number of fields yields an error.

    Raises:
        DataError: there are no rows, or the first line is not the header, or without one has
            another number of fields: this is another file.
    """
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    first = lines[0].split("\t")
    wrong = first != list(columns) if header else len(first) != len(columns)
    if wrong:
        what = "a header" if header else "columns"
        found = f"expected {what} {', '.join(columns)}; found {lines[0][:80]!r}"
        raise DataError(found, path=path, line=1)
    for number, line in enumerate(lines[header:], start=1 + header):
        fields = line.split("\t")
        if not line:
            continue
        if len(fields) != len(columns):
            found = f"expected {len(columns)} fields, found {len(fields)}: {line[:80]!r}"
            yield DataError(found, path=path, line=number)
        else:
            yield number, fields
