"""Outputs for records; a file is unnamed until it is complete, so a killed run leaves none."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, Self

from bioinstruct.errors import BioinstructError
from bioinstruct.files import add_filename_to_oserror, atomic_file, companion_path
from bioinstruct.generation.accept import Judged
from bioinstruct.llm.types import Request
from bioinstruct.rejection import Rejection
from bioinstruct.schema import Instruction

__all__ = ["Files", "Memory", "Sink", "rejected_path", "transcript_path"]


class Sink(Protocol):
    """Receiver of the records of a run, in order."""

    examples: list[Instruction]
    """Records that were not written to a file."""
    rejected: list[Rejection]
    """Parts of answers that gave no record, unless they were written to a file."""

    def add(self, judged: Judged, request: Request, base_url: str) -> None:
        """Take what came of one request."""
        ...

    def finish(self) -> None:
        """Complete the output after the last record."""
        ...


class Memory:
    """Keeps the records."""

    def __init__(self) -> None:
        self.examples: list[Instruction] = []
        self.rejected: list[Rejection] = []

    def add(self, judged: Judged, request: Request, base_url: str) -> None:
        self.examples += judged.accepted
        self.rejected += judged.rejected

    def finish(self) -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class Files:
    """Writes the records to a file, and the rejected ones to another in the same folder."""

    def __init__(self, out: Path, *, replace: bool = True) -> None:
        self.examples: list[Instruction] = []
        self.rejected: list[Rejection] = []
        self._replace = replace
        self._stack = ExitStack()
        self._made = _Spool(out, self._stack)
        self._rejected = _Spool(rejected_path(out), self._stack)

    def add(self, judged: Judged, request: Request, base_url: str) -> None:
        for record in judged.accepted:
            self._made.add(_line(record.row()))
        for reject in judged.rejected:
            place = {**reject.place, "key": request.key("")}  # the same at any server
            self._rejected.add(replace(reject, place=place).line())

    def finish(self) -> None:
        """Write the files.

        Raises:
            BioinstructError: the output exists, the new records do not begin with the ones that
                it has, and `replace` is False; nothing is written then.
        """
        if not (self._replace or self._made.continues()):
            raise BioinstructError(
                f"{self._made.path} exists, and its records are not the first of these: "
                "nothing was written",
                hint="name another --out, or replace it with --force; the transcript has the "
                "answers, so nothing is asked again",
            )
        self._rejected.finish()
        if self._made.rows:  # a file of nothing must not take the place of one with records
            self._made.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


class _Spool:
    """Rows on their way to a file, on the disk that it will be on."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self.path = path
        self.rows = 0
        folder = path.resolve().parent
        folder.mkdir(parents=True, exist_ok=True)
        # On Linux it has no name, and goes when the process goes.
        file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._file = stack.enter_context(file)

    def add(self, line: bytes) -> None:
        with add_filename_to_oserror(self.path):
            self._file.write(line)
        self.rows += 1

    def continues(self) -> bool:
        """Whether the rows begin with all that the file has, or the file does not exist."""
        if not self.path.is_file():
            return True
        self._file.seek(0)
        with self.path.open("rb") as old:
            while part := old.read(1 << 20):
                if self._file.read(len(part)) != part:
                    return False
        return True

    def finish(self) -> None:
        with add_filename_to_oserror(self.path):
            self._file.seek(0)
        with atomic_file(self.path) as file:
            shutil.copyfileobj(self._file, file)


def _line(row: Mapping[str, Any]) -> bytes:
    return (json.dumps(row, ensure_ascii=False) + "\n").encode("utf-8")


def rejected_path(out: Path) -> Path:
    """Return `made.rejected.jsonl` for `made.jsonl`."""
    return companion_path(out, "rejected")


def transcript_path(out: Path) -> Path:
    """Return `made.transcript.jsonl` for `made.jsonl`."""
    return companion_path(out, "transcript")
