"""What was asked and what came back, line by line: cache, resume point and replay in one file."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from bioinstruct.errors import BioinstructError, DataError, MissingError
from bioinstruct.llm.types import Answer, Failure, Message, Outcome, Request

__all__ = ["Transcript", "parse_entry"]

_FORMAT = "bioinstruct-transcript"
_VERSION = 1
_HEAD = b'{"format": "bioinstruct-transcript"'  # how a header begins, also one that was cut off
_SYNC_SECONDS = 1.0  # what a power cut may take; a killed process loses nothing that was added


class Transcript:
    """An append-only file of JSON Lines; made by `open` or `read`, closed by `with`.

    Only the place of each outcome is kept in memory, some 200 bytes a request.
    """

    path: Path
    base_url: str
    dropped: int
    """Bytes of a last line that was cut off, and left out: say so when it is not 0."""

    def __init__(self, path: Path, *, base_url: str | None, lock: FileLock | None) -> None:
        """For `open` and `read`: a lock makes it one to add to."""
        self.path = path
        self.base_url = base_url or ""
        self._lock = lock
        self._places: dict[bytes, int] = {}
        self._notes: list[tuple[str, int]] = []
        self._synced = time.monotonic()
        self._file: BinaryIO = path.open("rb")
        self._out = None if lock is None else path.open("ab", buffering=0)
        try:
            self._end = self._index()
            self.dropped = path.stat().st_size - self._end
            if lock is not None:
                self._begin(base_url)
        except BaseException:
            self._shut()
            raise

    @classmethod
    def open(cls, path: Path, *, base_url: str) -> Transcript:
        """To read and to add to; begun when there is no such file.

        Raises:
            BioinstructError: another process has it open.
            DataError: it is not a transcript, or one of another endpoint.
        """
        path = path.resolve()  # two names of one file are one transcript
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(path.name + ".lock"), blocking=False)
        try:
            lock.acquire()
        except Timeout:
            raise BioinstructError(
                f"{path}: in use by {_holder(path)}",
                hint="wait for it, end it, or choose another transcript",
            ) from None
        try:
            path.touch()
            return cls(path, base_url=base_url, lock=lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def read(cls, path: Path) -> Transcript:
        """To read only: no lock, no key, also while another process adds to it.

        Raises:
            MissingError: there is no such file.
            DataError: it is not a transcript.
        """
        if not path.is_file():
            raise MissingError(f"no transcript {path}", hint="`bioinstruct generate` writes one")
        transcript = cls(path, base_url=None, lock=None)
        if not transcript.base_url:
            transcript.close()
            raise DataError("not a transcript: it is empty", path=path)
        return transcript

    def get(self, request: Request) -> Outcome | None:
        """The last outcome on record, also one that is not final (`Failure.final`)."""
        place = self._places.get(bytes.fromhex(request.key(self.base_url)))
        if place is None:
            return None
        found, outcome = parse_entry(self._entry(place))
        if found != request:
            raise DataError(f"the entry at byte {place} was changed by hand", path=self.path)
        return outcome

    def add(self, request: Request, outcome: Outcome, *, batch: str = "") -> None:
        """Append an outcome; when this returns, killing the process cannot lose it.

        `batch` is the provider's id of the batch that it came in, if it came in one.
        """
        key = request.key(self.base_url)
        kind = "answer" if isinstance(outcome, Answer) else "failure"
        said = outcome.row() if isinstance(outcome, Answer) else asdict(outcome)
        row = {"kind": kind, "key": key, "at": _now(), "outcome": said}
        row |= {"batch": batch} if batch else {}
        self._places[bytes.fromhex(key)] = self._append(row | {"request": request.row()})

    def note(self, kind: str, value: Any) -> None:
        """Append something else worth keeping, such as the id of a batch; JSON values only."""
        place = self._append({"kind": "note", "note": kind, "at": _now(), "value": value})
        self._notes.append((kind, place))

    def notes(self, kind: str) -> Iterator[Any]:
        """All values noted under a kind, in the order in which they were noted."""
        for place in [place for noted, place in self._notes if noted == kind]:
            yield self._entry(place)["value"]

    def __iter__(self) -> Iterator[tuple[Request, Outcome]]:
        """The last outcome of each request, in the order of the file."""
        for place in sorted(self._places.values()):
            yield parse_entry(self._entry(place))

    def history(self) -> Iterator[dict[str, Any]]:
        """Every line after the first as it was written, superseded outcomes and notes included."""
        place = 0
        while place < self._end:
            self._file.seek(place)
            line = self._file.readline()
            if place:
                yield json.loads(line)
            place += len(line)

    def __contains__(self, key: str) -> bool:
        """Whether the request of a key has an outcome."""
        return bytes.fromhex(key) in self._places

    def __len__(self) -> int:
        """How many requests have an outcome."""
        return len(self._places)

    def __enter__(self) -> Transcript:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Make sure that all is on the disk, and let others have the file."""
        if self._out is not None and not self._out.closed:
            os.fsync(self._out.fileno())
        self._shut()
        if self._lock is not None:
            self._lock.release()

    def _shut(self) -> None:
        self._file.close()
        if self._out is not None:
            self._out.close()

    def _index(self) -> int:
        """Note the place of each entry; the end of the last whole line."""
        place = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                if number == 1 and not line.startswith(_HEAD[: len(line)]):
                    raise DataError("not a transcript", path=self.path)
                break  # cut off while it was written
            self._enter(line, place=place, number=number)
            place += len(line)
        return place

    def _enter(self, line: bytes, *, place: int, number: int) -> None:
        try:
            row = json.loads(line)
            if number == 1:
                self._check_header(row)
            elif row["kind"] == "note":
                self._notes.append((row["note"], place))
            else:
                self._places[bytes.fromhex(row["key"])] = place
        except (KeyError, TypeError, ValueError):
            raise DataError("not a line of a transcript", path=self.path, line=number) from None

    def _check_header(self, row: Any) -> None:
        if row["format"] != _FORMAT:
            raise KeyError
        if row["version"] != _VERSION:
            raise DataError(
                f"a transcript of version {row['version']}, where {_VERSION} is known",
                path=self.path,
                hint="use the release of bioinstruct that wrote it",
            )
        if self.base_url and row["base_url"] != self.base_url:
            raise DataError(
                f"a transcript of {row['base_url']}, not of {self.base_url}",
                path=self.path,
                hint="go on with that endpoint, or choose another transcript",
            )
        self.base_url = row["base_url"]

    def _begin(self, base_url: str | None) -> None:
        """Cut a torn end off, write the header of a new file, and say who has it open."""
        if self.dropped:
            os.truncate(self.path, self._end)
        if not self._end:
            self._append({"format": _FORMAT, "version": _VERSION, "base_url": base_url})
        self.note("opened", {"pid": os.getpid()})

    def _append(self, row: dict[str, Any]) -> int:
        if self._out is None:
            raise ValueError("a transcript that was opened to be read cannot be added to")
        line = json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
        place = self._end
        try:
            if self._out.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(self._out.fileno())
                self._synced = time.monotonic()
        except BaseException:
            os.truncate(self.path, place)  # no half line in front of the next
            raise
        self._end += len(line)
        return place

    def _entry(self, place: int) -> dict[str, Any]:
        self._file.seek(place)
        row: dict[str, Any] = json.loads(self._file.readline())
        return row


def parse_entry(row: dict[str, Any]) -> tuple[Request, Outcome]:
    """The request and the outcome of a line that holds them."""
    asked = row["request"]
    messages = tuple(Message(**message) for message in asked["messages"])
    request = Request(**asked | {"messages": messages, "stop": tuple(asked["stop"])})
    if row["kind"] != "answer":
        return request, Failure(**row["outcome"])
    echoed = tuple((token, value) for token, value in row["outcome"].get("echoed", ()))
    return request, Answer(**row["outcome"] | {"echoed": echoed})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _holder(path: Path) -> str:
    """Who has a transcript open, as its last `opened` says."""
    pid = None
    with suppress(BioinstructError, OSError), Transcript.read(path) as transcript:
        for value in transcript.notes("opened"):
            pid = value["pid"]
    return f"process {pid}" if pid else "another process"
