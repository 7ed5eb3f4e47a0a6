"""Rows of the first sheet of an Excel workbook, as text."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from bioinstruct.corpora.formats.table import Row
from bioinstruct.errors import BioinstructError, DataError, MissingError

__all__ = ["rows"]


def rows(path: Path, *, columns: Collection[str]) -> Iterator[Row]:
    """Read rows under a header row; the line of a row is its number in the sheet.

    Transitional and Strict Open XML are read alike, as are .xls and .ods. A whole number is written
    without a decimal point; a cell that is not there is empty.

    Raises:
        MissingError: there is no such file, or python-calamine is not installed.
        DataError: it is not a workbook, or a column is missing.
    """
    header: list[str] = []
    for line, cells in _cells(path):
        if header:
            if any(cells):
                yield Row(line, dict(zip(header, cells, strict=True)))
        elif any(cells):
            header = cells
            missing = [column for column in columns if column not in header]
            if missing:
                found = f"missing column {', '.join(missing)}; found {', '.join(header)}"
                raise DataError(found[:300], path=path, line=line)
    if not header:
        raise DataError(f"empty; expected a header with {', '.join(columns)}", path=path)


def _cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        import python_calamine
    except ImportError as error:
        raise MissingError(
            f"{path.name} is a workbook, and python-calamine is not installed",
            hint="pip install 'bioinstruct[xlsx]'",
        ) from error
    if not path.is_file():
        raise MissingError(f"no file {path}")
    try:
        with python_calamine.load_workbook(path) as book:
            sheet = book.get_sheet_by_index(0)
            first = (sheet.start or (0, 0))[0] + 1
            for line, values in enumerate(sheet.iter_rows(), start=first):
                yield line, [_text(value) for value in values]
    except python_calamine.CalamineError as error:
        raise DataError(
            f"not a whole workbook ({error})", path=path, hint="fetch the file again"
        ) from error
    except OSError as error:
        raise BioinstructError(f"{path}: cannot be read ({error.strerror})") from error


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value)
