from __future__ import annotations

import os
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, DataError
from bioinstruct.corpora.formats.plain import read_json, read_lines


def test_only_lf_and_crlf_end_a_line(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes("\ufeffa\u2028\x85b\r\nc\rd\n".encode())
    assert read_lines(path) == ["a\u2028\x85b", "c\rd", ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1,\n"b": }', r":2: not valid JSON \(Expecting value, column 6\)"),
        ("[]", ": expected a JSON object, found list"),
        ("", ":1: not valid JSON"),
    ],
)
def test_what_is_not_a_json_object_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=f"file.json{message}"):
        read_json(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.touch(mode=0)
    with pytest.raises(BioinstructError, match=r"file.txt: cannot be read \(Permission denied\)"):
        read_lines(path)
