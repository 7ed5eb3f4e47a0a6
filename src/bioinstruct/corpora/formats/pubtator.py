"""Abstracts in PubTator form: `PMID|t|title`, `PMID|a|abstract`, then a mention a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bioinstruct.corpora.formats.plain import read_lines
from bioinstruct.errors import DataError
from bioinstruct.files import find

__all__ = ["Document", "Mention", "documents"]


class Mention(NamedTuple):
    """A mention by its characters in the document's text."""

    start: int
    end: int
    text: str
    type: str
    concept: str


class Document(NamedTuple):
    """One abstract; its text is the title, one space and the abstract, as the offsets count."""

    pmid: str
    text: str
    mentions: tuple[Mention, ...]


def documents(path: Path) -> Iterator[Document]:
    """Documents of a file, plain or gzip-compressed; blank lines part them.

    Raises:
        DataError: a line is none of the three kinds, or a mention is not what stands there.
    """
    path = find(path)
    block: list[tuple[int, str]] = []
    for number, line in enumerate([*read_lines(path), ""], start=1):
        if line:
            block.append((number, line))
        elif block:
            yield _document(block, path)
            block = []


def _document(block: list[tuple[int, str]], path: Path) -> Document:
    number, first = block[0]
    title = re.fullmatch(r"(\d+)\|t\|(.*)", first)
    if not title:
        raise DataError(f"expected PMID|t|title, found {first[:80]!r}", path=path, line=number)
    pmid = title[1]
    start = f"{pmid}|a|"
    if len(block) < 2 or not block[1][1].startswith(start):
        raise DataError(f"expected {start}abstract after the title", path=path, line=number + 1)
    text = f"{title[2]} {block[1][1].removeprefix(start)}"
    mentions = tuple(_mention(line, pmid, text, path, number) for number, line in block[2:])
    return Document(pmid, text, mentions)


def _mention(line: str, pmid: str, text: str, path: Path, number: int) -> Mention:
    columns = line.split("\t")
    offsets = columns[1:3]
    if len(columns) != 6 or columns[0] != pmid or not all(map(str.isdecimal, offsets)):
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
