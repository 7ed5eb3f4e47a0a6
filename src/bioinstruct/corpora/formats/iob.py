"""Sentences in CoNLL form: `token TAB tag` a line, IOB2 tags, a blank line between sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from bioinstruct.corpora.formats.plain import read_lines
from bioinstruct.corpora.layouts import Entity, spans
from bioinstruct.errors import DataError
from bioinstruct.files import find

__all__ = ["Sentence", "sentences"]


class Sentence(NamedTuple):
    """One sentence, its entities, and the line of its first token."""

    words: tuple[str, ...]
    entities: tuple[Entity, ...]
    line: int

    @property
    def text(self) -> str:
        """The words between single spaces."""
        return " ".join(self.words)


def sentences(path: Path, *, types: Collection[str]) -> Iterator[Sentence]:
    """Sentences of a file, plain or gzip-compressed.

    The tags are IOB2: every entity begins with `B-`, so an `I-` that continues nothing is a fault
    of the file. (What a model writes is read more kindly, see `layouts.spans`.)

    Raises:
        DataError: a line is not a token and a known tag.
    """
    path = find(path)
    tags = {"O", *(f"{mark}-{type}" for mark in "BI" for type in types)}
    rows: list[tuple[str, str]] = []
    begun = 1
    for number, line in enumerate([*read_lines(path), ""], start=1):
        if line:
            try:
                rows.append(_row(line, rows[-1][1] if rows else "O", tags))
            except ValueError as error:
                raise DataError(str(error), path=path, line=number) from error
        elif rows:
            words, marks = zip(*rows, strict=True)
            yield Sentence(words, tuple(spans(marks)), begun)
            rows = []
        if not rows:
            begun = number + 1


def _row(line: str, previous: str, tags: Collection[str]) -> tuple[str, str]:
    columns = line.split("\t")
    if len(columns) != 2:
        raise ValueError(f"expected token TAB tag, found {len(columns)} columns: {line[:80]!r}")
    token, tag = columns
    if token.split() != [token]:  # an input is its tokens between spaces, and parted there again
        raise ValueError(f"expected a token without white space, found {token!r}")
    if tag not in tags:
        raise ValueError(f"unknown tag {tag!r}; known: {', '.join(sorted(tags))}")
    if tag.startswith("I") and previous[1:] != tag[1:]:
        raise ValueError(f"{tag} after {previous}: an entity begins with B{tag[1:]}")
    return token, tag
