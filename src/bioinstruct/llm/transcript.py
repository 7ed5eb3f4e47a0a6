"""A file of requests and outcomes that serves as cache, resume point and replay."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from bioinstruct.errors import BioinstructError, DataError, MissingError
from bioinstruct.journal import Journal
from bioinstruct.llm.served import by_asked, within_bounds
from bioinstruct.llm.types import Answer, Failure, Message, Request, Response

__all__ = ["Transcript", "parse_entry"]

_FORMAT = "bioinstruct-transcript"
_VERSION = 1
_HEAD = b'{"format": "bioinstruct-transcript"'  # how a header begins, also one that was cut off


class Transcript:
    """An append-only JSON Lines file; create it with `open` or `read`, close it with `with`.

    Memory holds only the position of each outcome, about 250 bytes per request.
    """

    path: Path
    base_url: str
    dropped: int
    """Bytes of a truncated last line, which was dropped."""

    def __init__(self, path: Path, *, base_url: str | None) -> None:
        """Open a transcript to append to, or, without `base_url`, only to read."""
        self.path = path
        self.base_url = base_url or ""
        self.other_models = False
        """Accept answers by another model than was asked."""
        self._notes: list[tuple[str, int]] = []
        of: dict[str, Any] = {
            "what": "a line of a transcript",
            "starts": (_HEAD, b""),
            "enter": self._enter,
        }
        if base_url is None:
            self._journal = Journal.read(path, **of)
        else:
            self._journal = Journal.open(path, holder=_holder, **of)
        self.path = self._journal.path
        self.dropped = self._journal.dropped
        if base_url is not None:
            try:
                self._begin(base_url)
            except BaseException:
                self._journal.close()
                raise

    @classmethod
    def open(cls, path: Path, *, base_url: str) -> Transcript:
        """Open a transcript to read and to append to; create it if there is none.

        Raises:
            BioinstructError: another process has it open.
            DataError: it is not a transcript, or one of another endpoint.
        """
        return cls(path, base_url=base_url)

    @classmethod
    def read(cls, path: Path) -> Transcript:
        """Open a transcript to read only: no lock, no key, also while another process appends.

        Raises:
            MissingError: there is no such file.
            DataError: it is not a transcript.
        """
        if not path.is_file():
            raise MissingError(f"no transcript {path}", hint="`bioinstruct generate` writes one")
        transcript = cls(path, base_url=None)
        if not transcript.base_url:
            transcript.close()
            raise DataError("not a transcript: it is empty", path=path)
        return transcript

    def get(self, request: Request) -> Response | None:
        """Return the last recorded outcome, even if it is not final (`Failure.final`).

        An answer by another model is a failure, unless `other_models`; the file has the answer.
        """
        row = self._journal.get(request.key(self.base_url))
        if row is None:
            return None
        found, outcome = self._parsed(row)
        if found != request:
            raise DataError(f"the entry of {row['key']} was changed by hand", path=self.path)
        return self.accepted(request, outcome)

    def accepted(self, request: Request, outcome: Response) -> Response:
        """Return the outcome, or a failure in place of an answer that is not to be used.

        That is one of another model, unless `other_models`, and one that is far too long.
        """
        outcome = within_bounds(request, outcome)
        return outcome if self.other_models else by_asked(request, outcome)

    def add(self, request: Request, outcome: Response, *, batch: str = "") -> None:
        """Append an outcome; when this returns, killing the process cannot lose it.

        `batch` is the provider's id of the batch that contained it, if any.
        """
        kind = "answer" if isinstance(outcome, Answer) else "failure"
        content = outcome.row() if isinstance(outcome, Answer) else asdict(outcome)
        key = request.key(self.base_url)
        row = {"kind": kind, "key": key, "at": _now(), "outcome": content}
        row |= {"batch": batch} if batch else {}
        self._journal.append(row | {"request": request.row()})

    def note(self, kind: str, value: Any) -> None:
        """Append a note of JSON values, such as the id of a batch."""
        row = {"kind": "note", "note": kind, "at": _now(), "value": value}
        self._notes.append((kind, self._journal.append(row)))

    def notes(self, kind: str) -> Iterator[Any]:
        """Yield all values noted under a kind, in the order in which they were noted."""
        for place in [place for noted, place in self._notes if noted == kind]:
            yield self._journal.row(place)["value"]

    def __iter__(self) -> Iterator[tuple[Request, Response]]:
        """Yield the last outcome of each request, in the order of the file."""
        for key in self._journal.keys():  # noqa: SIM118
            row = self._journal.get(key)
            assert row is not None
            yield self._parsed(row)

    def _parsed(self, row: dict[str, Any]) -> tuple[Request, Response]:
        try:
            return parse_entry(row)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise DataError(
                f"the entry of {row['key']} is not a request with its outcome", path=self.path
            ) from None

    def history(self) -> Iterator[dict[str, Any]]:
        """Yield every line after the first, superseded outcomes and notes included."""
        return islice(self._journal.rows(), 1, None)

    def __contains__(self, key: str) -> bool:
        """Return whether the request with this key has an outcome."""
        return key in self._journal

    def __len__(self) -> int:
        """Return the number of requests with an outcome."""
        return len(self._journal)

    def __enter__(self) -> Transcript:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Sync the file to disk and release its lock."""
        self._journal.close()

    def _enter(self, row: Any, place: int, number: int) -> None:
        if number == 1:
            self._check_header(row)
        elif row["kind"] == "note":
            self._notes.append((row["note"], place))
        else:
            bytes.fromhex(row["key"])

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
                hint="continue with that endpoint, or choose another transcript",
            )
        self.base_url = row["base_url"]

    def _begin(self, base_url: str) -> None:
        """Write the header of a new file, and the id of the process that opened it."""
        if self._journal.empty:
            head = {"format": _FORMAT, "version": _VERSION, "base_url": base_url}
            self._journal.append(head)
        self.note("opened", {"pid": os.getpid()})


def parse_entry(row: dict[str, Any]) -> tuple[Request, Response]:
    """Return the request and the outcome of a line that holds them."""
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
    """Return the process that has a transcript open, according to its last `opened` note."""
    pid = None
    with suppress(BioinstructError, OSError), Transcript.read(path) as transcript:
        for value in transcript.notes("opened"):
            pid = value["pid"]
    return f"process {pid}" if pid else "another process"
