"""Read CSV files: UTF-8, with quoted fields that may contain line breaks."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bioinstruct.corpora.formats.plain import damage, read_text
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz

__all__ = ["Row", "rows"]


class Row(NamedTuple):
    """The fields of a row by column, and the line of the file on which the row begins."""

    line: int
    fields: dict[str, str]


def rows(
    path: Path,
    *,
    columns: Collection[str],
    header: Sequence[str] = (),
    delimiter: str = ",",
    fallback: str | None = None,
) -> Iterator[Row | DataError]:
    """Read rows of a file, plain or gzip-compressed; line breaks inside fields become LF.

    A row with another number of fields, a quote out of place or a damaged character is given as an
    error, and the next row is read.

    Args:
        path: the file, or its `.gz` twin.
        columns: those that must be there.
        header: names of the columns of a file whose first row is a row like the others.
        delimiter: between fields.
        fallback: the encoding of a file that turns out not to be UTF-8.

    Raises:
        DataError: a column is missing: this is another file.
    """
    path = resolve_gz(path)
    text = read_text(path, fallback=fallback, lenient=True).replace("\r\n", "\n")
    named = list(header)
    repeated = not header
    damaged = bool(damage(text))
    for line, fields, fault in _parsed(text, delimiter, len(named)):
        if not named:
            if fault:
                raise DataError(fault, path=path, line=line)
            named = fields
            _check_header(named, columns, path)
        elif fault:
            yield DataError(fault, path=path, line=line)
        elif len(fields) != len(named):
            found = f"expected {len(named)} fields, found {len(fields)}"
            yield DataError(found, path=path, line=line)
        elif damaged and (found := _damaged(named, fields)):
            yield DataError(found, path=path, line=line)
        elif repeated and fields == named:
            found = "the header is repeated here: two files may have been joined"
            yield DataError(found, path=path, line=line)
        else:
            yield Row(line, dict(zip(named, fields, strict=True)))
    if not text or not named:
        raise DataError(f"empty; expected a header with {', '.join(columns)}", path=path)


def _damaged(header: Sequence[str], fields: Sequence[str]) -> str:
    for name, field in zip(header, fields, strict=True):
        if fault := damage(field):
            return f"{name}: {fault}"
    return ""


def _parsed(text: str, delimiter: str, size: int) -> Iterator[tuple[int, list[str], str]]:
    """Yield line, fields and fault of each row.

    A stray quote may swallow any number of rows. Reading therefore resumes on the line after the
    start of such a row, and skips the rest of it up to the next complete row.
    """
    lines = io.StringIO(text, newline="").readlines()
    at, searching = 0, False
    while at < len(lines):
        begun = at
        table = csv.reader(lines[at:] if at else lines, delimiter=delimiter, strict=True)
        try:
            for fields in table:
                line, at = at + 1, begun + table.line_num
                if searching and len(fields) != size:
                    at = line
                    break
                if fields:
                    size = size or len(fields)
                    searching = False
                    yield line, fields, ""
        except csv.Error as error:
            if not searching:
                yield at + 1, [], f"not valid CSV ({error})"
            at, searching = at + 1, True


def _check_header(header: Sequence[str], columns: Collection[str], path: Path) -> None:
    missing = [column for column in columns if column not in header]
    if missing:
        raise DataError(
            f"missing column {', '.join(missing)}; found {', '.join(header)[:200]}",
            path=path,
            line=1,
        )
