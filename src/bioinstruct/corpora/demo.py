"""The demonstration set: instructions that ship with the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from bioinstruct.corpora.base import Corpus
from bioinstruct.corpora.formats.plain import read_lines
from bioinstruct.errors import DataError
from bioinstruct.schema import Instruction

__all__ = ["CORPORA", "CORPUS"]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Instruction]:
    """Instructions as they are stored: complete, with their own provenance."""
    path = folder / f"{split}.jsonl"
    for number, line in enumerate(read_lines(path), start=1):
        if not line:
            continue
        try:
            yield Instruction.model_validate_json(line)
        except ValidationError as error:
            raise DataError("expected an instruction", path=path, line=number) from error


CORPUS = Corpus(
    name="demo",
    title="Demonstration set of bioinstruct",
    category=None,
    license="CC-BY-4.0",
    revision="1",
    homepage="the package bioinstruct itself",
    folder=None,
    splits=("train", "test"),
    citation="Written for bioinstruct; it shows the road and is no result.",
    reader=read,
)

CORPORA = (CORPUS,)
