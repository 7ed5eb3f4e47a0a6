"""Annotated corpora, each one module that turns its official files into instructions."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.corpora import demo, mts_dialog, ncbi_disease, pubmedqa
from bioinstruct.corpora.corpus import Access, Corpus, Download, Row, Skipped
from bioinstruct.errors import DataError, MissingError, UnknownNameError
from bioinstruct.schema import Instruction

__all__ = [
    "Access",
    "Corpus",
    "Download",
    "Row",
    "Skipped",
    "data_directory",
    "get_corpus",
    "names",
    "read",
]

_MODULES = (
    demo,
    mts_dialog,
    ncbi_disease,
    pubmedqa,
)
_BY_NAME: dict[str, Corpus] = {
    corpus.name: corpus for module in _MODULES for corpus in module.CORPORA
}
_SHIPPED = Path(__file__).parents[1] / "data"


def names() -> tuple[str, ...]:
    """Names of all corpora, in alphabetical order."""
    return tuple(sorted(_BY_NAME))


def get_corpus(name: str) -> Corpus:
    """The corpus of that name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in _BY_NAME:
        raise UnknownNameError("corpus", name, _BY_NAME)
    return _BY_NAME[name]


def data_directory(data: Path | None = None) -> Path:
    """The folder that holds a folder for each corpus: the argument, else `$BIOINSTRUCT_DATA`.

    Raises:
        MissingError: neither is given, or there is no such folder.
    """
    chosen = data or os.environ.get("BIOINSTRUCT_DATA")
    hint = "set BIOINSTRUCT_DATA to the folder that holds the corpora"
    if not chosen:
        raise MissingError("no data directory is given", hint=hint)
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        raise MissingError(f"no folder {folder}", hint=hint)
    return folder


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
    """Instructions of one split of a corpus, in the order of its files.

    The names and the data directory are checked when this is called, the files as they are read.
    Rows that are at fault go to `rejected`; without it the first one is raised. Rows that make no
    instruction by design are counted in `skipped` by their reason. The seed picks among the
    wordings of an instruction, where a corpus has several.

    Raises:
        UnknownNameError: there is no such corpus, split or layout.
        MissingError: the data directory or a file of the corpus is not there.
        DataError: a file of the corpus is not what it must be.
    """
    corpus = get_corpus(name)
    if split not in corpus.splits:
        raise UnknownNameError(f"split of {name}", split, corpus.splits)
    if layout is not None and layout not in corpus.layouts:
        raise UnknownNameError(f"layout of {name}", layout, corpus.layouts)
    default = corpus.layouts[0] if corpus.layouts else ""
    with _saying_where_to_get(corpus):
        folder = data_directory(data) / corpus.folder if corpus.folder else _SHIPPED / corpus.name
    return _told_apart(_read(corpus, folder, split, layout or default, seed), rejected, skipped)


def _read(corpus: Corpus, folder: Path, split: str, layout: str, seed: int) -> Iterator[Row]:
    with _saying_where_to_get(corpus):
        yield from corpus.reader(folder, split, layout=layout, seed=seed)


def _told_apart(
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
def _saying_where_to_get(corpus: Corpus) -> Iterator[None]:
    try:
        yield
    except MissingError as error:
        source = f"{corpus.title} is to be had from {corpus.homepage}"
        raise MissingError(str(error), hint="; ".join(filter(None, (error.hint, source)))) from None
