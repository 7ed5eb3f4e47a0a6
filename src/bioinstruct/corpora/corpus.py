"""What a corpus is: where it comes from, how it is split, and how it becomes instructions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bioinstruct.schema import Category, Instruction, Provenance, content_id

__all__ = ["Corpus", "Reader", "choose"]

Reader = Callable[[Path, str, str], Iterator[Instruction]]
"""The folder of the corpus, a split and a layout to instructions, in the order of the files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """An annotated corpus that can be compiled and scored on."""

    name: str
    """In kebab-case; the origin of its instructions."""
    title: str
    category: Category | None
    """None when its instructions are of several."""
    license: str
    """SPDX expression."""
    revision: str
    """The release or commit that the reader was written for."""
    homepage: str
    """Where to get the files."""
    folder: str | None
    """Under the data directory; None when the files ship with the package."""
    splits: tuple[str, ...]
    """As the authors define them, named train, validation and test."""
    layouts: tuple[str, ...] = ()
    """Forms that the answer can take, the default first; empty when there is only one."""
    citation: str
    reader: Reader

    def provenance(self, *, split: str, document: str | None = None) -> Provenance:
        """What every instruction of this corpus says of where it is from."""
        return Provenance(
            kind="compiled",
            origin=self.name,
            license=self.license,
            revision=self.revision,
            split=split,
            document=document,
        )


def choose(wordings: Sequence[str], input: str) -> str:
    """One of several wordings, by the input alone: not by order, chance or the answer."""
    return wordings[int(content_id("", input, ""), 16) % len(wordings)]
