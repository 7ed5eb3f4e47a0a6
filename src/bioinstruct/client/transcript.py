"""What was asked and what came back, line by line: cache, resume point and replay in one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bioinstruct.client.request import Outcome, Request

__all__ = ["Transcript"]


class Transcript:
    """An append-only file of JSON Lines; made by `open` or `read`, closed by `with`."""

    path: Path
    base_url: str
    dropped: int
    """Bytes of a last line that was cut off, and left out: say so when it is not 0."""

    @classmethod
    def open(cls, path: Path, *, base_url: str) -> Transcript:
        """To read and to add to; begun when there is no such file.

        Raises:
            BioinstructError: another process has it open.
            DataError: it is not a transcript, or one of another endpoint.
        """
        raise NotImplementedError

    @classmethod
    def read(cls, path: Path) -> Transcript:
        """To read only: no lock, no key, also while another process adds to it.

        Raises:
            MissingError: there is no such file.
            DataError: it is not a transcript.
        """
        raise NotImplementedError

    def get(self, request: Request) -> Outcome | None:
        """The last outcome on record, also one that is not final (`Failure.final`)."""
        raise NotImplementedError

    def add(self, request: Request, outcome: Outcome) -> None:
        """Append an outcome; when this returns, killing the process cannot lose it."""
        raise NotImplementedError

    def note(self, kind: str, value: Any) -> None:
        """Append something else worth keeping, such as the id of a batch; JSON values only."""
        raise NotImplementedError

    def notes(self, kind: str) -> Iterator[Any]:
        """All values noted under a kind, in the order in which they were noted."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[tuple[Request, Outcome]]:
        """The last outcome of each request, in the order of the file."""
        raise NotImplementedError

    def __len__(self) -> int:
        """How many requests have an outcome."""
        raise NotImplementedError

    def __enter__(self) -> Transcript:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Make sure that all is on the disk, and let others have the file."""
        raise NotImplementedError
