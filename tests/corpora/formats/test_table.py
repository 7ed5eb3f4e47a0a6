from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora.formats.table import rows
from tests.corpora.faults import raise_first

GOOD = 'ID,text\r\n0,"one\r\ntwo, ""three"""\r\n\r\n1,four\r\n'


@pytest.mark.parametrize(
    "content",
    [GOOD, GOOD.replace("\r\n", "\n"), "\ufeff" + GOOD, GOOD.removesuffix("\r\n")],
    ids=["CRLF", "LF", "BOM", "no end"],
)
def test_rows_are_read_with_line_breaks_inside_fields(tmp_path: Path, content: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content.encode())
    assert list(rows(path, columns=["text"])) == [
        (2, {"ID": "0", "text": 'one\ntwo, "three"'}),
        (5, {"ID": "1", "text": "four"}),
    ]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("ID,body\n0,a\n", 1, "missing column text; found ID, body"),
        ("\n\n", None, "empty; expected a header with text"),
        ('ID,text\n0,"a\nb"\n1\n', 4, "expected 2 fields, found 1"),
        ("ID,text\n0,a,b\n", 2, "expected 2 fields, found 3"),
        ('ID,text\n0,a\n1,"b\nc\n', 3, r"not valid CSV \(unexpected end of data\)"),
        ('ID,text\n0,"a"b\n', 2, "not valid CSV"),
    ],
)
def test_a_fault_is_named_with_file_and_line(
    tmp_path: Path, content: str, line: int, message: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        raise_first(rows(path, columns=["text"]))
    assert (caught.value.path, caught.value.line) == (path, line)


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="empty; expected a header with text"):
        list(rows(path, columns=["text"]))


def test_a_file_without_a_header_is_told_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('one,"a\nb"\ntwo,c\n', encoding="utf-8")
    found = list(rows(path, columns=("x", "y"), header=("x", "y")))
    assert found == [(1, {"x": "one", "y": "a\nb"}), (3, {"x": "two", "y": "c"})]
    path.write_text("one\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"rows\.csv:1: expected 2 fields, found 1"):
        raise_first(rows(path, columns=("x", "y"), header=("x", "y")))
