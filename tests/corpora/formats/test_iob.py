from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, DataError, MissingError
from bioinstruct.corpora.formats.iob import sentences
from bioinstruct.corpora.layouts import Entity

GOOD = "T\tB-Disease\ncell\tI-Disease\n.\tO\n\nNone\tO\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train.tsv"


def read(path: Path, content: str | bytes) -> list[tuple[str, tuple[Entity, ...]]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [(sentence.text, sentence.entities) for sentence in sentences(path, types=["Disease"])]


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD + "\n",
        GOOD + "\n\n\n",
        "\n" + GOOD,
        GOOD.removesuffix("\n"),
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        gzip.compress(GOOD.encode()),
    ],
    ids=["plain", "blank end", "blank ends", "blank start", "no end", "CRLF", "BOM", "gzip"],
)
def test_sentences_are_read_however_the_file_ends_its_lines(
    path: Path, content: str | bytes
) -> None:
    assert read(path, content) == [("T cell .", (Entity(0, 2, "Disease"),)), ("None", ())]


def test_a_compressed_twin_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.tsv.gz").write_bytes(gzip.compress(GOOD.encode()))
    assert len(list(sentences(tmp_path / "a.tsv", types=["Disease"]))) == 2


def test_each_sentence_knows_its_line(path: Path) -> None:
    path.write_text("\n\na\tO\nb\tO\n\n\nc\tO\n", encoding="utf-8")
    assert [sentence.line for sentence in sentences(path, types=[])] == [3, 7]


def test_an_empty_file_has_no_sentences(path: Path) -> None:
    assert read(path, "") == []


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("a\tO\nb\n", 2, "expected token TAB tag, found 1 columns: 'b'"),
        ("a\tO\nb\tNN\tO\n", 2, "expected token TAB tag, found 3 columns"),
        ("a O\n", 1, "expected token TAB tag, found 1 columns"),
        ("a\tO\n \n", 2, "expected token TAB tag, found 1 columns: ' '"),
        ("\tO\n", 1, "expected a token without white space, found ''"),
        ("a b\tO\n", 1, "expected a token without white space, found 'a b'"),
        ("a\u2028b\tO\n", 1, "expected a token without white space"),
        ("a\tO\n\nb\tB-Gene\n", 3, "unknown tag 'B-Gene'; known: B-Disease, I-Disease, O"),
        ("a\tB\n", 1, "unknown tag 'B'"),
        ("a\tO\nb\tI-Disease\n", 2, "I-Disease after O: an entity begins with B-Disease"),
        ("a\tB-Disease\n\nb\tI-Disease\n", 3, "I-Disease after O"),
        (b"a\tO\n\xe9\tO\n", 2, "not UTF-8: byte 0xe9"),
    ],
)
def test_a_fault_is_named_with_file_and_line(
    path: Path, content: str | bytes, line: int, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(path, content)
    assert str(caught.value).startswith(f"{path}:{line}: {message}")


def test_types_do_not_run_into_each_other(path: Path) -> None:
    path.write_text("a\tB-X\nb\tI-Y\n", encoding="utf-8")
    with pytest.raises(DataError, match="I-Y after B-X: an entity begins with B-Y"):
        list(sentences(path, types=["X", "Y"]))


@pytest.mark.parametrize("cut", [slice(0, 20), slice(0, -4)])
def test_a_truncated_gzip_is_said_to_be_incomplete(path: Path, cut: slice) -> None:
    with pytest.raises(BioinstructError, match="not a complete gzip file") as caught:
        read(path, gzip.compress(GOOD.encode())[cut])
    assert str(path) in str(caught.value)
    assert caught.value.hint == "fetch the file again"


def test_a_damaged_gzip_is_said_to_be_so(path: Path) -> None:
    whole = bytearray(gzip.compress(GOOD.encode()))
    whole[12:20] = b"\xff" * 8
    with pytest.raises(BioinstructError, match="not a complete gzip file"):
        read(path, bytes(whole))


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(MissingError, match=r"no file .*train\.tsv \(nor train\.tsv\.gz\)"):
        list(sentences(path, types=[]))
