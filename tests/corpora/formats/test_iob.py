from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bioinstruct import BioinstructError, DataError, MissingError
from bioinstruct.corpora.answers.entities import Entity
from bioinstruct.corpora.formats.iob import Sentence, sentences

GOOD = "T\tB-Disease\ncell\tI-Disease\n.\tO\n\nNone\tO\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "train.tsv"


def read(path: Path, content: str | bytes) -> list[tuple[str, tuple[Entity, ...]]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = []
    for sentence in sentences(path, types=["Disease"]):
        if isinstance(sentence, DataError):
            raise sentence
        found.append((sentence.text, sentence.entities))
    return found


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


@pytest.mark.parametrize("content", ["", "\n\n\n", "\ufeff"])
def test_a_file_without_a_sentence_is_refused(path: Path, content: str) -> None:
    with pytest.raises(DataError, match="expected sentences, found none"):
        read(path, content)


def test_what_follows_a_sentence_at_fault_is_read(path: Path) -> None:
    content = GOOD + "\na\tB-Gene\nb\tO\n\nc\tO\n\nd\n\ne\tO\n"
    path.write_text(content, encoding="utf-8")
    found = list(sentences(path, types=["Disease"]))
    assert [one.text for one in found if isinstance(one, Sentence)] == [
        "T cell .",
        "None",
        "c",
        "e",
    ]
    faults = [one for one in found if isinstance(one, DataError)]
    assert [(fault.line, fault.reason[:11]) for fault in faults] == [
        (7, "unknown tag"),
        (12, "expected to"),
    ]


def test_a_line_of_its_own_names_the_document(path: Path) -> None:
    text = "###MEDLINE:1\n\na\tO\n\nb\tO\n\n###MEDLINE:22\n\nc\tO\n###\tO\n\n###MEDLINE:3\nd\tO\n"
    path.write_text(text, encoding="utf-8")
    found = list(sentences(path, types=[], mark="###MEDLINE:"))
    assert [(one.document, one.text, one.line) for one in found if isinstance(one, Sentence)] == [
        ("1", "a", 3),
        ("1", "b", 5),
        ("22", "c ###", 9),
        ("3", "d", 13),
    ]


lines = st.one_of(
    st.just(""),
    st.builds(
        "{}\t{}".format,
        st.sampled_from(["a", "b", ":", "B-X", "", " ", "\u2028", "\x85"]),
        st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y", "B", "O "]),
    ),
    st.sampled_from(["a", "a O", "a\tO\tO", "\t"]),
)


def by_lines(text: str) -> list[tuple[int, list[str], str]]:
    """One sentence after the other, word by word: line, words and tags, or the first fault."""
    found: list[tuple[int, list[str], str]] = []
    rows: list[tuple[str, str]] = []
    fault = ""
    begun = 0
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line and not (rows or fault):
            begun = number
        if line and not fault:
            token, _, tag = line.partition("\t")
            last = rows[-1][1] if rows else "O"
            if (
                token.split() != [token]
                or tag not in {"O", "B-X", "I-X", "B-Y", "I-Y"}
                or (tag[0] == "I" and last[1:] != tag[1:])
            ):
                fault = f"fault in {number}"
            rows.append((token, tag))
        elif not line and rows:
            tags = " ".join(tag for _, tag in rows)
            found.append((begun, [], fault) if fault else (begun, [w for w, _ in rows], tags))
            rows, fault = [], ""
    return found


def tags_of(sentence: Sentence) -> str:
    tags = ["O"] * len(sentence.words)
    for start, end, type in sentence.entities:
        tags[start:end] = [f"B-{type}"] + [f"I-{type}"] * (end - start - 1)
    return " ".join(tags)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lines, max_size=14))
def test_sentences_are_those_that_reading_line_by_line_finds(path: Path, rows: list[str]) -> None:
    text = "a\tO\n\n" + "\n".join(rows)
    path.write_bytes(text.encode())
    got = [
        (one.line, list(one.words), tags_of(one))
        if isinstance(one, Sentence)
        else (0, [], f"fault in {one.line}")
        for one in sentences(path, types=["X", "Y"])
    ]
    expected = [(0 if tags[:5] == "fault" else n, w, tags) for n, w, tags in by_lines(text)]
    assert got == expected


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
