"""The demonstration set: instructions that ship with the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from bioinstruct.corpora.formats.plain import read_lines
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError
from bioinstruct.schema import Instruction

__all__ = ["CORPUS"]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Instruction]:
    """Yield the instructions as stored: complete, with their provenance."""
    path = folder / f"{split}.jsonl"
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        try:
            yield Instruction.model_validate_json(line)
        except ValidationError as error:
            raise DataError("expected an instruction", path=path, line=number) from error


CORPUS = described("demo")
