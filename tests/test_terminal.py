from __future__ import annotations

import argparse
import errno
import io
import json
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, DataError, UnknownNameError
from bioinstruct.cli.main import main
from bioinstruct.console import Line, positive, run_command, say, show
from bioinstruct.text import visible
from tests.records import record


class Terminal(io.StringIO):
    """What a terminal of a certain width would show."""

    width = 40

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        lines = [""]
        for part in (
            self.getvalue().replace("\n", "\0\n\0").replace("\r\x1b[K", "\0\r\0").split("\0")
        ):
            if part == "\n":
                lines.append("")
            elif part == "\r":
                lines[-1] = ""
            else:
                assert "\r" not in part
                assert "\x1b" not in part
                lines[-1] += part
        return lines


def terminal_for(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    # No fixture: pytest sets its own stderr between the fixtures and the test.
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((screen.width, 25)))
    return screen


def exit_code(command: Callable[[], int]) -> object:
    with pytest.raises(SystemExit) as caught:
        run_command("bioinstruct", command)
    return caught.value.code


def failing(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize("code", [0, 1])
def test_a_command_that_comes_to_its_end_says_how_it_went(code: int) -> None:
    assert exit_code(lambda: code) == code


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (BioinstructError("no model"), ["bioinstruct: no model"]),
        (
            DataError("output: empty text", path="x.jsonl", line=3, hint="fill it"),
            ["bioinstruct: x.jsonl:3: output: empty text", "hint: fill it"],
        ),
        (
            UnknownNameError("task", "pubmdqa", ["pubmedqa"]),
            [
                "bioinstruct: no task named 'pubmdqa'; known: pubmedqa",
                "hint: did you mean `pubmedqa`?",
            ],
        ),
        (KeyboardInterrupt(), ["bioinstruct: stopped"]),
        (
            OSError(errno.ENOSPC, "No space left on device", "out/answers.jsonl"),
            [
                "bioinstruct: No space left on device: out/answers.jsonl",
                "hint: make room on the disk and run the same command again",
            ],
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "out"),
            ["bioinstruct: Permission denied: out", "hint: check the permissions of this path"],
        ),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), []),
    ],
)
def test_what_the_user_can_mend_is_one_line_with_its_hint_and_exit_code_one(
    error: BaseException, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(failing(error)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == lines


@pytest.mark.parametrize(
    "error",
    [
        KeyError("bug"),
        ValueError("bug"),
        OSError("bug"),
        OSError(errno.EBADF, "bug"),
        MemoryError(),
    ],
)
def test_a_bug_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        run_command("bioinstruct", failing(error))
    assert caught.value is error


def test_a_complaint_takes_the_place_of_the_progress_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = terminal_for(monkeypatch)

    def command() -> int:
        Line().show("tuning  step 3/200")
        raise BioinstructError("no", hint="yes")

    assert exit_code(command) == 1
    assert terminal.screen() == ["bioinstruct: no", "hint: yes", ""]


def test_a_line_is_rewritten_in_place_and_ended_by_its_last_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = terminal_for(monkeypatch)
    line = Line()
    for step in ("scoring 1/3", "scoring 2/3 and more", "s"):
        line.show(step)
        assert terminal.screen() == [step]
    line.show("scoring 3/3", last=True)
    line.show("tuning")
    assert terminal.screen() == ["scoring 3/3", "tuning"]
    line.show("")
    say("done")
    assert terminal.screen() == ["scoring 3/3", "done", ""]


def test_a_line_never_wraps_until_it_is_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = terminal_for(monkeypatch)
    text = "x" * 100
    line = Line()
    line.show(text)
    [shown] = terminal.screen()
    assert (len(shown), shown.count("x")) == (terminal.width - 1, terminal.width - 2)
    line.show(text, last=True)
    assert terminal.screen() == [text, ""]


def test_where_stderr_is_a_file_only_last_texts_appear_and_no_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = Line()
    for step in range(3):
        line.show(f"{step}/3")
    line.show("3/3", last=True)
    line.show("")
    assert capsys.readouterr().err == "3/3\n"


def test_where_stderr_is_a_file_a_long_wait_shows_a_sign_of_life_now_and_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = Line(seconds=0.05)
    shown = []
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        line.show("going on")
        shown += capsys.readouterr().err.splitlines()
    assert 2 <= len(shown) <= 10
    assert set(shown) == {"going on"}


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("200", 200), (" 7 ", 7)])
def test_a_number_of_things(text: str, number: int) -> None:
    assert positive(text) == number


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "ten", "", "1e3", "inf"])
def test_no_number_of_things(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"is not a whole number of 1 or more"):
        positive(text)


def test_what_is_said_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    say("text")
    assert capsys.readouterr() == ("", "text\n")


def test_a_command_prints_warnings_once_and_nothing_of_lower_levels(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger, root = logging.getLogger("bioinstruct"), logging.getLogger()
    of_a_library = logging.StreamHandler(sys.stderr)

    def command() -> int:
        logger.warning("not compared with %s:\n%s", "pubmedqa", "no file")
        logging.getLogger("bioinstruct.llm").error("no answer")
        logger.info("left out 3")
        return 0

    before = list(logger.handlers), logger.propagate
    root.addHandler(of_a_library)
    try:
        for _ in range(2):
            with pytest.raises(SystemExit) as stopped:
                run_command("bioinstruct", command)
            assert stopped.value.code == 0
            out, err = capsys.readouterr()
            assert out == ""
            assert err == "not compared with pubmedqa: no file\nno answer\n"
    finally:
        root.removeHandler(of_a_library)
    assert (list(logger.handlers), logger.propagate) == before


ATTACKS = [
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\r",
    "\x08\x08",
    "\x7f",
    "\x00",
    "\u202e",
    "\u2066",
    "\u2028",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_control_sequences_are_shown_escaped(
    attack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"a{attack}b\tc\nd \u00e9 \u963f"
    show(text)
    say(text)
    Line(seconds=0).show(text, last=True)
    with pytest.raises(SystemExit):
        run_command("x", lambda: _raise(BioinstructError(text, hint=text)))
    logging.getLogger("bioinstruct").warning(text)
    done = capsys.readouterr()
    for shown in (done.out, done.err):
        assert attack not in shown
        assert visible(attack) in shown
        assert "b\tc\nd \u00e9 \u963f" in shown
    assert all(c.isprintable() or c in "\n\t" for c in done.out + done.err)
    assert visible("plain \n\ttext") == "plain \n\ttext"


def _raise(error: Exception) -> int:
    raise error


def test_show_prints_records_with_control_sequences_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.jsonl"
    bad = record(0, output="\x1b[2Jgone", input="a\x00b")
    path.write_text(json.dumps(bad.row()) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit) as stop:
        main(["show", str(path)])
    assert not stop.value.code
    assert "output: \\x1b[2Jgone" in capsys.readouterr().out
    worse = record(0, output="\x9b2J\u202egone\x7f é\u2028 β")
    path.write_text(json.dumps(worse.row()) + "\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["show", str(path), "--json"])
    line = capsys.readouterr().out
    assert json.loads(line) == worse.row()
    assert "é" in line
    assert "β" in line
    assert not set("\x9b\u202e\x7f\u2028") & set(line)
