from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bioinstruct import DataError, MissingError
from bioinstruct.corpora.formats.xlsx import rows
from tests.corpora.packing import STRICT, TRANSITIONAL, parts, workbook

pytest.importorskip("python_calamine")


@pytest.mark.parametrize("space", [TRANSITIONAL, STRICT])
def test_both_forms_of_open_xml_are_read(space: str, tmp_path: Path) -> None:
    sheet = [["Q", "A"], ["why?\nhow?", "so"], ["", "so"]]
    path = workbook(tmp_path / "a.xlsx", sheet, space=space)
    assert list(rows(path, columns=("A",))) == [
        (2, {"Q": "why?\nhow?", "A": "so"}),
        (3, {"Q": "", "A": "so"}),
    ]


def test_every_kind_of_cell_is_text(tmp_path: Path) -> None:
    sheet = (
        '<sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row>'
        '<row r="5"><c r="A5"><v>2.5</v></c></row>'
        '<row r="6"><c r="A6" t="inlineStr"><is><t xml:space="preserve">in </t></is></c></row>'
        '<row r="7"><c r="A7" t="s"><v>1</v></c></row>'
        '<row r="8"><c r="A8" t="str"><f>A1</f><v>Q</v></c></row>'
        '<row r="9"><c r="A9"><v>12</v></c></row></sheetData>'
    )
    rich = "<si><r><t>ri</t></r><r><t>ch_x000A_</t></r><rPh><t>no</t></rPh></si>"
    path = parts(tmp_path / "a.xlsx", sheet, f"<si><t>Q</t></si>{rich}")
    assert [(line, row["Q"]) for line, row in rows(path, columns=("Q",))] == [
        (5, "2.5"),
        (6, "in "),
        (7, "rich\n"),
        (8, "Q"),
        (9, "12"),
    ]


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ('<sheetData><row r="1"><c r="A1"><v>2</v></c></row></sheetData>', "missing column A"),
        ("<sheetData/>", "empty; expected a header with A"),
        ("<sheetData><row", "not a whole workbook"),
    ],
)
def test_another_sheet_is_refused(tmp_path: Path, sheet: str, message: str) -> None:
    path = parts(tmp_path / "a.xlsx", sheet, "<si><t>A</t></si>")
    with pytest.raises(DataError, match=message):
        list(rows(path, columns=("A",)))


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with pytest.raises(MissingError, match="no file"):
        list(rows(path, columns=("A",)))
    whole = workbook(tmp_path / "b.xlsx", [["A"], ["b"]]).read_bytes()
    for content in (b"<html>Not found</html>", whole[: len(whole) // 2], b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"a\.xlsx: not a whole workbook"):
            list(rows(path, columns=("A",)))


def test_without_the_library_the_hint_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingError, match="python-calamine is not installed") as caught:
        list(rows(tmp_path / "a.xlsx", columns=("A",)))
    assert caught.value.hint == "pip install 'bioinstruct[xlsx]'"
