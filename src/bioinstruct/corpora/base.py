"""What a corpus is: where it comes from, how it is split, and how it becomes instructions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Protocol, TypeAlias

from bioinstruct.errors import DataError
from bioinstruct.schema import Category, Instruction, Provenance, content_id

__all__ = ["Access", "Corpus", "Download", "Reader", "Row", "Skipped", "choose"]


class Access(StrEnum):
    """What it takes to get the files."""

    OPEN = "open"
    """Anyone may fetch them; whether they may be passed on is a matter of the licence."""
    REGISTRATION = "registration"
    """An account or a click on terms; never fetched for the user, never published."""
    CREDENTIALED = "credentialed"
    """A signed agreement about patients' data; never fetched for the user, never published."""


@dataclass(frozen=True, slots=True)
class Download:
    """An official file on the network, pinned."""

    path: str
    """Where it belongs under the folder of the corpus."""
    url: str
    """Of exactly this revision."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row of the files that by design makes no instruction."""

    reason: str
    """Short and the same for all rows of its kind: reasons are counted."""


Row: TypeAlias = Instruction | Skipped | DataError
"""What a row of the files becomes. A `DataError` that is given instead of raised concerns this row
alone: it is kept with its reason and the next row is read. One that is raised ends the corpus."""


class Reader(Protocol):
    """Turns the official files of a split into rows, in the order of the files."""

    def __call__(self, folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
        """Read the folder of the corpus; `layout` is empty where there is one form of answer.

        The seed is for `choose`, and changes nothing but the wording of instructions.
        """
        ...


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
    """As the authors define them, named train, validation and test; else by `hash_split`."""
    benchmark_split: str = "test"
    """The split that benchmark tasks score."""
    framed: bool = False
    """Whether its questions differ in their subject alone: "What are the symptoms of ... ?". Then a
    near duplicate of a test question counts as contamination only if the subject is the same."""
    layouts: tuple[str, ...] = ()
    """Forms that the answer can take, the default first; empty when there is only one."""
    citation: str
    reader: Reader
    access: Access = Access.OPEN
    downloads: tuple[Download, ...] = ()
    """Its official files, where they can be fetched without asking anyone."""
    counts: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Records of each split in the default layout, as counted on the official files."""
    checked: bool = True
    """False for a reader that has only met files in the documented layout, not the real ones."""

    @property
    def protected_splits(self) -> tuple[str, ...]:
        """The splits that training data must not contain: test splits, and what tasks score."""
        return tuple(s for s in self.splits if s.startswith("test") or s == self.benchmark_split)

    def provenance(
        self, *, split: str, document: str | None = None, license: str | None = None
    ) -> Provenance:
        """What an instruction of this corpus says of where it is from.

        The licence is given where documents have their own.
        """
        return _provenance(self.name, license or self.license, self.revision, split, document)


@lru_cache(maxsize=256)  # the sentences of a document come together, and share it
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


def choose(wordings: Sequence[str], input: str, seed: int) -> str:
    """One of several wordings, by the input and the seed: not by order or by the answer."""
    digest = content_id(str(seed) if seed else "", input, "")
    return wordings[int(digest, 16) % len(wordings)]
