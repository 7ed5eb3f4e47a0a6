from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import DataError, MissingError
from bioinstruct.corpora.formats.xlsx import rows
from tests.corpora.packing import parts, workbook

SPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def test_rows_keep_their_numbers_and_their_line_breaks(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["Q", "A"], ["why?\nhow?", "so"], ["", "so"]])
    assert list(rows(path, columns=("A",))) == [
        (2, {"Q": "why?\nhow?", "A": "so"}),
        (3, {"Q": "", "A": "so"}),
    ]


def test_every_kind_of_cell_is_text(tmp_path: Path) -> None:
    sheet = (
        f'<worksheet {SPACE}><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row>'
        '<row r="5"><c r="A5"><v>2.5</v></c></row>'
        '<row r="6"><c r="A6" t="inlineStr"><is><t>in </t></is></c></row>'
        '<row r="7"><c r="A7" t="s"><v>1</v></c></row>'
        '<row r="8"><c r="A8" t="str"><f>A1</f><v>Q</v></c></row></sheetData></worksheet>'
    )
    rich = "<si><r><t>ri</t></r><r><t>ch_x000A_</t></r><rPh><t>no</t></rPh></si>"
    strings = f"<sst {SPACE}><si><t>Q</t></si>{rich}</sst>"
    found = rows(parts(tmp_path / "a.xlsx", sheet, strings), columns=("Q",))
    assert [(line, row["Q"]) for line, row in found] == [
        (5, "2.5"),
        (6, "in "),
        (7, "rich\n"),
        (8, "Q"),
    ]


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        (f'<worksheet {SPACE}><row r="1"><c r="A1"><v>B</v></c></row></worksheet>', "missing col"),
        (f"<worksheet {SPACE}></worksheet>", "empty; expected a header with A"),
        (
            f'<worksheet {SPACE}><row r="1"><c r="A1" t="s"><v>7</v></c></row></worksheet>',
            "A1: exp",
        ),
        ("<html></html>", "expected <.*worksheet>, found <html>"),
        ("<worksheet", "not valid XML"),
    ],
)
def test_another_sheet_is_refused(tmp_path: Path, sheet: str, message: str) -> None:
    path = parts(tmp_path / "a.xlsx", sheet, f"<sst {SPACE}><si><t>A</t></si></sst>")
    with pytest.raises(DataError, match=message):
        list(rows(path, columns=("A",)))


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with pytest.raises(MissingError, match="no file"):
        list(rows(path, columns=("A",)))
    path.write_bytes(b"<html>Not found</html>")
    with pytest.raises(DataError, match="not a whole archive"):
        list(rows(path, columns=("A",)))
    whole = workbook(tmp_path / "b.xlsx", [["A"], ["b"]]).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"a\.xlsx"):
        list(rows(path, columns=("A",)))
