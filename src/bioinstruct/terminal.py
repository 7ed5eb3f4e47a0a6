"""What the two commands share: how they fail, and how they show that they go on."""

from __future__ import annotations

import argparse
import errno
import os
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from bioinstruct.errors import BioinstructError

__all__ = ["Line", "positive", "run_command", "say"]


def run_command(name: str, command: Callable[[], int]) -> NoReturn:
    """Run a command and exit: 0 done, 1 something that the user can mend, without a traceback."""
    try:
        code = command()
        sys.stdout.flush()
    except BioinstructError as error:
        code = _complain(name, str(error), error.hint)
    except KeyboardInterrupt:
        code = _complain(name, "stopped", "")
    except BrokenPipeError:
        # Whoever read our output has had enough; give the interpreter nothing to flush into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        if error.errno not in _USERS_OWN:
            raise
        where = f": {error.filename}" if error.filename else ""
        code = _complain(name, f"{error.strerror}{where}", _USERS_OWN[error.errno])
    raise SystemExit(code)


_USERS_OWN = {
    errno.ENOSPC: "make room on the disk and run the same command again",
    errno.EDQUOT: "make room in your quota and run the same command again",
    errno.EACCES: "check the permissions, or choose another place with --out",
    errno.EROFS: "choose another place with --out",
    errno.ENOTDIR: "choose another place with --out",
    errno.EISDIR: "name a file, not a folder",
    errno.EEXIST: "choose another place with --out",
}


def _complain(name: str, message: str, hint: str) -> int:
    print(f"\r{name}: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)
    return 1


def positive(text: str) -> int:
    """A whole number of one or more, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return number


def say(text: str) -> None:
    """Print on stderr: stdout is for data."""
    print(text, file=sys.stderr, flush=True)


class Line:
    """A line on stderr that is rewritten in place; where stderr is a file, a line now and then."""

    def __init__(self, *, seconds: float = 30) -> None:
        self._live = sys.stderr.isatty()
        self._width = 0
        self._seconds = seconds
        self._shown = time.monotonic()

    def show(self, text: str, *, last: bool = False) -> None:
        """Show the text in place of what the line showed before; `last` ends the line."""
        if self._live:
            end = "\n" if last else ""
            print("\r" + text.ljust(self._width), end=end, file=sys.stderr, flush=True)
            self._width = 0 if last else len(text)
        elif text and (last or time.monotonic() - self._shown > self._seconds):
            self._shown = time.monotonic()
            print(text, file=sys.stderr, flush=True)
