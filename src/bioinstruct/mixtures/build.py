"""Compile a mixture: read the sources, filter them, and take the wanted number of records of each.

The records of all sources pass once through a temporary file. Memory holds a few numbers for each
record, and the texts only during the search for near duplicates. The choice of records depends on
a hash of their ids and the seed alone: neither the order of the sources nor another source changes
it, and a smaller size selects a subset of a larger one.
"""

from __future__ import annotations

import hashlib
import heapq
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, overload

from bioinstruct import corpora
from bioinstruct.bench.tasks import protected_texts
from bioinstruct.errors import MissingError
from bioinstruct.filters import (
    Contaminated,
    Duplicates,
    Near,
    Rejection,
    Step,
    apply,
    contamination_step,
    decide,
)
from bioinstruct.filters.pipeline import answered_text
from bioinstruct.licenses import license_ids
from bioinstruct.mixtures.compile import CorpusReport, read_into
from bioinstruct.mixtures.spec import Mixture, allocate
from bioinstruct.schema import Category, Instruction

__all__ = ["Report", "SourceReport", "compile_mixture", "is_noncommercial"]

_BATCH = 10_000  # records that are compared with the test texts together
_CATEGORIES = tuple(Category)
_NONCOMMERCIAL = {"academic", "nc", "noncommercial", "research"}


@dataclass(slots=True)
class SourceReport(CorpusReport):
    """Report of one source of a mixture."""

    split: str = "train"
    optional: bool = False
    left_out: str = ""
    """Why it was not read; empty if it was."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Records that a step left out, by its reason."""
    taken: int = 0
    """Records that are in the dataset."""

    @property
    def is_fault(self) -> bool:
        """Whether there is an error to fix; an optional source may be missing."""
        absent = isinstance(self.error, MissingError) and not self.records and self.optional
        return bool(self.rejected) or (self.error is not None and not absent)


@dataclass(slots=True)
class Report:
    """Report of a mixture; complete when its last record has been taken."""

    sources: list[SourceReport] = field(default_factory=list)
    tests: int = 0
    """Test texts that the records were compared with."""
    not_compared: dict[str, str] = field(default_factory=dict)
    """Corpora whose test split could not be read, and why."""
    show: Callable[[str], None] = lambda text: None
    """Called with a line of text on the progress before the first record."""


def compile_mixture(
    mixture: Mixture,
    *,
    data: Path | None = None,
    seed: int = 0,
    allow_nc: bool = False,
    limit: int | None = None,
    report: Report | None = None,
    on_drop: Callable[[Rejection], None] | None = None,
) -> Iterator[Instruction]:
    """Yield the instructions of a mixture, in the order of its sources and then of the files.

    The steps, in this order: exact duplicates, what overlaps a test split, near duplicates, and
    then the choice by sizes, shares, cap, temperature and categories.

    Args:
        mixture: see `load_mixture`.
        data: the folder of the corpora; by default `$BIOINSTRUCT_DATA`, else the download cache.
        seed: picks the records, and among the wordings of an instruction.
        allow_nc: without it, sources under a non-commercial licence are left out.
        limit: maximum number of records read from each source.
        report: receives the outcome of each source; without it the first error is raised.
        on_drop: called with each dropped record and the reason.
    """
    told = report if report is not None else Report()
    against = _against(mixture, data, told)
    with tempfile.TemporaryFile() as file:
        pool = _Pool(file)
        steps: list[Step] = [] if mixture.duplicates else [Duplicates()]
        steps += map(contamination_step, against)
        for place, source in enumerate(mixture.source):
            outcome = SourceReport(
                source.corpus, source.layout, split=source.split, optional=source.optional
            )
            told.sources.append(outcome)
            if not allow_nc and is_noncommercial(corpora.get_corpus(source.corpus).license):
                outcome.left_out = "its licence forbids commercial use"
                continue
            rows = islice(read_into(outcome, source.split, data=data, seed=seed), limit)
            decided = apply(rows, steps, batch=_BATCH)
            for number, (example, rejection) in enumerate(decided, start=1):
                if number % 1000 == 0:
                    told.show(f"{source.corpus}: {number:,} records read")
                if rejection is None:
                    pool.add(place, example, seed)
                else:
                    _note(rejection, outcome, on_drop)
            if report is None and outcome.is_fault:
                raise outcome.error or outcome.rejected[0]
        del against
        steps.clear()  # the index of the tests takes more memory than all the rest
        if mixture.near_duplicates is not None:
            told.show(f"near duplicates of {len(pool.gone):,} records")
            _drop_near_duplicates(mixture, pool, told.sources, on_drop)
        yield from _chosen(mixture, pool, told.sources)


