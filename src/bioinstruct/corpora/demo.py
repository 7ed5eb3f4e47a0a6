"""The demonstration set: instructions that ship with the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from bioinstruct.corpora.base import Row
from bioinstruct.corpora.formats.plain import numbered
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError
from bioinstruct.schema import Instruction

__all__ = ["CORPUS"]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the instructions as they are stored, with their own provenance."""
    path = folder / f"{split}.jsonl"
    for entry in numbered(path):
        if isinstance(entry, DataError):
            yield entry
            continue
        number, line = entry
        try:
            yield Instruction.model_validate_json(line)
        except ValidationError:
            yield DataError("expected an instruction", path=path, line=number)


CORPUS = described("demo")
