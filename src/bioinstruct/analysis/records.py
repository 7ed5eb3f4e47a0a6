"""The records embedded in the HTML page: all of them or a seeded sample, in compressed chunks."""

from __future__ import annotations

import base64
import gzip
import json
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import IO

from bioinstruct.analysis.sample import Sample
from bioinstruct.schema import Instruction

__all__ = ["PageRecords"]

_PORTION = 1_000


class PageRecords:
    """Collect records from a stream: a sample in memory, or all of them in a temporary file.

    Use it as a context manager.
    """

    def __init__(self, limit: int | None, *, seed: int = 0) -> None:
        self._sample = Sample(limit, seed=seed) if limit is not None else None
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # closed by __exit__
        self._portion: list[Instruction] = []
        self.seen = 0

    def __enter__(self) -> PageRecords:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def add(self, example: Instruction) -> None:
        self.seen += 1
        if self._sample is not None:
            self._sample.add(example, self.seen)
            return
        self._portion.append(example)
        if len(self._portion) == _PORTION:
            self._file.write(_packed(self._portion) + b"\n")
            self._portion = []

    @property
    def kept(self) -> int:
        """Number of records in the page."""
        return self.seen if self._sample is None else len(self._sample.records())

    def portions(self) -> Iterator[bytes]:
        """Yield up to a thousand records at a time: JSON, compressed with gzip, in base64."""
        if self._sample is not None:
            records = iter(self._sample.records())
            while portion := list(islice(records, _PORTION)):
                yield _packed(portion)
            return
        self._file.seek(0)
        for line in self._file:
            yield line.rstrip(b"\n")
        if self._portion:
            yield _packed(self._portion)


def _packed(examples: Iterable[Instruction]) -> bytes:
    rows = [
        [
            example.id,
            example.category.value,
            example.task,
            example.provenance.origin,
            example.provenance.license,
            example.provenance.document or "",
            example.instruction,
            example.input,
            example.output,
        ]
        for example in examples
    ]
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return base64.b64encode(gzip.compress(text, compresslevel=9, mtime=0))
