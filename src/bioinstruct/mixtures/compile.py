"""Several corpora as one stream of instructions, with the outcome of each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from bioinstruct import corpora
from bioinstruct.corpora import Corpus
from bioinstruct.errors import BioinstructError, DataError, UnknownNameError
from bioinstruct.rejection import Rejection
from bioinstruct.schema import Instruction

__all__ = ["CorpusReport", "compile_corpora", "read_into", "rejections"]


@dataclass(slots=True)
class CorpusReport:
    """Report of one corpus; complete when its last record has been taken."""

    corpus: str
    layout: str = ""
    records: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """Rows that make no instruction by design, by reason."""
    rejected: list[DataError] = field(default_factory=list)
    """Rejected rows."""
    error: BioinstructError | None = None
    """Why reading it ended early, or never began."""
    seconds: float = 0.0
    """Seconds spent reading it, without the processing of its records."""


def compile_corpora(
    names: Iterable[str],
    *,
    split: str = "train",
    data: Path | None = None,
    layout: str | None = None,
    seed: int = 0,
    limit: int | None = None,
    outcomes: list[CorpusReport] | None = None,
) -> Iterator[Instruction]:
    """Yield the instructions of the named corpora, in the order of the names, then of the files.

    With `outcomes`, faulty rows are recorded there and reading continues; a corpus that
    cannot be read further ends, and the next one is read. Without it the first error ends the
    stream. One record is held at a time.

    Args:
        names: corpora; one that is named twice is read once.
        split: train, validation or test.
        data: the folder of the corpora; by default `$BIOINSTRUCT_DATA`, else the download cache.
        layout: the form of the answers, for those corpora that have it.
        seed: picks among the wordings of an instruction.
        limit: maximum number of records of each corpus.
        outcomes: receives the outcome of each corpus.

    Raises:
        UnknownNameError: there is no such corpus, or none of them has that layout.
    """
    chosen = [corpora.get_corpus(name) for name in dict.fromkeys(names)]
    known = {form for corpus in chosen for form in corpus.layouts}
    if layout is not None and chosen and layout not in known:
        raise UnknownNameError("layout of these corpora", layout, known)
    return _compile(chosen, split, data, layout, seed, limit, outcomes)


def _compile(
    chosen: list[Corpus],
    split: str,
    data: Path | None,
    layout: str | None,
    seed: int,
    limit: int | None,
    outcomes: list[CorpusReport] | None,
) -> Iterator[Instruction]:
    for corpus in chosen:
        wanted = layout if layout in corpus.layouts else None
        if outcomes is None:
            rows = corpora.read(corpus.name, split, data=data, layout=wanted, seed=seed)
            yield from islice(rows, limit)
            continue
        outcome = CorpusReport(corpus.name, wanted or "")
        outcomes.append(outcome)
        rows = read_into(outcome, split, data=data, seed=seed)
        yield from islice(rows, limit)


def read_into(
    outcome: CorpusReport, split: str, *, data: Path | None = None, seed: int = 0
) -> Iterator[Instruction]:
    """Yield the instructions of one corpus; record errors in its outcome instead of raising."""
    clock = time.perf_counter
    began = clock()
    try:
        for example in corpora.read(
            outcome.corpus,
            split,
            data=data,
            layout=outcome.layout or None,
            seed=seed,
            rejected=outcome.rejected,
            skipped=outcome.skipped,
        ):
            outcome.records += 1
            outcome.seconds += clock() - began
            yield example
            began = clock()
    except BioinstructError as error:
        outcome.error = error
    outcome.seconds += clock() - began


def rejections(outcomes: Iterable[CorpusReport]) -> Iterator[Rejection]:
    """Yield the faulty rows with corpus, file, line and reason."""
    for outcome in outcomes:
        for fault in outcome.rejected:
            place = {"corpus": outcome.corpus, "path": str(fault.path), "line": fault.line}
            yield Rejection(reason=fault.reason, place=place)
