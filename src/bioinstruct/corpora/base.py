"""Corpora: their sources, splits, and conversion to instructions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeAlias

from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction, Provenance, content_id

__all__ = ["Access", "Corpus", "Download", "Reader", "Row", "Skipped", "choose", "wording_number"]


class Access(StrEnum):
    """Requirements for access to the files."""

    OPEN = "open"
    """Anyone may download them; the licence says whether they may be redistributed."""
    REGISTRATION = "registration"
    """Needs an account or accepted terms; never downloaded, never published."""
    CREDENTIALED = "credentialed"
    """Needs a signed data use agreement; never downloaded, never published."""


@dataclass(frozen=True, slots=True)
class Download:
    """A pinned official file on the network."""

    path: str
    """Path within the folder of the corpus."""
    url: str
    """Address of exactly this revision."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that is not meant to become an instruction."""

    reason: str
    """Short, and the same for all rows of its kind, since reasons are counted."""


Row: TypeAlias = Instruction | Skipped | DataError
"""The result of reading a row. A `DataError` that is yielded instead of raised concerns this row
only: it is recorded and the next row is read. One that is raised ends the corpus."""


class Reader(Protocol):
    """Turn the official files of a split into rows, in file order."""

    def __call__(self, folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
        """Read the folder of the corpus; `layout` is empty if there is only one form of answer.

        The seed is for `choose` and only affects the wording of instructions.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """An annotated corpus that can be compiled and scored on."""

    name: str
    """Name in kebab-case, which is also the origin of its instructions."""
    title: str
    category: Category | None
    """None if its instructions have several categories."""
    license: str
    """SPDX expression of the licence."""
    revision: str
    """Release or commit for which the reader was written."""
    homepage: str
    """Where to get the files."""
    folder: str | None
    """Folder under the data directory; None if the files ship with the package."""
    splits: tuple[str, ...]
    """Splits as the authors define them, named train, validation and test; or by `hash_split`."""
    benchmark_split: str = "test"
    """The split that benchmark tasks score."""
    framed: bool = False
    """Whether its questions differ only in their subject ("What are the symptoms of ... ?"). Then a
    near duplicate of a test question counts as contamination only if the subject is the same."""
    layouts: tuple[str, ...] = ()
    """Forms of the answer, the default first; empty if there is only one."""
    labels: tuple[str, ...] = ()
    """The closed set of answers, as its own words; empty if the answers are open."""
    highest: float = 0.0
    """The highest answer of a corpus whose answers are numbers from 0."""
    citation: str
    reader: Reader
    access: Access = Access.OPEN
    downloads: tuple[Download, ...] = ()
    """Official files that can be downloaded without registration."""
    counts: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Records of each split in the default layout, as counted on the official files."""
    checked: bool = True
    """False for a reader that has been tested only on files made to match the documented format."""

    @property
    def protected_splits(self) -> tuple[str, ...]:
        """Splits that training data must not contain: test splits, and splits that tasks score."""
        return tuple(s for s in self.splits if s.startswith("test") or s == self.benchmark_split)

    def provenance(
        self, *, split: str, document: str | None = None, license: str | None = None
    ) -> Provenance:
        """Return the provenance of an instruction from this corpus.

        Pass `license` if documents have their own.
        """
        return _provenance(self.name, license or self.license, self.revision, split, document)


@lru_cache(maxsize=256)  # consecutive sentences of a document share it
def _provenance(
    origin: str, license: str, revision: str, split: str, document: str | None
) -> Provenance:
    return Provenance(
        kind="compiled",
        origin=origin,
        license=license,
        revision=revision,
        split=split,
        document=document,
    )


_NUMBER: ContextVar[int | None] = ContextVar("wording_number", default=None)


@contextlib.contextmanager
def wording_number(number: int) -> Iterator[None]:
    """Give every record that is read within the block the wording of this number, from 0.

    A corpus with fewer wordings begins again with its first one. A corpus is read lazily: collect
    the records within the block.
    """
    token = _NUMBER.set(number)
    try:
        yield
    finally:
        _NUMBER.reset(token)


def choose(wordings: Sequence[str], input: str, seed: int) -> str:
    """Choose a wording by the input and the seed, independently of order and answer.

    Within a block of `wording_number`, it is the wording of that number instead.
    """
    if (number := _NUMBER.get()) is not None:
        return wordings[number % len(wordings)]
    digest = content_id(str(seed) if seed else "", input, "")
    return wordings[int(digest, 16) % len(wordings)]
