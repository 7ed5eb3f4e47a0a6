from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioinstruct.errors import BioinstructError, DataError, MissingError
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Answer, Failure, Message, Request, Response
from tests.llm.asking import request

URL = "http://127.0.0.1:1/v1"


def answer(text: str = "yes") -> Answer:
    return Answer(
        text=text, finish_reason="stop", model="teacher", prompt_tokens=3, completion_tokens=1
    )


LATER = Failure(reason="retries-exhausted", message="500")
NEVER = Failure(reason="content-filter", message="no")


def written(path: Path, outcomes: dict[Request, Response]) -> bytes:
    with Transcript.open(path, base_url=URL) as transcript:
        for one, outcome in outcomes.items():
            transcript.add(one, outcome)
    return path.read_bytes()


texts = st.text(st.characters(), max_size=30)
asked = st.builds(
    Request,
    model=texts,
    messages=st.lists(st.builds(Message, st.just("user"), texts), max_size=3).map(tuple),
    temperature=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    stop=st.lists(texts, max_size=2).map(tuple),
    max_tokens=st.none() | st.integers(1, 9999),
    schema=st.none() | texts,
    sample=st.integers(0, 9),
)
replied = st.builds(answer, texts) | st.builds(Failure, reason=texts, message=texts)


@settings(deadline=None, max_examples=50)
@given(entries=st.dictionaries(asked, replied, max_size=5))
def test_what_was_added_is_found_again(
    entries: dict[Request, Response], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("transcript") / "t.jsonl"
    written(path, entries)
    with Transcript.read(path) as transcript:
        transcript.other_models = True  # the models' names are any text here
        assert {one: transcript.get(one) for one in entries} == entries
        assert list(transcript) == list(entries.items())
        assert len(transcript) == len(entries)
        assert transcript.base_url == URL


def test_the_same_question_in_another_sample_setting_or_place_is_another_entry(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.jsonl"
    written(path, {request(): answer()})
    with Transcript.read(path) as transcript:
        for other in (request(sample=1), request(temperature=0.5), request(schema="{}")):
            assert transcript.get(other) is None
    assert request().key(URL) != request().key("http://127.0.0.1:2/v1")


def test_the_last_outcome_counts_and_the_earlier_stay_on_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    written(path, {request(): LATER, request(1): NEVER})
    written(path, {request(): answer()})
    with Transcript.read(path) as transcript:
        assert transcript.get(request()) == answer()
        assert list(transcript) == [(request(1), NEVER), (request(), answer())]
        kinds = [row["kind"] for row in transcript.history()]
        assert kinds == ["note", "failure", "failure", "note", "answer"]


def test_notes_are_kept_by_kind_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with Transcript.open(path, base_url=URL) as transcript:
        transcript.note("batch", {"id": "batch_1"})
        transcript.note("other", [1, None])
        transcript.note("batch", {"id": "batch_2"})
    with Transcript.open(path, base_url=URL) as transcript:
        assert [batch["id"] for batch in transcript.notes("batch")] == ["batch_1", "batch_2"]
        assert list(transcript.notes("other")) == [[1, None]]
        assert len(transcript) == 0


def test_a_file_cut_at_any_byte_keeps_every_whole_line_and_goes_on(tmp_path: Path) -> None:
    outcomes: dict[Request, Response] = {request(n): answer(f"é {n}") for n in range(3)}
    whole = written(tmp_path / "whole.jsonl", outcomes)
    path = tmp_path / "cut.jsonl"
    for end in range(0, len(whole), 23):
        path.write_bytes(whole[:end])
        lines = whole[:end].count(b"\n")
        with Transcript.open(path, base_url=URL) as transcript:
            assert transcript.dropped == end - (whole[:end].rfind(b"\n") + 1)
            assert len(transcript) == max(0, lines - 2)  # a header and who opened it
            transcript.add(request(9), answer("after"))
        with Transcript.read(path) as transcript:
            assert transcript.get(request(9)) == answer("after")
            assert transcript.dropped == 0


def test_a_broken_line_that_is_not_the_last_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    whole = written(path, {request(n): answer() for n in range(3)})
    lines = whole.splitlines(keepends=True)
    lines[3] = lines[3][:-20] + b"\n"
    path.write_bytes(b"".join(lines))
    with pytest.raises(DataError, match=r"t\.jsonl:4: not a line of a transcript"):
        Transcript.read(path)


@pytest.mark.parametrize(
    "content", [b"my notes, without an end of line", b'{"a": 1}\n', b"[]\n", b"\x00" * 40]
)
def test_a_file_that_is_no_transcript_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    for attempt in (lambda: Transcript.open(path, base_url=URL), lambda: Transcript.read(path)):
        with pytest.raises(DataError, match="not a"):
            attempt()
    assert path.read_bytes() == content


def test_another_endpoint_and_another_version_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    written(path, {})
    with pytest.raises(DataError, match=r"a transcript of http://127\.0\.0\.1:1/v1, not of"):
        Transcript.open(path, base_url="https://api.openai.com/v1")
    path.write_bytes(b'{"format": "bioinstruct-transcript", "version": 2}\n')
    with pytest.raises(DataError, match="version 2"):
        Transcript.read(path)


def test_an_entry_that_was_changed_by_hand_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    whole = written(path, {request(): answer()})
    path.write_bytes(whole.replace(b"Question 0", b"Question 7"))
    with pytest.raises(DataError, match=r"t\.jsonl:3: changed after it was written"):
        Transcript.read(path)
    # An earlier version wrote no checks: there the key of the request shows it.
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    for row in rows:
        del row["check"]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    with Transcript.read(path) as transcript, pytest.raises(DataError, match="changed by hand"):
        transcript.get(request())


def test_an_answer_that_was_edited_is_not_replayed(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    whole = written(path, {request(): answer(), request(1): answer()})
    text = answer().text.encode()
    assert text in whole
    path.write_bytes(whole.replace(text, b"another"))
    for opened in (Transcript.read, lambda p: Transcript.open(p, base_url=URL)):
        with pytest.raises(DataError, match=r"t\.jsonl:3: changed after") as error:
            opened(path)
        assert "remove this line" in error.value.hint


def test_reading_what_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no transcript"):
        Transcript.read(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(DataError, match="empty"):
        Transcript.read(tmp_path / "empty.jsonl")


def test_a_second_process_is_refused_with_the_first_one_named_and_may_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.jsonl"
    code = f"""
from pathlib import Path
from bioinstruct.llm.transcript import Transcript
from bioinstruct.errors import BioinstructError
path = Path({str(path)!r})
print(len(Transcript.read(path)))
try:
    Transcript.open(path, base_url={URL!r})
except BioinstructError as error:
    print(error)
"""
    with Transcript.open(path, base_url=URL) as transcript:
        transcript.add(request(), answer())
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines() == ["1", f"{path}: in use by process {os.getpid()}"]
        link = tmp_path / "link.jsonl"
        link.symlink_to(path)
        with pytest.raises(BioinstructError, match="in use"):
            Transcript.open(link, base_url=URL)
    with Transcript.open(path, base_url=URL) as transcript:
        assert len(transcript) == 1


def test_a_full_disk_leaves_whole_lines_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t.jsonl"
    code = f"""
import resource, signal
from pathlib import Path
from bioinstruct.llm.transcript import Transcript
from tests.llm.asking import request
from tests.llm.test_transcript import URL, answer
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
with Transcript.open(Path({str(path)!r}), base_url=URL) as transcript:
    try:
        for number in range(99):
            transcript.add(request(number), answer("word " * 50))
    except OSError as error:
        print(type(error).__name__, len(transcript))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    name, count = done.stdout.split()
    assert name == "OSError"
    with Transcript.read(path) as transcript:
        assert transcript.dropped == 0
        assert len(transcript) == int(count) > 1


def test_what_is_only_read_cannot_be_added_to(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    written(path, {})
    with Transcript.read(path) as transcript, pytest.raises(ValueError, match="to be read"):
        transcript.add(request(), answer())


def test_texts_are_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    written(path, {request(n, words=500): answer("word " * 400) for n in range(2000)})
    tracemalloc.start()
    try:
        with Transcript.read(path) as transcript:
            assert sum(1 for _ in transcript) == 2000
            held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 10_000_000
    assert held < 1_000_000


def test_lines_are_json_that_says_what_it_is(tmp_path: Path) -> None:
    lines = written(tmp_path / "t.jsonl", {request(): answer(), request(1): NEVER}).splitlines()
    rows = [json.loads(line) for line in lines]
    assert all(len(bytes.fromhex(row.pop("check"))) == 8 for row in rows)
    header, opened, first, second = rows
    assert header == {"format": "bioinstruct-transcript", "version": 1, "base_url": URL}
    assert opened["value"] == {"pid": os.getpid()}
    assert (first["kind"], second["kind"]) == ("answer", "failure")
    assert first["key"] == request().key(URL)
    assert set(first) == {"kind", "key", "at", "outcome", "request"}
