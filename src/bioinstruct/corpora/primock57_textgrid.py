"""Praat TextGrid files in the long text format: timed utterances, one tier per speaker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bioinstruct.errors import DataError

__all__ = ["Interval", "Tier", "tiers"]

_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_HEADER = re.compile(
    r'File type = "ooTextFile" *\nObject class = "TextGrid" *\n\s*'
    r"xmin = \S+ *\n\s*xmax = \S+ *\n\s*tiers\? <exists> *\n\s*size = (\d+) *\n\s*item \[\]: *\n\s*"
)
_TIER = re.compile(
    r'item \[(\d+)\]: *\n\s*class = "IntervalTier" *\n\s*name = "((?:[^"]|"")*)" *\n\s*'
    rf"xmin = ({_NUMBER}) *\n\s*xmax = \S+ *\n\s*intervals: size = (\d+) *\n?\s*"
)
_INTERVAL = re.compile(
    rf"intervals \[(\d+)\]: *\n\s*xmin = ({_NUMBER}) *\n\s*xmax = ({_NUMBER}) *\n\s*"
    r'text = "((?:[^"]|"")*)" *(?:\n\s*|$)'
)
_TOLERANCE = 1e-6
"""Tolerance in seconds for adjacent intervals to meet."""


class Interval(NamedTuple):
    """A time interval with its text, which may be empty."""

    start: float
    """In seconds."""
    end: float
    """In seconds."""
    text: str


class Tier(NamedTuple):
    """Consecutive intervals without gaps."""

    name: str
    intervals: tuple[Interval, ...]


def tiers(text: str, path: Path) -> Iterator[Tier]:
    """Parse the interval tiers of a file.

    Raises:
        DataError: the text is no such file, an interval is missing or out of place, or two overlap.
    """
    text = text.replace("\r\n", "\n")
    header = _expect(_HEADER, text, 0, "the header of a TextGrid in the long text form", path)
    place = header.end()
    for number in range(1, int(header[1]) + 1):
        found = _expect(_TIER, text, place, f"interval tier {number}", path)
        intervals, place = _intervals(text, found, path)
        yield Tier(_unquoted(found[2]), tuple(intervals))
    if text[place:].strip():
        raise DataError("expected the end of the file", path=path, line=_line(text, place))


def _intervals(text: str, tier: re.Match[str], path: Path) -> tuple[list[Interval], int]:
    place, end = tier.end(), float(tier[3])
    intervals = []
    for number in range(1, int(tier[4]) + 1):
        found = _expect(_INTERVAL, text, place, f"interval {number} of {tier[4]}", path)
        start, last = float(found[2]), float(found[3])
        if int(found[1]) != number or abs(start - end) > _TOLERANCE or last <= start:
            raise DataError(
                f"expected interval {number} from {end:g} s on, found interval {found[1]} "
                f"from {start:g} s to {last:g} s",
                path=path,
                line=_line(text, place),
            )
        intervals.append(Interval(start, last, _unquoted(found[4])))
        place, end = found.end(), last
    return intervals, place


def _expect(
    pattern: re.Pattern[str], text: str, place: int, what: str, path: Path
) -> re.Match[str]:
    found = pattern.match(text, place)
    if not found:
        near = text[place : place + 60]
        line = _line(text, place)
        raise DataError(f"expected {what}, found {near!r}", path=path, line=line)
    return found


def _unquoted(text: str) -> str:
    return text.replace('""', '"')


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
