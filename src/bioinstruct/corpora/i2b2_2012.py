"""i2b2 2012 (temporal relations): the clinical events of a line of a discharge summary."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bioinstruct.corpora.answers import ner
from bioinstruct.corpora.base import Row, Skipped
from bioinstruct.corpora.formats import standoff
from bioinstruct.corpora.formats.archive import Member, members
from bioinstruct.corpora.registry import described
from bioinstruct.errors import DataError

__all__ = ["read"]

# The second is what the archive unpacks to, where that has another name.
FILES = {
    "train": (("2012-07-15.original-annotation.release",), "*.xml"),
    "test": (("ground_truth", "2012-08-23.test-data.groundtruth"), "merged_xml/*.xml"),
}
PARTED = Skipped("a line with a part of a mention")
# Some of the official files are not well-formed XML, so they are not parsed as XML.
_TEXT = re.compile(r"<TEXT>\s*<!\[CDATA\[(.*?)\]\]>\s*</TEXT>", re.DOTALL)
_EVENT = re.compile(r"<EVENT\s+([^\n]*?)\s*/>")
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_WORD = re.compile(r"\S+")  # the text has its words parted already


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the lines in document order; an error replaces a faulty document."""
    return ner.instructions(
        CORPUS, ner.CLINICAL_EVENT, _sentences(folder, split), split=split, layout=layout, seed=seed
    )


def _sentences(folder: Path, split: str) -> ner.Sentences:
    names, pattern = FILES[split]
    there = [name for name in names if any(folder.glob(f"{name}*"))] or names
    for member in members(folder / there[0], pattern):
        try:
            yield from list(_document(member))
        except DataError as error:
            yield error


def _document(member: Member) -> ner.Sentences:
    content = member.text.replace("\r\n", "\n")
    found = _TEXT.search(content)
    if not found:
        raise DataError("expected a TEXT with the discharge summary in CDATA", path=member.path)
    text = found[1]
    types = ner.CLINICAL_EVENT.types
    spans = standoff.spans(text, _events(content, member.path), path=member.path, types=types)
    name = PurePosixPath(member.name).stem
    begun = 0
    for number, line in enumerate(text.split("\n"), start=content.count("\n", 0, found.start(1))):
        end = begun + len(line)
        touching = [span for span in spans if span.start < end and span.end > begun]
        if any(span.start < begun or span.end > end for span in touching):
            yield PARTED
        elif line.strip():
            here = [
                standoff.Span(span.start - begun, span.end - begun, span.type) for span in touching
            ]
            yield from standoff.sentence(line, here, document=name, line=number + 1, word=_WORD)
        begun = end + 1


def _events(content: str, path: Path) -> Iterator[standoff.Annotation]:
    for event in _EVENT.finditer(content):
        line = content.count("\n", 0, event.start()) + 1
        fields = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(event[1])}
        try:
            said = (fields[name] for name in ("start", "end", "text", "type"))
            yield standoff.Annotation(line, *said)
        except KeyError as error:
            raise DataError(f"an EVENT without {error}", path=path, line=line) from error


CORPUS = described("i2b2-2012")
