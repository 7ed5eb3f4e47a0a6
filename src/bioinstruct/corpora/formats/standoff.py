"""Convert mentions given by character offsets to sentences of words.

A word is a run of letters and digits, or any other single character, as in the published
conversions of these corpora. As there, a mention that begins or ends inside a word is extended to
the whole word. The longest of overlapping mentions is kept; the others are counted as skipped.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bioinstruct.corpora.answers.entities import Entity
from bioinstruct.corpora.base import Skipped
from bioinstruct.corpora.formats.iob import Sentence
from bioinstruct.errors import DataError

__all__ = ["Annotation", "Span", "in_sentences", "of_no_text", "sentence", "spans"]

OVERLAPPING = Skipped("a mention that overlaps another one")
_WORD = re.compile(r"[^\W_]+|\S")
# A full stop before a capital or digit, or the end of a line; never within a mention.
_BREAK = re.compile(r"(?<=[.?!])\s+(?=[\"'(\[]?[A-Z0-9])|\s*\n\s*")


class Span(NamedTuple):
    """A mention by character offsets; the end is exclusive."""

    start: int
    end: int
    type: str


class Annotation(NamedTuple):
    """A mention as a file gives it, not validated."""

    line: int
    """Line of the annotation file."""
    start: str
    end: str
    text: str
    type: str = ""


def spans(
    text: str,
    annotations: Iterable[Annotation],
    *,
    path: Path,
    types: Collection[str] = ("",),
    without_spaces: bool = False,
) -> list[Span]:
    """Return the mentions of a text, checked against the text (ignoring white space).

    `without_spaces` is for offsets of first and last character that do not count spaces.

    Raises:
        DataError: a mention differs from the text or has an unknown type; gives its line.
    """
    places = [place for place, letter in enumerate(text) if not letter.isspace()]
    found = []
    for line, first, last, mention, type in annotations:
        try:
            if type not in types:
                raise ValueError(f"unknown type {type!r}; known: {', '.join(types)}")
            if not first.isdecimal() or not last.isdecimal():
                raise ValueError(f"expected two numbers, found {first!r} and {last!r}")
            start, end = int(first), int(last)
            if without_spaces and start <= end < len(places):
                start, end = places[start], places[end] + 1
            elif without_spaces:
                start = end = -1
            if not 0 <= start < end <= len(text):
                size = len(places) if without_spaces else len(text)
                raise ValueError(f"characters {first} to {last} of a text of {size}: {mention!r}")
            if "".join(text[start:end].split()) != "".join(mention.split()) or not mention.strip():
                there = f"at characters {first} to {last}, found {text[start:end]!r}"
                raise ValueError(f"expected {mention!r} {there}")
        except ValueError as error:
            raise DataError(str(error), path=path, line=line) from error
        found.append(Span(start, end, type))
    return found


def of_no_text(annotations: Mapping[str, Sequence[Annotation]], path: Path) -> Iterator[DataError]:
    """Yield an error for the annotations of each missing text."""
    for name, (first, *_) in annotations.items():
        yield DataError(f"a mention in {name}, which is missing", path=path, line=first.line)


def in_sentences(
    text: str, spans: Iterable[Span], *, document: str, line: int
) -> Iterator[Sentence | Skipped]:
    """Split a text into sentences by a simple rule that never splits a mention."""
    spans = sorted(spans)
    inside = _inside(spans)
    begun = 0
    breaks = ((m.start(), m.end()) for m in _BREAK.finditer(text) if not inside(m.start(), m.end()))
    for end, next_begun in [*breaks, (len(text), len(text))]:
        here = [
            Span(span.start - begun, span.end - begun, span.type)
            for span in spans[bisect_left(spans, (begun,)) : bisect_left(spans, (end,))]
        ]
        if text[begun:end].strip():
            yield from sentence(text[begun:end], here, document=document, line=line)
        begun = next_begun


def _inside(spans: Sequence[Span]) -> Callable[[int, int], bool]:
    """Return a function that checks whether a break would split one of the sorted spans."""
    starts = [span.start for span in spans]
    reach = 0
    ends = [reach := max(reach, span.end) for span in spans]

    def inside(start: int, end: int) -> bool:
        before = bisect_left(starts, end)  # the longest reach of these
        return before > 0 and ends[before - 1] > start

    return inside


def sentence(
    text: str,
    spans: Iterable[Span],
    *,
    document: str,
    line: int,
    word: re.Pattern[str] = _WORD,
) -> Iterator[Sentence | Skipped]:
    """Yield a sentence with its mentions, then the mentions that overlap others."""
    words = [found.span() for found in word.finditer(text)]
    starts, ends = [start for start, _ in words], [end for _, end in words]
    placed = [
        Entity(bisect_right(ends, span.start), bisect_left(starts, span.end), span.type)
        for span in spans
    ]
    kept, left_out = _flat(placed)
    yield Sentence([text[start:end] for start, end in words], tuple(kept), line, document)
    for _ in range(left_out):
        yield OVERLAPPING


def _flat(entities: Iterable[Entity]) -> tuple[list[Entity], int]:
    """Return non-overlapping entities, preferring the longest, and the number of others."""
    kept: list[Entity] = []
    taken: set[int] = set()
    left_out = 0
    for entity in sorted(entities, key=lambda entity: (entity.start - entity.end, entity)):
        if taken.isdisjoint(range(entity.start, entity.end)):
            kept.append(entity)
            taken.update(range(entity.start, entity.end))
        else:
            left_out += 1
    return sorted(kept), left_out
