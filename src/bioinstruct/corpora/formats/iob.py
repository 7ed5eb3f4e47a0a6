"""Sentences in CoNLL form: `token TAB tag` a line, IOB2 tags, a blank line between sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bioinstruct.corpora.answers.entities import Entity, spans
from bioinstruct.corpora.formats.plain import read_text
from bioinstruct.errors import DataError
from bioinstruct.files import find

__all__ = ["Sentence", "sentences"]


class Sentence(NamedTuple):
    """One sentence, its entities, and the line of its first token."""

    words: Sequence[str]
    entities: tuple[Entity, ...]
    line: int
    document: str = ""
    """What stood behind the document mark before it; empty where there is none."""

    @property
    def text(self) -> str:
        """The words between single spaces."""
        return " ".join(self.words)


def sentences(
    path: Path, *, types: Collection[str], mark: str = ""
) -> Iterator[Sentence | DataError]:
    """Yield the sentences of a file, plain or gzip-compressed, or the error of a faulty one.

    The tags are IOB2: every entity begins with `B-`, so an `I-` that continues nothing is a fault
    of the file. (What a model writes is read more kindly, see `layouts.spans`.) Where documents are
    told apart by a line of their own, `mark` is what it begins with, such as `###MEDLINE:`.

    Raises:
        DataError: the first sentence is at fault, or there is none: this is another file.
    """
    path = find(path)
    text = read_text(path)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    parse = _parser(types)
    document = ""
    begun_well = False
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
        if (parsed := parse(block)) is not None:
            begun_well = True
            yield Sentence(*parsed, begun, document)
        else:
            fault = _fault(block, types, path, begun)
            if not begun_well:
                raise fault
            yield fault
    if not begun_well:
        raise DataError("expected sentences, found none", path=path)


_Parse = Callable[[str], tuple[list[str], tuple[Entity, ...]] | None]


def _parser(types: Collection[str]) -> _Parse:
    """Return a function that parses the lines of a sentence; None stands for a faulty one.

    A whole sentence is checked at once; only the one that fails is gone through line by line.
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
    """Describe the first malformed line of a sentence."""
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
    if token.split() != [token]:  # an input is its tokens between spaces, and parted there again
        return f"expected a token without white space, found {token!r}"
    if tag not in tags:
        return f"unknown tag {tag!r}; known: {', '.join(sorted(tags))}"
    if tag.startswith("I") and previous[1:] != tag[1:]:
        return f"{tag} after {previous}: an entity begins with B{tag[1:]}"
    return ""
