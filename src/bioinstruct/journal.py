"""An append-only file of JSON Lines, one object a line, that survives a crash.

A line is in the file when `append` returns: killing the process cannot lose it. A last line that a
crash cut off is dropped when the file is opened again. One process at a time can write; others can
read meanwhile. Only the place of each line with a `key` is kept in memory.

A line ends with `"check"`, 16 hexadecimal digits of the SHA-256 of all that is in front of it, so
that a line that was edited or damaged is noticed. In files of earlier versions lines have none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self

from filelock import FileLock, Timeout

from bioinstruct.errors import BioinstructError, DataError, MissingError
from bioinstruct.files import add_filename_to_oserror, sync
from bioinstruct.json_text import loads

__all__ = ["Journal", "remove_journal"]

_SYNC_SECONDS = 1.0  # at most this much is lost in a power cut; a killed process loses nothing
_CHECK = re.compile(rb', "check": "([0-9a-f]{16})"}\n')
_CHECK_LENGTH = 31  # bytes, with the line break


class Journal:
    """A journal that is open, made by `open` or `read`."""

    path: Path
    dropped: int
    """Bytes of a last line that was cut off, and left out."""

    def __init__(
        self,
        path: Path,
        *,
        what: str,
        starts: tuple[bytes, bytes] = (b"", b""),
        enter: Callable[[dict[str, Any], int, int], None] = lambda row, place, number: None,
        hint: str = "",
        lock: FileLock | None = None,
        damaged: list[int] | None = None,
    ) -> None:
        """Read a file; `open` and `read` have the arguments that callers need.

        Args:
            path: the file.
            what: what one line is, for the message of a line that is not: `a line of a transcript`.
            starts: how the first line and every other line begin. An unfinished last line that
                begins otherwise is foreign, and an error.
            enter: called with every row, its byte offset and its line number (from 1). It may
                raise DataError, or KeyError, TypeError or ValueError for a row of another kind.
            hint: what to do about a file of another kind.
            lock: a lock that is held, to append.
            damaged: takes the numbers of lines that are malformed, which are then left out, if
                any line is not. They stay in the file.

        Raises:
            DataError: a line is malformed. The file is left unchanged.
        """
        self.path = path
        self._what, self._starts, self._enter, self._hint = what, starts, enter, hint
        self._keys: dict[str, int] = {}
        self._lock = lock
        self._checked = False
        self._skipped: set[int] = set()
        self._synced = time.monotonic()
        self._file: BinaryIO = path.open("rb")
        self._out: BinaryIO | None = None
        try:
            self._end = self._index(damaged)
            self.dropped = path.stat().st_size - self._end
            if lock is not None:
                if self.dropped:
                    os.truncate(path, self._end)
                self._out = path.open("ab", buffering=0)
        except BaseException:
            self._file.close()
            raise

    @classmethod
    def open(cls, path: Path, *, holder: Callable[[Path], str] | None = None, **of: Any) -> Self:
        """Open a file to read and to append to; create it if there is none.

        Args:
            path: the file.
            holder: returns who has the file open, for the message of a file in use.
            **of: as for the class, without `lock`.

        Raises:
            BioinstructError: another process has it open.
            DataError: a line is malformed.
        """
        path = path.resolve()  # two names of one file are one journal
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(_lock_path(path), blocking=False)
        try:
            lock.acquire()
        except Timeout:
            raise BioinstructError(
                f"{path}: in use by {holder(path) if holder else 'another process'}",
                hint="wait until it is done, end it, or choose another file",
            ) from None
        try:
            if not path.exists():
                path.touch()
                sync(path.parent)
            return cls(path, lock=lock, **of)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, path: Path, **of: Any) -> Self:
        """Open a file to read only, also while another process appends to it.

        Raises:
            MissingError: there is no such file.
            DataError: a line is malformed.
        """
        if not path.is_file():
            raise MissingError(f"no file {path}")
        return cls(path, **of)

    def append(self, row: dict[str, Any]) -> int:
        """Append a row and return its byte offset.

        Raises:
            OSError: the disk is full; the file ends with the line before.
        """
        if self._out is None:
            raise ValueError("a journal that was opened to be read cannot be appended to")
        line = _checked(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        place = self._end
        try:
            with add_filename_to_oserror(self.path):
                left = memoryview(line)
                while left:  # a write may take a part; the next then says why
                    left = left[self._out.write(left) :]
                if time.monotonic() - self._synced > _SYNC_SECONDS:
                    os.fsync(self._out.fileno())
                    self._synced = time.monotonic()
        except BaseException:
            os.truncate(self.path, place)  # no half line in front of the next
            raise
        self._end += len(line)
        if (key := row.get("key")) is not None:
            self._keys[key] = place
        return place

    def row(self, place: int) -> dict[str, Any]:
        """Return the row at a byte offset."""
        self._file.seek(place)
        return _row(self._file.readline())

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield every row in the order of the file."""
        place = 0
        while place < self._end:
            self._file.seek(place)
            line = self._file.readline()
            if place not in self._skipped:
                yield _row(line)
            place += len(line)

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the last row of a key, or None."""
        place = self._keys.get(key)
        return None if place is None else self.row(place)

    def keys(self) -> Iterator[str]:
        """Yield the keys in the order of their last rows."""
        yield from sorted(self._keys, key=self._keys.__getitem__)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._keys)

    @property
    def empty(self) -> bool:
        """Whether the file has no line."""
        return not self._end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self, *, discard: bool = False) -> None:
        """Sync the file to disk and release the lock; `discard` removes the file."""
        if self._out is not None and not self._out.closed:
            with add_filename_to_oserror(self.path):
                os.fsync(self._out.fileno())
            self._out.close()
        self._file.close()
        if self._lock is None or not self._lock.is_locked:
            return
        if discard:
            self.path.unlink(missing_ok=True)
        self._lock.release()
        if discard:  # else it stays: to remove a lock file that another process opens is a race
            with contextlib.suppress(OSError):
                _lock_path(self.path).unlink(missing_ok=True)

    def _index(self, damaged: list[int] | None) -> int:
        """Enter each row; return the end of the last whole line."""
        place, good = 0, 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                start = self._starts[number > 1]
                if line[: len(start)] != start[: len(line)]:
                    raise self._fault(number)
                break  # cut off while it was written
            try:
                self._enter_line(line, place, number)
                good += 1
            except DataError:
                raise
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                if damaged is None:
                    raise self._fault(number, error) from None
                damaged.append(number)
                self._skipped.add(place)
            place += len(line)
        if damaged and not good:
            raise self._fault(damaged[0])
        return place

    def _enter_line(self, line: bytes, place: int, number: int) -> None:
        checked = _CHECK.fullmatch(line[-_CHECK_LENGTH:]) is not None
        row = _row(line)
        if number == 1:
            self._checked = checked
        elif self._checked and not checked:
            raise _ChangedError
        self._enter(row, place, number)
        if (key := row.get("key")) is not None:
            self._keys[key] = place

    def _fault(self, number: int, error: Exception | None = None) -> DataError:
        if isinstance(error, _ChangedError):
            return DataError(
                "changed after it was written",
                path=self.path,
                line=number,
                hint="restore the file, or remove this line: its question is then asked again",
            )
        return DataError(f"not {self._what}", path=self.path, line=number, hint=self._hint)


class _ChangedError(ValueError):
    """A line is not what was written."""


def _checked(line: bytes) -> bytes:
    """Return the JSON of an object as a line that ends with its check."""
    front = line[:-1]
    return front + f', "check": "{_digest(front)}"}}\n'.encode()


def _row(line: bytes) -> dict[str, Any]:
    """Return the row of a line without its check.

    Raises:
        _ChangedError: the line is not what was written.
        ValueError: it is not JSON.
    """
    row = loads(line)
    if found := _CHECK.fullmatch(line[-_CHECK_LENGTH:]):
        if found[1].decode() != _digest(line[:-_CHECK_LENGTH]):
            raise _ChangedError
        del row["check"]
    result: dict[str, Any] = row
    return result


def _digest(front: bytes) -> str:
    return hashlib.sha256(front).hexdigest()[:16]


def remove_journal(path: Path) -> None:
    """Remove a journal that nobody has open, and its lock file."""
    path.unlink(missing_ok=True)
    _lock_path(path).unlink(missing_ok=True)


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")
