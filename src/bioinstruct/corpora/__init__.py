"""Annotated corpora, each one module that turns its official files into instructions."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora.base import Access, Corpus, Download, Row, Skipped
from bioinstruct.corpora.paths import (
    cache_directory,
    data_directory,
    folder_of,
    is_complete,
    is_there,
)
from bioinstruct.corpora.registry import get_corpus, names, register
from bioinstruct.errors import DataError, MissingError, UnknownNameError
from bioinstruct.schema import Instruction

__all__ = [
    "Access",
    "Corpus",
    "Download",
    "Row",
    "Skipped",
    "cache_directory",
    "data_directory",
    "folder_of",
    "get_corpus",
    "is_complete",
    "is_there",
    "names",
    "read",
    "register",
]


def read(
    name: str,
    split: str,
    *,
    data: Path | None = None,
    layout: str | None = None,
    seed: int = 0,
    rejected: list[DataError] | None = None,
    skipped: Counter[str] | None = None,
) -> Iterator[Instruction]:
    """Yield the instructions of one split of a corpus, in the order of its files.

    The names and the data directory are checked when this is called, the files as they are read.
    Faulty rows go to `rejected`; without it the first one is raised. Rows that make no
    instruction by design are counted in `skipped` by their reason. The seed picks among the
    wordings of an instruction, where a corpus has several.

    Raises:
        UnknownNameError: there is no such corpus, split or layout.
        MissingError: the data directory or a file of the corpus is not there.
        DataError: a file of the corpus is malformed.
    """
    corpus = get_corpus(name)
    if split not in corpus.splits:
        raise UnknownNameError(f"split of {name}", split, corpus.splits)
    if layout is not None and layout not in corpus.layouts:
        raise UnknownNameError(f"layout of {name}", layout, corpus.layouts)
    default = corpus.layouts[0] if corpus.layouts else ""
    with _hint_where_to_get(corpus):
        folder = folder_of(corpus, data)
    return _separated(_read(corpus, folder, split, layout or default, seed), rejected, skipped)


def _read(corpus: Corpus, folder: Path, split: str, layout: str, seed: int) -> Iterator[Row]:
    with _hint_where_to_get(corpus):
        yield from corpus.reader(folder, split, layout=layout, seed=seed)


def _separated(
    rows: Iterator[Row], rejected: list[DataError] | None, skipped: Counter[str] | None
) -> Iterator[Instruction]:
    for row in rows:
        if isinstance(row, Instruction):
            yield row
        elif isinstance(row, Skipped):
            if skipped is not None:
                skipped[row.reason] += 1
        elif rejected is None:
            raise row
        else:
            rejected.append(row)


@contextlib.contextmanager
def _hint_where_to_get(corpus: Corpus) -> Iterator[None]:
    try:
        yield
    except MissingError as error:
        source = f"{corpus.title} is available from {corpus.homepage}"
        raise MissingError(str(error), hint="; ".join(filter(None, (error.hint, source)))) from None
