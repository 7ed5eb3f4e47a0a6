from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, DataError
from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.models.fingerprint import key


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "answers.jsonl"


def filled(path: Path, count: int = 3) -> bytes:
    """A file of answers that a run wrote, and its content."""
    with Answers(path) as answers:
        for n in range(count):
            answers.add(key(n), {"text": f"Ménière {n}\n\u2028", "skipped": False})
    return path.read_bytes()


def test_an_answer_is_in_the_file_as_soon_as_it_is_kept(path: Path) -> None:
    with Answers(path) as answers:
        assert "k" not in answers
        answers.add("k", {"text": "yes"})
        [line] = path.read_text(encoding="utf-8").splitlines()
        assert line.startswith('{"key": "k", "text": "yes", ')
        assert "k" in answers
        assert answers["k"] == {"text": "yes"}


def test_what_was_answered_is_known_when_the_file_is_opened_again(path: Path) -> None:
    filled(path)
    with Answers(path) as answers:
        assert answers[key(1)] == {"text": "Ménière 1\n\u2028", "skipped": False}
        answers.add(key(3), {"text": "more"})
    with Answers(path) as answers:
        assert all(key(n) in answers for n in range(4))
        assert key(4) not in answers


def test_wherever_the_last_line_was_torn_off_the_others_stay_and_it_is_dropped(path: Path) -> None:
    whole = filled(path)
    two = whole[: whole.rindex(b"\n", 0, -1) + 1]
    for end in range(len(two), len(whole)):
        path.write_bytes(whole[:end])
        with Answers(path) as answers:
            assert key(1) in answers
            assert key(2) not in answers
            answers.add(key(2), {"text": "again"})
        assert path.read_bytes().startswith(two + b'{"key": "' + key(2).encode())
        assert [json.loads(line) for line in path.read_bytes().splitlines()]
        assert len(path.read_bytes().splitlines()) == 3


@pytest.mark.parametrize(
    "content",
    [
        b"notes of mine\n",
        b"notes of mine",
        b"[1]\n",
        b'"text"\n',
        b"5\n",
        b"null\n",
        b'{"text": "no key"}\n',
        b"\n",
        b"\xff\xfe\n",
        b'{"id": "48e3072ab52ca60f", "instruction": "x"}',
    ],
)
def test_a_file_of_somebody_else_is_refused_and_left_as_it_is(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"answers\.jsonl:1: not an answer") as caught:
        Answers(path)
    assert caught.value.hint == "move the file away, or choose another --out"
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: line[:20] + b"\n",
        lambda line: line.replace(b"re 1", b"re 2"),
        lambda line: b'{"key": "' + key(1).encode() + b'"}\n',
        lambda line: json.dumps({"key": key(1), "text": "no"}).encode() + b"\n",
        lambda line: b"\xff" + line,
        lambda line: b"[" * 100_000 + b"\n",
    ],
    ids=["cut", "edited", "no fields", "by hand", "not UTF-8", "nested"],
)
def test_a_damaged_line_is_left_out_with_a_warning_and_asked_again(
    path: Path, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    lines = filled(path).splitlines(keepends=True)
    path.write_bytes(lines[0] + damage(lines[1]) + lines[2])
    before = path.read_bytes()
    with Answers(path) as answers:
        assert [n for n in range(3) if key(n) in answers] == [0, 2]
        answers.add(key(1), {"text": "again"})
    assert "answers.jsonl: 1 damaged lines (the first: 2)" in caplog.text
    assert path.read_bytes().startswith(before)
    with Answers(path) as answers, Answers(path.with_name("other.jsonl")) as other:
        assert answers[key(1)] == {"text": "again"}
        other.load(path, merge=True)
        assert other[key(2)] == answers[key(2)]


def test_two_runs_do_not_write_to_one_file_at_a_time(path: Path) -> None:
    with Answers(path) as first:
        first.add("a", {"text": "1"})
        with pytest.raises(BioinstructError, match="in use by another process") as caught:
            Answers(path)
        assert "choose another file" in caught.value.hint
        first.add("b", {"text": "2"})
    with Answers(path) as second:
        assert "b" in second


def test_a_run_that_was_killed_locks_nobody_out(path: Path) -> None:
    code = (
        "import os, signal, pathlib\n"
        "from bioinstruct.bench.evaluation.cache import Answers\n"
        f"answers = Answers(pathlib.Path({str(path)!r}))\n"
        "answers.add('k', {'text': 'kept'})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    with Answers(path) as answers:
        assert answers["k"] == {"text": "kept"}


def test_a_run_that_was_refused_leaves_no_empty_file(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Answers(path):
        raise ZeroDivisionError
    assert list(path.parent.iterdir()) == []


def test_a_disk_that_takes_no_more_is_an_error_that_names_the_file(path: Path) -> None:
    whole = filled(path)
    code = (
        "import pathlib, resource\n"
        "from bioinstruct.bench.evaluation.cache import Answers\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(whole) + 20},) * 2)\n"
        "try:\n"
        f"    with Answers(pathlib.Path({str(path)!r})) as answers:\n"
        "        answers.add('k', {'text': 'x' * 100})\n"
        "except OSError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"[Errno {errno.EFBIG}] File too large: '{path}'\n"
    with Answers(path) as answers:
        assert key(2) in answers
        assert "k" not in answers
    assert path.read_bytes() == whole


def test_a_key_tells_apart_whatever_makes_another_question() -> None:
    keys = [
        key("model", ("choose", "yes", "no"), "example"),
        key("model", ("choose", "no", "yes"), "example"),
        key("model", ("complete", 4), "example"),
        key("model", ("complete", 64), "example"),
        key("model+adapter", ("complete", 4), "example"),
        key("model", ("complete", 4), "another"),
    ]
    assert len(set(keys)) == len(keys)
    assert keys[0] == key("model", ("choose", "yes", "no"), "example")
