"""Every answer of a model, on disk before it is used: one JSON line each, and the resume point.

An answer is kept under a key made of the model's weights, the prompt and the question's form, so a
stopped run asks nothing twice and one model can never be given another's answer. One run at a time
writes to a file; what is in it and not ours is never touched.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bioinstruct.errors import BioinstructError, DataError
from bioinstruct.files import naming

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

__all__ = ["Answers"]

_START = b'{"key": "'


class Answers:
    """A file of answers, read when it is opened and appended to as they come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        try:
            self._lock()
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._known:
            self._path.unlink()  # a run that was refused leaves no empty file
        with naming(self._path):
            self._file.close()

    @property
    def folder(self) -> Path:
        """Where the file is."""
        return self._path.parent

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._known[key]

    def add(self, key: str, row: dict[str, Any]) -> None:
        """Keep an answer; it is in the file when this returns."""
        line = json.dumps({"key": key, **row}, ensure_ascii=False) + "\n"
        with naming(self._path):
            self._file.write(line.encode("utf-8"))
            self._file.flush()
        self._known[key] = row

    def know(self, path: Path, *, take: bool = False) -> None:
        """Read what another process has answered too; `take`: keep it in this file as well.

        A last line that is still being written is left out.
        """
        if not path.is_file():
            return
        for line in path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            row = json.loads(line)
            known = row.pop("key")
            if known not in self._known:
                self.add(known, row) if take else self._known.setdefault(known, row)

    def _lock(self) -> None:
        """Keep a second run away; the system ends the lock with the process, however it ends."""
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BioinstructError(
                f"another run is writing to {self._path}",
                hint="wait until it is done, or choose another --out",
            ) from error

    def _read(self) -> None:
        """Read what is there; a last line of ours that was cut off by a crash is dropped."""
        self._file.seek(0)
        whole = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n") and line[: len(_START)] == _START[: len(line)]:
                self._file.truncate(whole)
                break
            whole += len(line)
            try:
                row = json.loads(line)
                self._known[row.pop("key")] = row
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                raise DataError(
                    "not an answer of bioinstruct-bench",
                    path=self._path,
                    line=number,
                    hint="move the file away, or choose another --out",
                ) from error
