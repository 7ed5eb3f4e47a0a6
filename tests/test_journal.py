from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bioinstruct.errors import BioinstructError, DataError, MissingError
from bioinstruct.journal import Journal


def journal(path: Path) -> Journal:
    return Journal.open(path, what="a line of the test", starts=(b'{"n"', b'{"n"'))


def test_the_last_row_of_a_key_counts_and_every_row_stays(tmp_path: Path) -> None:
    path = tmp_path / "new" / "j.jsonl"
    with journal(path) as first:
        for n, key in enumerate("abac"):
            first.append({"n": n, "key": key, "text": "β\u2028\ud800"})
        first.append({"n": 4})
    with Journal.read(path, what="a line") as again:
        assert list(again.keys()) == ["b", "a", "c"]
        assert len(again) == 3
        assert [row["n"] for row in again.rows()] == [0, 1, 2, 3, 4]
        row = again.get("a")
        assert row == {"n": 2, "key": "a", "text": "β\u2028\ud800"}
        assert again.get("d") is None
        with pytest.raises(ValueError, match="to be read"):
            again.append({"n": 5})


def test_a_file_cut_at_any_byte_keeps_its_whole_lines_and_can_be_appended_to(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.jsonl"
    with journal(path) as whole:
        for n in range(3):
            whole.append({"n": n, "key": str(n)})
    content = path.read_bytes()
    for end in range(len(content) + 1):
        path.write_bytes(content[:end])
        lines = content[:end].count(b"\n")
        with journal(path) as cut:
            assert len(cut) == lines
            assert cut.dropped == len(content[:end].rpartition(b"\n")[2])
            cut.append({"n": 9, "key": "9"})
        with Journal.read(path, what="a line") as again:
            assert [row["n"] for row in again.rows()] == [*range(lines), 9]


@pytest.mark.parametrize("content", [b"notes", b"notes\n", b'{"n": 1}\n\n', b"[1]\n", b'{"m": 1'])
def test_a_file_of_something_else_is_refused_and_left_as_it_is(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"j\.jsonl:\d: not a line of the test"):
        journal(path)
    assert path.read_bytes() == content
    with pytest.raises(MissingError):
        Journal.read(tmp_path / "absent.jsonl", what="a line")


def test_one_process_at_a_time_appends_and_a_killed_one_locks_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    code = (
        "import os, signal, pathlib\n"
        "from bioinstruct.journal import Journal\n"
        f"held = Journal.open(pathlib.Path({str(path)!r}), what='a line')\n"
        "held.append({'n': 0, 'key': 'a'})\n"
        "print('open', flush=True); input()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "open\n"
    with pytest.raises(BioinstructError, match="in use by another process"):
        journal(path)
    with Journal.read(path, what="a line") as reader:
        assert "a" in reader
    other.kill()
    other.communicate()
    with journal(path) as mine:
        assert "a" in mine


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_line_that_was_edited_is_named_with_its_number(tmp_path: Path, line: int) -> None:
    path = tmp_path / "j.jsonl"
    with journal(path) as whole:
        for n in range(3):
            whole.append({"n": n, "key": str(n), "text": "yes"})
    lines = path.read_bytes().splitlines(keepends=True)
    edited = [
        lines[line].replace(b"yes", b"no"),
        lines[line].replace(b'"check": "', b'"check": "0')[:-4] + b'"}\n',
    ]
    if line:  # the first says whether lines have a check
        edited.append(lines[line][:-31] + b"}\n")
    for one in edited:
        path.write_bytes(b"".join([*lines[:line], one, *lines[line + 1 :]]))
        before = path.read_bytes()
        with pytest.raises(DataError, match=rf"j\.jsonl:{line + 1}: changed after it was") as error:
            journal(path)
        assert "remove this line" in error.value.hint
        assert path.read_bytes() == before


def test_a_file_of_an_earlier_version_has_no_checks_and_is_continued_with_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "j.jsonl"
    path.write_bytes(b'{"n": 0, "key": "a"}\n{"n": 1, "key": "b"}\n')
    with journal(path) as old:
        old.append({"n": 2, "key": "c"})
    with journal(path) as again:
        assert [row for row in again.rows()] == [
            {"n": n, "key": key} for n, key in enumerate("abc")
        ]
    path.write_bytes(path.read_bytes().replace(b'"n": 2', b'"n": 3'))
    with pytest.raises(DataError, match=r":3: changed after"):
        journal(path)
