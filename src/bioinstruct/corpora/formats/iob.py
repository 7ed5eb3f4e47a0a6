"""Sentences in CoNLL form: `token TAB tag` a line, IOB2 tags, a blank line between sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bioinstruct.corpora.answers.entities import Entity, spans
from bioinstruct.corpora.formats.plain import damage, or_another_file, read_text
from bioinstruct.errors import DataError
from bioinstruct.files import resolve_gz

__all__ = ["LONGEST", "Sentence", "sentences"]

LONGEST = 1_000
"""Words of a sentence; the longest of an official file has 334."""


class Sentence(NamedTuple):
    """One sentence, its entities, and the line of its first token."""

    words: Sequence[str]
    entities: tuple[Entity, ...]
    line: int
    document: str = ""
    """Text after the preceding document mark; empty if there is none."""

    @property
    def text(self) -> str:
        """The words between single spaces."""
        return " ".join(self.words)


def sentences(
    path: Path, *, types: Collection[str], mark: str = ""
) -> Iterator[Sentence | DataError]:
    """Yield the sentences of a file, plain or gzip-compressed, or the error of a faulty one.

    The tags are IOB2: every entity begins with `B-`, so an `I-` that continues no entity is an
    error. (Model output is parsed more leniently, see `entities.spans`.)

    Args:
        path: the file, or its `.gz` twin.
        types: entity types, as in the tags.
        mark: prefix of lines that name a document, such as `###MEDLINE:`.

    Raises:
        DataError: the first twenty sentences, or all, are faulty, or there is none: the file is
            of another kind.
    """
    path = resolve_gz(path)
    text = read_text(path, lenient=True)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return or_another_file(_sentences(text, path, types, mark))


def _sentences(
    text: str, path: Path, types: Collection[str], mark: str
) -> Iterator[Sentence | DataError]:
    parse = _parser(types)
    document = ""
    empty = True
    damaged = bool(damage(text))
    line = 1
    for block in text.split("\n\n"):
        begun, size = line, block.count("\n") + 2
        line += size
        block = block.lstrip("\n")
        begun += size - 2 - block.count("\n")
        block = block.removesuffix("\n")
        if mark and block.startswith(mark):
            document, _, block = block.removeprefix(mark).partition("\n")
            begun += 1
        if not block:
            continue
        empty = False
        if damaged and damage(block):
            yield _damaged(block, path, begun)
        elif (parsed := parse(block)) is None:
            yield _fault(block, types, path, begun)
        elif len(parsed[0]) > LONGEST:
            found = (
                f"a sentence of {len(parsed[0]):,} words: are there no empty lines between them?"
            )
            yield DataError(found, path=path, line=begun)
        else:
            yield Sentence(*parsed, begun, document)
    if empty:
        raise DataError("expected sentences, found none", path=path)


def _damaged(block: str, path: Path, begun: int) -> DataError:
    lines = enumerate(block.split("\n"), start=begun)
    number, line = next((n, line) for n, line in lines if damage(line))
    return DataError(damage(line), path=path, line=number)


_Parse = Callable[[str], tuple[list[str], tuple[Entity, ...]] | None]


def _parser(types: Collection[str]) -> _Parse:
    """Return a function that parses the lines of a sentence, with None for a faulty one.

    A whole sentence is checked at once, and line by line only if that fails.
    """
    known = "|".join(re.escape(type) for type in types)
    tag = rf"(?:O|[BI]-(?:{known}))" if known else "O"
    rows = re.compile(rf"\S+\t{tag}(?:\n\S+\t{tag})*")

    def parse(block: str) -> tuple[list[str], tuple[Entity, ...]] | None:
        if not rows.fullmatch(block):
            return None
        fields = block.replace("\n", "\t").split("\t")
        words, tags = fields[::2], fields[1::2]
        if "\tB-" not in block and "\tI-" not in block:
            return words, ()
        entities = spans(tags)
        if any(tags[entity.start][0] == "I" for entity in entities):
            return None
        return words, tuple(entities)

    return parse


def _fault(block: str, types: Collection[str], path: Path, begun: int) -> DataError:
    """Return the error of the first faulty line of a sentence."""
    tags = ["O", *(f"{mark}-{type}" for mark in "BI" for type in types)]
    previous = "O"
    for number, line in enumerate(block.split("\n"), start=begun):
        if reason := _reason(line, previous, tags):
            return DataError(reason, path=path, line=number)
        previous = line.rpartition("\t")[2]
    raise AssertionError(f"no fault in {block!r}")


def _reason(line: str, previous: str, tags: Collection[str]) -> str:
    columns = line.split("\t")
    if len(columns) != 2:
        return f"expected token TAB tag, found {len(columns)} columns: {line[:80]!r}"
    token, tag = columns
    if token.split() != [token]:  # inputs are joined and split at spaces
        return f"expected a token without white space, found {token!r}"
    if tag not in tags:
        return f"unknown tag {tag!r}; known: {', '.join(sorted(tags))}"
    if tag.startswith("I") and previous[1:] != tag[1:]:
        return f"{tag} after {previous}: an entity begins with B{tag[1:]}"
    return ""
