from __future__ import annotations

import gzip
import io
import json
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import Category, DataError, Instruction, MissingError, read, write
from bioinstruct.rejection import Rejection, write_rejections
from tests.records import record, records

BOM = b"\xef\xbb\xbf"


def line(n: int = 0, **changes: Any) -> bytes:
    """A record as a line, without its end; its fields changed without asking the schema."""
    row = {k: v for k, v in {**record(n).row(), **changes}.items() if v is not None}
    if changes and "id" not in changes:
        del row["id"]
    return json.dumps(row, ensure_ascii=False).encode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.jsonl"


def fault(file: Path, content: bytes) -> DataError:
    """The error of a file whose first line is good and whose second is this."""
    file.write_bytes(line(0) + b"\n" + content)
    examples = read(file)
    assert next(examples) == record(0)
    with pytest.raises(DataError) as caught:
        next(examples)
    assert str(caught.value).startswith(f"{file}:2: ")
    assert caught.value.line == 2
    return caught.value


filled = st.text(min_size=1).filter(lambda text: text.strip() != "")
examples = st.lists(
    st.builds(lambda a, b, c: record(instruction=a, input=b, output=c), filled, st.text(), filled)
)


@given(examples)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, made: list[Instruction]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.jsonl"
    assert write(path, made) == len(made)
    assert list(read(path)) == made
    assert len(path.read_bytes().splitlines()) == len(made)


teachers = st.fixed_dictionaries(
    {"model": filled, "prompt": filled, "temperature": st.none() | st.floats(0, 2)}
)


@given(
    st.lists(st.tuples(filled, st.none() | st.text(), st.none() | teachers), max_size=5),
    st.sampled_from(Category),
)
def test_a_line_is_the_json_of_the_row_to_the_byte(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[str, str | None, dict[str, Any] | None]],
    category: Category,
) -> None:
    made = []
    for task, document, teacher in drawn:
        kind = "generated" if teacher else "compiled"
        provenance = {"kind": kind, "document": document, "teacher": teacher}
        example = record(len(made), task=task, category=category, provenance=provenance)
        made += [example, example.model_copy(), record(9, provenance=provenance)]
    path = tmp_path_factory.getbasetemp() / "bytes.jsonl"
    write(path, made)
    lines = [json.dumps(example.row(), ensure_ascii=False) + "\n" for example in made]
    assert path.read_bytes() == "".join(lines).encode()


def test_a_line_is_one_json_object_in_utf8_with_no_escapes_it_does_not_need(file: Path) -> None:
    write(file, [record(input="Ménière's disease, 37 °C\nβ-blocker")])
    (text,) = file.read_text(encoding="utf-8").splitlines()
    assert '"input": "Ménière\'s disease, 37 °C\\nβ-blocker"' in text
    assert list(json.loads(text)) == list(record().row())


