"""Rows of a CSV file: UTF-8, quoted fields that may hold line breaks."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bioinstruct.corpora.formats.plain import read_text
from bioinstruct.errors import DataError
from bioinstruct.files import find

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
) -> Iterator[Row]:
    """Yield the rows of a file, plain or gzip-compressed; line breaks inside fields become LF.

    `header` names the columns of a file whose first row is a row like the others. `fallback` is
    the encoding of a file that turns out not to be UTF-8.

    Raises:
        DataError: a column is missing, or a row has another number of fields than the header.
    """
    path = find(path)
    text = read_text(path, fallback=fallback).replace("\r\n", "\n")
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begun = 1
    try:
        for fields in table:
            if not header:
                header = fields
                _check_header(header, columns, path)
            elif fields and len(fields) != len(header):
                found = f"expected {len(header)} fields, found {len(fields)}"
                raise DataError(found, path=path, line=begun)
            elif fields:
                yield Row(begun, dict(zip(header, fields, strict=True)))
            begun = table.line_num + 1
    except csv.Error as error:
        raise DataError(f"not valid CSV ({error})", path=path, line=begun) from error
    if begun == 1:
        raise DataError(f"empty; expected a header with {', '.join(columns)}", path=path)


def _check_header(header: Sequence[str], columns: Collection[str], path: Path) -> None:
    missing = [column for column in columns if column not in header]
    if missing:
        raise DataError(
            f"missing column {', '.join(missing)}; found {', '.join(header)[:200]}",
            path=path,
            line=1,
        )
