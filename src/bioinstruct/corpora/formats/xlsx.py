"""Rows of the first sheet of an Excel workbook, as text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from bioinstruct.corpora.formats.archive import members
from bioinstruct.corpora.formats.table import Row
from bioinstruct.corpora.formats.xmltree import parse
from bioinstruct.errors import DataError

__all__ = ["rows"]

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def rows(path: Path, *, columns: Collection[str]) -> Iterator[Row]:
    """Rows under a header row; the line of a row is its number in the sheet.

    Numbers, dates and the results of formulas are given as they are stored; a cell that is not
    there is empty.

    Raises:
        MissingError: there is no such file.
        DataError: it is no workbook, or a column is missing.
    """
    sheet = _part(path, "xl/worksheets/sheet1.xml", "worksheet")
    strings = [_text(item) for item in _part(path, "xl/sharedStrings.xml", "sst")]
    header: dict[str, str] = {}
    for number, row in enumerate(sheet.iter(f"{_MAIN}row"), start=1):
        given = row.get("r", "")  # rows without a cell may be left out of the file
        line = int(given) if given.isdecimal() else number
        cells = dict(_cell(cell, strings, path, line) for cell in row)
        if header:
            yield Row(line, {name: cells.get(letters, "") for letters, name in header.items()})
        else:
            header = cells
            missing = [column for column in columns if column not in header.values()]
            if missing:
                found = f"missing column {', '.join(missing)}; found {', '.join(header.values())}"
                raise DataError(found[:300], path=path, line=line)
    if not header:
        raise DataError(f"empty; expected a header with {', '.join(columns)}", path=path)


def _part(path: Path, name: str, root: str) -> Element:
    member = next(members(path, name))
    return parse(member.content, member.path, root=f"{_MAIN}{root}")


def _cell(cell: Element, strings: list[str], path: Path, line: int) -> tuple[str, str]:
    """The letters of the column, and the text of the cell."""
    letters = re.sub(r"\d+", "", cell.get("r", ""))
    kind = cell.get("t")
    if kind == "inlineStr":
        return letters, "".join(_text(item) for item in cell.iter(f"{_MAIN}is"))
    value = cell.findtext(f"{_MAIN}v", "")
    if kind != "s":
        return letters, value
    try:
        return letters, strings[int(value)]
    except (IndexError, ValueError):
        raise DataError(
            f"cell {cell.get('r')}: expected the number of a text, found {value!r}",
            path=path,
            line=line,
        ) from None


def _text(item: Element) -> str:
    """The runs of a rich text together, without the readings of Asian scripts."""
    runs = [item, *item.iter(f"{_MAIN}r")]
    text = "".join(run.findtext(f"{_MAIN}t", "") for run in runs)
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code[1], 16)), text)