@pytest.mark.parametrize(
    "content",
    [
        line(0) + b"\n" + line(1) + b"\n",
        line(0) + b"\n" + line(1),
        line(0) + b"\r\n" + line(1) + b"\r\n",
        BOM + line(0) + b"\r\n" + BOM + line(1),
        b"\n\n" + line(0) + b"\n \t\r\n" + line(1) + b"\n\n\r\n",
        BOM + b"\n" + line(0) + b"\n" + line(1) + b"\n" + BOM + b"\n",
        b"  " + line(0) + b"  \n\t" + line(1),
        gzip.compress(line(0) + b"\n" + line(1)),
        gzip.compress(BOM + line(0) + b"\r\n") + gzip.compress(line(1) + b"\n"),
    ],
    ids=[
        "plain",
        "no final line break",
        "CRLF",
        "byte-order marks, as of files put together",
        "empty lines",
        "byte-order marks alone",
        "spaces",
        "gzip",
        "two gzips, one behind the other",
    ],
)
def test_these_are_all_the_same_two_records(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert list(read(file)) == records(2)
    assert list(read(str(file))) == records(2)


@pytest.mark.parametrize("content", [b"", b"\n\r\n", BOM, gzip.compress(b"", mtime=0)])
def test_a_file_without_lines_has_no_records(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    assert list(read(file)) == []


def test_empty_lines_count_as_lines(file: Path) -> None:
    file.write_bytes(b"\r\n\r\n" + line(0) + b"\n\nwrong\n")
    with pytest.raises(DataError) as caught:
        list(read(file))
    assert caught.value.line == 5


def test_wherever_a_file_was_cut_off_the_error_says_so(file: Path) -> None:
    whole = line(1, input="Ménière's disease — 37 °C", output='a\\b"c\u20ac\U0001f600')
    for end in range(1, len(whole)):
        assert "was it cut off?" in str(fault(file, whole[:end])), whole[:end]


def test_a_fault_in_the_middle_of_a_file_is_not_taken_for_its_end(file: Path) -> None:
    error = fault(file, line(1)[:-5] + b"\n" + line(2))
    assert "not valid JSON" in str(error)
    assert "cut off" not in str(error)
    error = fault(file, b"instruction,input,output")
    assert str(error) == f"{file}:2: not valid JSON (expected value at column 1)"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[1]", "not an object"),
        (b'"text"', "not an object"),
        (b"null", "not an object"),
        (b"[" * 5000, "not valid JSON (recursion limit exceeded at column 202)"),
        (line(1) + line(2), f"not valid JSON (trailing characters at column {len(line(1)) + 1})"),
        (b"{}", "instruction, output, category, task, provenance: missing fields"),
        (line(1, output=None, provenance=None), "output, provenance: missing fields"),
        (line(1, note="x"), "note: unknown field"),
        (line(1, output=" "), "output: empty text"),
        (line(1, instruction=""), "instruction: empty text"),
        (line(1, output=5), "output: Input should be a valid string"),
        (line(1, category="qa"), "category: Input should be 'QA', 'IE', 'GEN' or 'OTHER'"),
        (line(1, provenance=[]), "provenance: not an object"),
        (
            line(1, provenance={**record().row()["provenance"], "url": ""}),
            "provenance.url: unknown field",
        ),
        (
            line(1, provenance={**record().row()["provenance"], "license": "free, for all"}),
            "provenance.license: not an SPDX licence expression, such as `MIT` or `CC-BY-4.0`",
        ),
        (
            line(1, provenance={**record().row()["provenance"], "license": ""}),
            "provenance.license: not an SPDX licence expression, such as `MIT` or `CC-BY-4.0`",
        ),
        (
            line(1, id="0" * 16),
            f"id: '{'0' * 16}' is not the id of this content, '{record(1).id}': the record was "
            "edited after it was written; leave the id out to get a new one",
        ),
        (line(1).replace(b"{", b'{"output": "lost", ', 1), "output: given twice"),
        (line(1).replace(b'"kind"', b'"origin": "lost", "kind"'), "origin: given twice"),
        (line(1).replace(b"measles", b"\\ud800"), "not valid JSON"),
    ],
)
def test_what_is_wrong_is_named_by_file_line_and_field(
    file: Path, content: bytes, reason: str
) -> None:
    error = fault(file, content + b"\n")
    assert error.reason == reason or (reason == "not valid JSON" and reason in error.reason)


@pytest.mark.parametrize(
    ("encoding", "reason", "hint"),
    [
        ("latin-1", "not UTF-8: byte 0xe9 at position", "`iconv -f latin1 -t utf-8`"),
        ("cp1252", "not UTF-8: byte 0xe9 at position", "`iconv -f latin1 -t utf-8`"),
        ("utf-16", "UTF-16, not UTF-8", "`iconv -f utf-16 -t utf-8`"),
        ("utf-16-be", "UTF-16, not UTF-8", "`iconv -f utf-16 -t utf-8`"),
    ],
)
def test_another_encoding_is_said_with_the_command_that_mends_it(
    file: Path, encoding: str, reason: str, hint: str
) -> None:
    text = line(0, input="Ménière").decode() + "\n"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    file.write_bytes((mark + text).encode(encoding))
    with pytest.raises(DataError) as caught:
        list(read(file))
    assert caught.value.line == 1
    assert caught.value.reason.startswith(reason)
    assert hint in caught.value.hint


def test_a_missing_file_and_a_folder_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"no file .*x\.jsonl"):
        list(read(tmp_path / "x.jsonl"))
    with pytest.raises(MissingError, match="is a folder, not a JSON Lines file"):
        list(read(tmp_path))


