from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from bioinstruct import DataError, MissingError
from bioinstruct.corpora.formats import records as formats
from bioinstruct.corpora.formats.records import records
from tests.corpora.faults import raise_first

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)


class Pair(BaseModel):
    question: str
    answer: str
    note: str = ""


ONE, TWO = {"question": "a", "answer": "b"}, {"question": "c", "answer": "d", "more": 1}


def values(text: str, chunk: int) -> list[tuple[int, int, object]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "_CHUNK", chunk)
        return list(formats.json_values(io.BytesIO(text.encode()), Path("x.json")))


def written(folder: Path, text: str) -> Path:
    path = folder / "pairs.json"
    path.write_text(text, encoding="utf-8")
    return path


CHUNKS = st.integers(1, 9) | st.just(1 << 20)


@given(
    made=st.lists(VALUES), indent=st.sampled_from([None, 0, 2]), chunk=CHUNKS, ascii=st.booleans()
)
def test_a_list_is_read_as_json_reads_it(
    made: list[object], indent: int | None, chunk: int, ascii: bool
) -> None:
    """However the file falls into portions, in the middle of a letter or a number too."""
    text = json.dumps(made, indent=indent, ensure_ascii=ascii) + "\n"
    found = values(text, chunk)
    assert [value for _, _, value in found] == made
    assert [number for number, _, _ in found] == [*range(1, len(made) + 1)]
    if indent == 0 and not any(isinstance(value, list | dict) for value in made):
        assert [line for _, line, _ in found] == [*range(2, len(made) + 2)]


@given(
    made=st.lists(VALUES.filter(lambda value: not isinstance(value, list)), min_size=1),
    chunk=CHUNKS,
)
def test_lines_are_read_as_json_reads_them(made: list[object], chunk: int) -> None:
    found = values("\n".join(map(json.dumps, made)) + "\n\n", chunk)
    assert [(line, value) for _, line, value in found] == [*enumerate(made, start=1)]


@pytest.mark.parametrize("text", [json.dumps([ONE, TWO], indent=1), f"{json.dumps(ONE)}\n"])
def test_records_are_checked_against_the_model(tmp_path: Path, text: str) -> None:
    found = list(records(written(tmp_path, text), Pair))
    assert found[0][0::2] == (1, Pair(question="a", answer="b"))


def test_a_compressed_file_is_read_alike(tmp_path: Path) -> None:
    (tmp_path / "pairs.json.gz").write_bytes(gzip.compress(json.dumps([ONE]).encode()))
    assert len(list(records(tmp_path / "pairs.json", Pair))) == 1


def test_a_record_at_fault_is_given_with_its_place_and_the_next_is_read(tmp_path: Path) -> None:
    text = "[\n" + ",\n".join(map(json.dumps, [ONE, {"question": 3}, 5, TWO])) + "\n]"
    path = written(tmp_path, text)
    first, second, third, fourth = (record for _, _, record in records(path, Pair))
    assert isinstance(first, Pair)
    assert isinstance(fourth, Pair)
    assert str(second) == f"{path}:3: record 2.question: Input should be a valid string, found 3"
    assert str(third).startswith(f"{path}:4: record 3: not an object")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected records, found none"),
        ("[]", "expected records, found none"),
        ('[{"question": "a"}]', "1: expected objects with question, answer, found keys question"),
        ('{"1": {"question": "a"}}', "expected objects with question, answer, found keys 1"),
        ("[1]", "expected objects with question, answer, found 1"),
        ("question,answer\n1,2\n", r":1: not valid JSON \(Expecting value\)"),
        ("<html>", "not valid JSON"),
        (json.dumps([ONE, TWO])[:-1], "the list does not end where the file does"),
        (json.dumps([ONE, TWO], indent=1)[:-9], r":9: not valid JSON"),
        (f"{json.dumps(ONE)}\n{json.dumps(TWO)[:-4]}", r":2: not valid JSON"),
        (json.dumps([ONE]) + "x", "the list does not end where the file does"),
        (f"[{json.dumps(ONE)} {json.dumps(TWO)}]", r"expected ',' or '\]', found '{'"),
    ],
)
def test_another_file_or_a_part_of_it_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        raise_first(records(written(tmp_path, text), Pair))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"no file .*pairs\.json"):
        next(records(tmp_path / "pairs.json", Pair))


def test_mixed_encodings_are_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "pairs.json"
    path.write_bytes(
        b'{"question": "caf\xc3\xa9", "answer": "x"}\n{"question": "\xe9", "answer": ""}'
    )
    with pytest.raises(DataError, match=r"pairs\.json:2: record 2.question: not UTF-8: byte 0xe9"):
        raise_first(records(path, Pair))


def test_half_a_compressed_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.json.gz"
    path.write_bytes(gzip.compress(json.dumps([ONE] * 500).encode())[:60])
    with pytest.raises(DataError, match=r"pairs\.json\.gz: not a complete gzip file"):
        list(records(path, Pair))


def test_a_field_may_have_another_name_in_the_file(tmp_path: Path) -> None:
    class Named(BaseModel):
        answer: str = Field(alias="best-answer")

    [(_, _, record)] = records(written(tmp_path, '[{"best-answer": "b"}]'), Named)
    assert record.answer == "b"
    with pytest.raises(DataError, match="expected objects with best-answer, found keys answer"):
        list(records(written(tmp_path, '[{"answer": "b"}]'), Named))
