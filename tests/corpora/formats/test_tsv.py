from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora.formats.tsv import rows

COLUMNS = ("a", "b")


def read(path: Path, text: str, *, header: bool = True) -> list[object]:
    path.write_bytes(text.encode())
    return list(rows(path, COLUMNS, header=header))


def test_quotation_marks_are_characters_like_any_other(tmp_path: Path) -> None:
    assert read(tmp_path / "t", 'a\tb\n"x\ty"\r\n\n1\t\n') == [(2, ['"x', 'y"']), (4, ["1", ""])]
    assert read(tmp_path / "t", "1\t2\n3\t4", header=False) == [(1, ["1", "2"]), (2, ["3", "4"])]


def test_a_row_of_another_length_is_given_as_an_error_and_the_rest_is_read(tmp_path: Path) -> None:
    wrong, right = read(tmp_path / "t", "a\tb\n1\t2\t3\n4\t5\n")
    assert isinstance(wrong, DataError)
    assert "t:2: expected 2 fields, found 3: '1" in str(wrong)
    assert right == (3, ["4", "5"])


@pytest.mark.parametrize(("text", "header"), [("b\ta\n", True), ("", True), ("1,2\n", False)])
def test_another_file_is_refused(tmp_path: Path, text: str, header: bool) -> None:
    with pytest.raises(DataError, match=r"t:1: expected (a header a, b|2 fields|columns)"):
        read(tmp_path / "t", text, header=header)