def is_noncommercial(license: str) -> bool:
    """Return whether an identifier of the licence contains NC, research or academic."""
    return any(_NONCOMMERCIAL & set(id.lower().split("-")) for id in license_ids(license))


def _against(mixture: Mixture, data: Path | None, report: Report) -> list[Contaminated]:
    """Return what finds equal texts, even headings, and unless it is unwanted what is reworded."""
    report.show("reading the test splits")
    protected = protected_texts(data=data)
    report.tests, report.not_compared = len(protected), protected.missing
    found = [protected.contaminated(exact=True)]
    return [*found, protected.contaminated()] if mixture.decontaminate else found


def _note(
    rejection: Rejection,
    outcome: SourceReport,
    on_drop: Callable[[Rejection], None] | None,
) -> None:
    outcome.dropped[rejection.reason] += 1
    if on_drop is not None:
        on_drop(rejection)


class _Pool:
    """Records in a file with the values used to choose among them; a row is the position there."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._offsets = array("Q")
        self.hashes = array("Q")
        self.sources = array("H")
        self.categories = array("B")
        self.gone = bytearray()

    def add(self, source: int, example: Instruction, seed: int) -> None:
        self._offsets.append(self._file.tell())
        self._file.write(example.model_dump_json(exclude_none=True).encode("utf-8") + b"\n")
        self.hashes.append(_hash(example.id, seed))
        self.sources.append(source)
        self.categories.append(_CATEGORIES.index(example.category))
        self.gone.append(0)

    def left(self) -> Iterator[int]:
        """Yield the rows that no step has left out."""
        return (row for row in range(len(self.gone)) if not self.gone[row])

    def read(self, rows: Iterable[int]) -> Iterator[Instruction]:
        for row in rows:
            self._file.seek(self._offsets[row])
            yield Instruction.model_validate_json(self._file.readline())


def _hash(id: str, seed: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {id}".encode()).digest()[:8], "big")


class _Rows(Sequence[Instruction]):
    """Rows of a pool as records, read from its file when they are used."""

    def __init__(self, pool: _Pool, rows: Sequence[int]) -> None:
        self._pool, self._rows = pool, rows

    @overload
    def __getitem__(self, index: int) -> Instruction: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Instruction]: ...
    def __getitem__(self, index: int | slice) -> Instruction | Sequence[Instruction]:
        if isinstance(index, slice):
            return _Rows(self._pool, self._rows[index])
        [example] = self._pool.read([self._rows[index]])
        return example

    def __len__(self) -> int:
        return len(self._rows)


def _drop_near_duplicates(
    mixture: Mixture,
    pool: _Pool,
    outcomes: Sequence[SourceReport],
    on_drop: Callable[[Rejection], None] | None,
) -> None:
    """Reject near duplicates within a task; several tasks may use the same sentence."""
    compared = {n for n, source in enumerate(mixture.source) if source.near_duplicates}
    rows = [row for row in pool.left() if pool.sources[row] in compared]
    near = Near.by_rouge(
        mixture.near_duplicates or 0.0,
        tokenizer="unicode",
        text=answered_text,
        group=lambda example: example.task,
    )
    for row, rejection in zip(rows, decide(_Rows(pool, rows), [near]), strict=True):
        if rejection is not None:
            pool.gone[row] = 1
            _note(rejection, outcomes[pool.sources[row]], on_drop)


def _chosen(
    mixture: Mixture, pool: _Pool, outcomes: Sequence[SourceReport]
) -> Iterator[Instruction]:
    rows_of: list[list[int]] = [[] for _ in mixture.source]
    for row in pool.left():
        rows_of[pool.sources[row]].append(row)
    sizes = allocate(mixture, [len(rows) for rows in rows_of])
    rows = [
        row
        for size, rows in zip(sizes, rows_of, strict=True)
        for row in heapq.nsmallest(size, rows, key=pool.hashes.__getitem__)
    ]
    if mixture.match == "categories":
        rows = _as_many_of_each_category(pool, rows)
    rows.sort()
    for row in rows:
        outcomes[pool.sources[row]].taken += 1
    yield from pool.read(rows)


def _as_many_of_each_category(pool: _Pool, rows: list[int]) -> list[int]:
    groups: dict[int, list[int]] = {}
    for row in rows:
        groups.setdefault(pool.categories[row], []).append(row)
    size = min(map(len, groups.values()), default=0)
    return [
        row
        for group in groups.values()
        for row in heapq.nsmallest(size, group, key=pool.hashes.__getitem__)
    ]
