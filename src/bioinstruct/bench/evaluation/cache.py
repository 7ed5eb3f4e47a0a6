"""Every answer of a model, on disk before it is used: one JSON line each, and the resume point.

The key of an answer is made of the model's weights, the prompt and the formulation of the question.
A stopped run therefore asks nothing twice, and no model is given another's answer. One run at a
time writes to a file; a file of something else is never changed. A line that was damaged or edited
is left out with a warning, and its question asked again.
"""

from __future__ import annotations

import logging
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bioinstruct.journal import Journal

__all__ = ["Answers"]

logger = logging.getLogger("bioinstruct")

_START = b'{"key": "'
_OF: dict[str, Any] = {
    "what": "an answer of bioinstruct-bench",
    "starts": (_START, _START),
    "hint": "move the file away, or choose another --out",
}


class Answers:
    """A file of answers: a journal with one row a key, and rows of other files that were loaded."""

    def __init__(self, path: Path) -> None:
        """Open a file to read and to append to; create it if there is none.

        Raises:
            BioinstructError: another run has it open.
            DataError: no line is an answer; the file is left as it is.
        """
        self._loaded: dict[str, dict[str, Any]] = {}
        damaged: list[int] = []
        self._journal = Journal.open(path, enter=_check, damaged=damaged, **_OF)
        _warn(path, damaged)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A run that was refused leaves no empty file.
        self._journal.close(discard=self._journal.empty)

    @property
    def folder(self) -> Path:
        """The folder of the file."""
        return self._journal.path.parent

    def __contains__(self, key: str) -> bool:
        return key in self._journal or key in self._loaded

    def __getitem__(self, key: str) -> dict[str, Any]:
        row = self._journal.get(key)
        if row is None:
            return self._loaded[key]
        del row["key"]
        return row

    def add(self, key: str, row: dict[str, Any]) -> None:
        """Append an answer; it is in the file when this returns."""
        self._journal.append({"key": key, **row})

    def load(self, path: Path, *, merge: bool = False) -> None:
        """Read the answers of another process too; `merge`: append them to this file as well.

        A last line that is still being written is left out.

        Raises:
            DataError: no line is an answer.
        """
        if not path.is_file():
            return
        damaged: list[int] = []
        with Journal.read(path, enter=_check, damaged=damaged, **_OF) as other:
            _warn(path, damaged)
            for row in other.rows():
                key = row.pop("key")
                if key not in self:
                    self.add(key, row) if merge else self._loaded.setdefault(key, row)


def _check(row: dict[str, Any], place: int, number: int) -> None:
    row["key"].encode()
    if not row.keys() & {"text", "log_likelihoods"}:
        raise KeyError("text")


def _warn(path: Path, damaged: list[int]) -> None:
    if damaged:
        logger.warning(
            "%s: %s damaged lines (the first: %d) are left out, and asked again",
            path,
            f"{len(damaged):,}",
            damaged[0],
        )
