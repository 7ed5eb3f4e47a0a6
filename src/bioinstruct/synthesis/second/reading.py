"""Read the values that a text states, without what it says of other people or earlier dates."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache

from bioinstruct.synthesis.second.vocabulary import CHOICES, DATES, FINDINGS, NUMBERS, UNITS

__all__ = ["DATE", "Lacking", "Text", "fixed", "lacking", "read_date"]

_ELSEWHERE = re.compile(
    r"\b(?:ago|last visit|old (?:records|letter)|previous study|earlier cohort|another|neighbour"
    r"|comparison|somebody else|patient in bed)\b",
    re.IGNORECASE,
)
_BREAK = re.compile(r"\n|(?<=\.)\s+(?=[A-Z])")
_LINK = (
    r'(?:","|[\s:|=→(?"]|\b(?:of|is|was|at|now|came back|stood|measured)\b|\bA:)*'  # label to value
)
_BEFORE = (
    r"(?<![\w/-])(?<!urine )(?<!urinary )(?<!fasting )(?<!normal for )"
    r"(?<!prescribed daily )(?<!Rx daily )"
)
_MONTHS = {
    name: place
    for place, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
        start=1,
    )
}
DATE = r"(\d{4}-\d\d-\d\d|\d{1,2} [A-Za-z]+ \d{4})"


class Lacking(LookupError):
    """A text that does not state what is asked for; the argument is its name."""


class Text:
    """The statements of a text about its subject."""

    def __init__(self, text: str) -> None:
        parts = _BREAK.split(text)
        self._parts = "\n".join(part for part in parts if not _ELSEWHERE.search(part))

    def number(self, name: str) -> float:
        """Return a number in its first unit.

        Raises:
            Lacking: the text does not state it.
        """
        found = _number_pattern(name).search(self._parts)
        if found is None:
            raise Lacking(_first(NUMBERS[name]))
        value = Fraction(found[1])
        return float(value * UNITS[name][found[2] or ""] if name in UNITS else value)

    def finding(self, name: str) -> bool:
        """Return whether a finding is there.

        Raises:
            Lacking: the text does not state it.
        """
        found = _finding_pattern(name).search(self._parts)
        if found is None:
            raise Lacking(_first(FINDINGS[name]))
        return not found[1] and (found[2] or "yes").casefold() != "no"

    def grade(self, name: str) -> int:
        """Return the place of a choice among the grades, from 0.

        Raises:
            Lacking: the text does not state it.
        """
        labels, grades = CHOICES[name]
        found = _choice_pattern(name).search(self._parts)
        if found is None:
            raise Lacking(_first(labels))
        return grades.index(found[1].casefold())

    def woman(self) -> bool:
        """Return whether the subject is a woman.

        Raises:
            Lacking: the text does not state it.
        """
        return self.grade("sex") == 0

    def date(self, name: str) -> datetime.date:
        """Return a date.

        Raises:
            Lacking: the text does not state it.
        """
        found = _labelled(DATES[name], DATE).search(self._parts)
        if found is None:
            raise Lacking(_first(DATES[name]))
        return read_date(found[1])


def _first(labels: str) -> str:
    return labels.partition("|")[0].replace("\\", "")


@cache
def _labelled(labels: str, value: str) -> re.Pattern[str]:
    any_label = "|".join(sorted(labels.split("|"), key=len, reverse=True))
    return re.compile(rf"{_BEFORE}(?:{any_label})(?![\w-]){_LINK}\s*{value}", re.IGNORECASE)


@cache
def _number_pattern(name: str) -> re.Pattern[str]:
    units = sorted(UNITS.get(name, {"": 1}), key=len, reverse=True)
    unit = "|".join(re.escape(one) for one in units if one)
    bare = "?" if "" in units else ""
    before = "1 in " if name == "incidence" else ""
    value = rf"{before}(-?\d+(?:\.\d+)?)"
    if unit:
        value += rf"(?: ?({unit})(?![\w/^]))"
        return _labelled(NUMBERS[name], value + bare)
    return _labelled(NUMBERS[name], value + "()")


@cache
def _finding_pattern(name: str) -> re.Pattern[str]:
    labels = "|".join(sorted(map(re.escape, FINDINGS[name].split("|")), key=len, reverse=True))
    after = r'(?:"?,"|[ \t:|=→(?"]|A:)*(yes|no|present|\+)?'
    return re.compile(
        rf"(?<![\w/-])((?:no|without)[ ])?(?<!uncontrolled )(?:{labels})(?![\w-]){after}",
        re.IGNORECASE,
    )


@cache
def _choice_pattern(name: str) -> re.Pattern[str]:
    labels, grades = CHOICES[name]
    return _labelled(labels, f"({'|'.join(sorted(grades, key=len, reverse=True))})\\b")


def read_date(text: str) -> datetime.date:
    """Return the date that a text writes as 2024-02-29, 29 February 2024 or 29 Feb 2024."""
    if "-" in text:
        return datetime.date.fromisoformat(text)
    day, month, year = text.split()
    return datetime.date(int(year), _MONTHS[month[:3].casefold()], int(day))


def fixed(number: float, digits: int) -> str:
    """Return a number with so many decimals, ties away from zero."""
    rounded = Decimal(repr(number)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return format(rounded if rounded else abs(rounded), "f")


def lacking(names: Iterator[str] | list[str]) -> str:
    """Return the answer where these are missing."""
    listed = list(names)
    if len(listed) == 1:
        return f"Cannot be computed: {listed[0]} is missing."
    return f"Cannot be computed: {', '.join(listed[:-1])} and {listed[-1]} are missing."