def test_a_damaged_gzip_gives_what_is_whole_and_then_an_error(file: Path) -> None:
    whole = gzip.compress(b"".join(line(n) + b"\n" for n in range(2000)), mtime=0)
    damages = {
        "cut off": whole[: len(whole) // 2],
        "without its checksum": whole[:-8],
        "with a wrong checksum": whole[:-8] + b"\x00" * 8,
        "with a hole": whole[: len(whole) // 2] + b"\xff" * 40 + whole[len(whole) // 2 + 40 :],
        "with something behind it": whole + b"more",
    }
    for what, content in damages.items():
        file.write_bytes(content)
        seen = []
        with pytest.raises(DataError) as caught:
            seen.extend(read(file))
        assert "not a complete gzip file" in str(caught.value) or caught.value.line, what
    file.write_bytes(damages["cut off"])
    kept: list[Instruction] = []
    with pytest.raises(DataError, match="not a complete gzip file"):
        kept.extend(read(file, rejected=[]))
    assert kept == records(2000)[: len(kept)]
    assert len(kept) > 500


class Stdio(io.TextIOWrapper):
    def __init__(self, content: bytes = b"") -> None:
        super().__init__(io.BytesIO(content), encoding="utf-8")


def test_a_dash_is_standard_input_and_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdio(BOM + line(0) + b"\r\n" + line(1)))
    assert list(read("-")) == records(2)
    monkeypatch.setattr(sys, "stdout", Stdio())
    assert write("-", records(2)) == 2
    assert sys.stdout.buffer.getvalue() == line(0) + b"\n" + line(1) + b"\n"  # type: ignore[attr-defined]


def test_compressed_standard_input_is_an_error_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", Stdio(gzip.compress(line(0))))
    with pytest.raises(DataError, match=r"^-:1: gzip-compressed, not text") as caught:
        list(read("-"))
    assert caught.value.hint == "decompress it first, for example with `gzip -dc`"


def test_good_lines_go_on_and_bad_ones_are_kept_with_their_reasons(
    file: Path, tmp_path: Path
) -> None:
    bad = [b"nonsense", line(5, category="x"), b"\xff\xfe", line(6)[:-9]]
    file.write_bytes(b"\n".join([line(0), bad[0], line(1), b"", bad[1], bad[2], line(2), bad[3]]))
    rejected: list[Rejection] = []
    assert list(read(file, rejected=rejected)) == records(3)
    assert [dict(r.place) for r in rejected] == [
        {"path": str(file), "line": n} for n in (2, 5, 6, 8)
    ]
    assert [r.text for r in rejected] == [b.decode("utf-8", "replace") for b in bad]
    assert [r.reason.split(" ")[0] for r in rejected] == ["not", "category:", "UTF-16,", "not"]
    write_rejections(tmp_path / "rejected.jsonl", rejected)
    texts = (tmp_path / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(text) for text in texts]
    assert rows[1] == {
        "path": str(file),
        "line": 5,
        "reason": "category: Input should be 'QA', 'IE', 'GEN' or 'OTHER'",
        "text": bad[1].decode(),
    }


@given(st.lists(st.binary(max_size=30).filter(lambda b: b"\n" not in b)))
def test_no_bytes_whatever_break_the_reader_and_no_line_is_lost(
    tmp_path_factory: pytest.TempPathFactory, junk: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.jsonl"
    path.write_bytes(b"\n".join([line(0), *junk, line(1)]))
    rejected: list[Rejection] = []
    assert list(read(path, rejected=rejected)) == records(2)
    assert len(rejected) == sum(bool(text.removeprefix(BOM).strip()) for text in junk)


def test_a_rejected_line_that_is_mended_is_read(file: Path) -> None:
    file.write_bytes(line(0, category="qa"))
    rejected: list[Rejection] = []
    assert list(read(file, rejected=rejected)) == []
    file.write_text((rejected[0].text or "").replace('"qa"', '"IE"'), encoding="utf-8")
    assert list(read(file)) == [record(0)]


def stops(error: BaseException) -> Iterator[Instruction]:
    yield from records(3)
    raise error


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
def test_writing_that_stops_in_the_middle_leaves_the_old_file_only(
    file: Path, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        write(file, stops(error))
    assert list(file.parent.iterdir()) == []
    write(file, records(2))
    with pytest.raises(type(error)):
        write(file, stops(error))
    assert list(file.parent.iterdir()) == [file]
    assert list(read(file)) == records(2)


def test_a_file_can_be_rewritten_from_itself(file: Path) -> None:
    write(file, records(5))
    assert write(file, (e for e in read(file) if e != record(3))) == 4
    assert len(list(read(file))) == 4


def test_100_megabytes_are_read_as_they_come(file: Path) -> None:
    # A text of 100 kB a line keeps the test quick; the lines are as many as fit.
    text = line(0, input="Case had measles. " * 6000)
    with file.open("wb") as stream:
        for _ in range(100_000_000 // len(text)):
            stream.write(text + b"\n")
    assert file.stat().st_size > 99_000_000
    tracemalloc.start()
    try:
        count = sum(1 for _ in read(file))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        file.unlink()
    assert count == 100_000_000 // len(text)
    assert peak < 4_000_000
