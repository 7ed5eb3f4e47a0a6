"""Abstracts in PubTator form: `PMID|t|title`, `PMID|a|abstract`, then a mention a line.

Corpora of relations have a line for each of these too: `PMID`, its type, and two concepts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bioinstruct.corpora.formats.plain import damage, or_another_file, read_text
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz

__all__ = ["Document", "Mention", "Relation", "documents", "texts"]


class Mention(NamedTuple):
    """A mention by its characters in the document's text."""

    start: int
    end: int
    text: str
    type: str
    concept: str
    """One or several identifiers between `|`; `-1` for none."""
    parts: str = ""
    """Part of a composite mention for each of its concepts, separated by `|`; mostly empty."""


class Relation(NamedTuple):
    """Two concepts of a document that belong together."""

    type: str
    first: str
    second: str


class Document(NamedTuple):
    """One abstract; its text is the title, one space and the abstract, as the offsets count."""

    pmid: str
    text: str
    mentions: tuple[Mention, ...]
    relations: tuple[Relation, ...]
    line: int
    """On which it begins."""


def documents(path: Path) -> Iterator[Document | DataError]:
    """Read the documents of a file, plain or gzip-compressed; for a faulty one, its error.

    Empty lines separate them. A document is faulty if a line has an unknown form, or a mention
    differs from the text at its offsets.

    Raises:
        DataError: the first twenty documents, or all, are faulty: the file is of another kind.
    """
    return or_another_file(_documents(resolve_gz(path)))


def _documents(path: Path) -> Iterator[Document | DataError]:
    for block in _blocks(path):
        try:
            yield _document(block, path)
        except DataError as error:
            yield error


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """Read PMID and text of the documents of a file, and leave out those without either.

    Raises:
        DataError: the first twenty documents, or all, do not begin with title and abstract.
    """
    path = resolve_gz(path)
    for head in or_another_file(_heads(path)):
        if not isinstance(head, DataError):
            yield head


def _heads(path: Path) -> Iterator[tuple[str, str] | DataError]:
    for block in _blocks(path):
        try:
            yield _head(block, path)
        except DataError as error:
            yield error


def _blocks(path: Path) -> Iterator[list[tuple[int, str]]]:
    block: list[tuple[int, str]] = []
    lines = (line.removesuffix("\r") for line in read_text(path, lenient=True).split("\n"))
    for number, line in enumerate([*lines, ""], start=1):
        if line:
            block.append((number, line))
        elif block:
            yield block
            block = []


def _head(block: list[tuple[int, str]], path: Path) -> tuple[str, str]:
    number, first = block[0]
    title = re.fullmatch(r"(\d+)\|t\|(.*)", first)
    if not title:
        raise DataError(f"expected PMID|t|title, found {first[:80]!r}", path=path, line=number)
    pmid = title[1]
    start = f"{pmid}|a|"
    if len(block) < 2 or not block[1][1].startswith(start):
        raise DataError(f"expected {start}abstract after the title", path=path, line=number + 1)
    return pmid, f"{title[2]} {block[1][1].removeprefix(start)}"


def _document(block: list[tuple[int, str]], path: Path) -> Document:
    pmid, text = _head(block, path)
    for number, line in block:
        if fault := damage(line):
            raise DataError(fault, path=path, line=number)
    mentions, relations = [], []
    for number, line in block[2:]:
        columns = line.split("\t")
        if len(columns) == 4 and columns[0] == pmid and not columns[1].isdecimal():
            relations.append(Relation(*columns[1:]))
        else:
            mentions.append(_mention(line, pmid, text, path, number))
    return Document(pmid, text, tuple(mentions), tuple(relations), block[0][0])


def _is_offset(text: str) -> bool:
    return text.isdecimal() and len(text) < 10


def _mention(line: str, pmid: str, text: str, path: Path, number: int) -> Mention:
    columns = line.split("\t")
    offsets = columns[1:3]
    if len(columns) not in {6, 7} or columns[0] != pmid or not all(map(_is_offset, offsets)):
        raise DataError(
            f"expected {pmid} TAB start TAB end TAB mention TAB type TAB id, found {line[:80]!r}",
            path=path,
            line=number,
        )
    start, end = int(columns[1]), int(columns[2])
    # But for white space: NCBI-disease has one mention with two spaces after it.
    if text[start:end].split() != columns[3].split():
        raise DataError(
            f"expected {columns[3]!r} at characters {start} to {end}, found {text[start:end]!r}",
            path=path,
            line=number,
        )
    return Mention(start, end, text[start:end], *columns[4:])
