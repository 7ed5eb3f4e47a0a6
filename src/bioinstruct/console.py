"""Error reporting, exit codes and progress lines, shared by the two commands."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import logging
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from bioinstruct.errors import NEAREST, BioinstructError, UnknownNameError
from bioinstruct.text import visible

__all__ = ["Line", "Parser", "positive", "run_command", "say", "show"]

_CLEAR = "\r\x1b[K"  # move to the start of the line and erase it


def run_command(name: str, command: Callable[[], int], *, stopped: str = "") -> NoReturn:
    """Run a command and exit with its code, or with 1 and no traceback if the user can fix it.

    Warnings logged to `bioinstruct` go to stderr, one line each. `stopped` is the hint to print
    after Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for terminals without UTF-8
    try:
        with _warnings_shown():
            code = command()
        sys.stdout.flush()
    except BioinstructError as error:
        code = _complain(name, str(error), error.hint)
    except KeyboardInterrupt:
        code = _complain(name, "stopped", stopped)
    except BrokenPipeError:
        code = 1  # the reader closed the pipe
        _forget_output()
    except OSError as error:
        if error.errno not in _HINTS:
            raise
        where = f": {error.filename}" if error.filename else ""
        code = _complain(name, f"{error.strerror}{where}", _HINTS[error.errno])
        _forget_output()
    raise SystemExit(code)


class _Warnings(logging.Handler):
    """Print each message to stderr as one line, without level or logger name."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = " ".join(record.getMessage().split())
        except (TypeError, ValueError):  # arguments that do not fit the message
            self.handleError(record)
        else:
            print(_CLEAR if sys.stderr.isatty() else "", end="", file=sys.stderr)
            say(text)


@contextlib.contextmanager
def _warnings_shown() -> Iterator[None]:
    """Print our warnings and errors, and keep them from handlers that libraries add to the root."""
    logger = logging.getLogger("bioinstruct")
    handler = _Warnings(logging.WARNING)
    propagated = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagated


_ELSEWHERE = "choose another place with --out"
_HINTS = {
    errno.ENOSPC: "make room on the disk and run the same command again",
    errno.EDQUOT: "make room in your quota and run the same command again",
    errno.EFBIG: f"the file would exceed the size limit here; {_ELSEWHERE}",
    errno.EIO: "the disk reported an error; see the system log",
    errno.EACCES: "check the permissions of this path",
    errno.EPERM: "check the permissions of this path",
    errno.EROFS: _ELSEWHERE,
    errno.ENOTDIR: _ELSEWHERE,
    errno.EEXIST: _ELSEWHERE,
    errno.EISDIR: "name a file, not a folder",
    errno.ENAMETOOLONG: "check the path",
    errno.ELOOP: "check the links in the path",
}
"""Hints for operating system errors that the user can fix."""


def _complain(name: str, message: str, hint: str) -> int:
    clear = _CLEAR if sys.stderr.isatty() else ""
    print(f"{clear}{name}: {visible(message)}", file=sys.stderr)
    if hint:
        print(f"hint: {visible(hint)}", file=sys.stderr)
    return 1


def _forget_output() -> None:
    """Keep the interpreter from flushing into a closed or full stdout when it exits."""
    with contextlib.suppress(io.UnsupportedOperation):  # an output that is not a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Parser(argparse.ArgumentParser):
    """A parser that answers wrong usage with one line and a hint, not with the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong, with the nearest of many choices, and exit with 2."""
        found = re.fullmatch(r"(argument .+: )invalid choice: '(.*)' \(choose from (.*)\)", message)
        names = [name.strip(" '") for name in found[3].split(",")] if found else []
        if found and len(names) > NEAREST:
            unknown = UnknownNameError("choice", found[2], names)
            message = f"{found[1]}{unknown}" + (f"; {unknown.hint}" if unknown.hint else "")
        text = f"{self.prog}: {message}\nhint: `{self.prog} --help` lists the options\n"
        self.exit(2, visible(text.removesuffix("\n")) + "\n")


def positive(text: str) -> int:
    """Parse a positive integer, as an argparse type."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return number


def say(text: str) -> None:
    """Print to stderr, since stdout is for data; control characters are escaped."""
    print(visible(text), file=sys.stderr, flush=True)


def show(text: str = "", *, end: str = "\n") -> None:
    """Print a text for people to stdout; control characters are escaped, unlike in data."""
    print(visible(text), end=end)


class Line:
    """A progress line, rewritten in place on a terminal.

    If stderr is not a terminal, prints a new line at most every `seconds`.
    """

    def __init__(self, *, seconds: float = 30) -> None:
        self._live = sys.stderr.isatty()
        self._seconds = seconds
        self._shown = time.monotonic()

    def show(self, text: str, *, last: bool = False) -> None:
        """Replace the text of the line; `last` ends the line."""
        text = visible(text)
        if self._live:
            # A line that wraps cannot be rewritten; its end says how long it will take.
            fitting = text if last else _fitting(text, shutil.get_terminal_size().columns - 1)
            print(_CLEAR + fitting, end="\n" if last else "", file=sys.stderr, flush=True)
        elif text and (last or time.monotonic() - self._shown > self._seconds):
            self._shown = time.monotonic()
            print(text, file=sys.stderr, flush=True)


def _fitting(text: str, width: int) -> str:
    """Return a text cut to a width in its middle, so that its start and its end stay."""
    if len(text) <= width:
        return text
    end = max(0, (2 * width) // 3 - 1)
    return f"{text[: width - end - 1]}…{text[len(text) - end :]}"[:width]
