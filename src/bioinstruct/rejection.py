"""A record, line, row or part of an answer that was not kept, and the file that keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bioinstruct.files import atomic_file
from bioinstruct.schema import Instruction

__all__ = ["Rejection", "write_rejections"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Something that was not kept, and why."""

    reason: str
    """Name of a rule, `contaminated-…`, `near-duplicate`, `cut-off`, or what is wrong in words."""
    detail: str = ""
    """Match of the rule, or the overlapping text."""
    other: str | None = None
    """Id of the record that it duplicates, or of the test item that it overlaps."""
    score: float | None = None
    """ROUGE-L F with that record, or the share of the test text that it has, from 0 to 1."""
    test: str = ""
    """Task of the test item that it overlaps, and which text of it: `medqa options`."""
    record: Instruction | None = None
    """The record, if it is one."""
    text: str | None = None
    """The text as it was written, if it is no record."""
    place: Mapping[str, object] = field(default_factory=dict)
    """Source: `path` and `line` of a file, `corpus`, or `request` and `item`."""

    def row(self) -> dict[str, Any]:
        """Return plain values, the record or text last; what is unset is left out."""
        values = {
            "reason": self.reason,
            "detail": self.detail or None,
            "other": self.other,
            "score": self.score,
            "test": self.test or None,
            **self.place,
            "text": self.text,
            "record": self.record and self.record.row(),
        }
        return {name: value for name, value in values.items() if value is not None}

    def line(self) -> bytes:
        """Return the row as a line of JSON; half a surrogate pair becomes an escape."""
        text = json.dumps(self.row(), ensure_ascii=False) + "\n"
        return text.encode("utf-8", "backslashreplace")


def write_rejections(path: Path, rejections: Iterable[Rejection]) -> int:
    """Write rejections as JSON Lines and return how many; the file is whole or not there."""
    count = 0
    with atomic_file(path) as file:
        for rejection in rejections:
            file.write(rejection.line())
            count += 1
    return count
