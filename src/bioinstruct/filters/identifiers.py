"""Find text that may identify a person: the kinds of HIPAA's Safe Harbor that rules can find.

45 CFR 164.514(b)(2) lists eighteen. Rules here find names after a title or a label (A), addresses,
postal codes and places after a label (B), dates with a day, and ages over 89 (C), telephone and fax
numbers (D, E), e-mail addresses (F), social security numbers (G), record, health plan, account,
licence, vehicle and device numbers after a label (H to M), web and IP addresses (N, O). Names
without a title, biometric identifiers, photographs and other unique characteristics (A in part, P,
Q, R) are beyond rules. It reports and changes nothing.
"""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from bioinstruct.schema import Instruction

__all__ = ["KINDS", "Identifier", "find_identifiers", "possible_identifiers"]


class Identifier(NamedTuple):
    """A part of a text that may identify a person."""

    kind: str
    """One of `KINDS`."""
    text: str
    start: int


_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:19|20)\d\d"
_NAME = r"(?:[A-Z]['\u2019])?[A-Z][a-zà-öø-ÿ]+(?:[-'\u2019][A-Z][a-zà-öø-ÿ]+)*"
_NAMES = rf"(?:{_NAME}|[A-Z]\.)(?:\ (?:{_NAME}|[A-Z]\.|de|van|von|der|la)){{0,3}}"
_STREET = r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place)"
_LABELS = (
    r"(?:MRN|medical record(?: (?:no|number))?|record (?:no|number)|hospital (?:no|number)|"
    r"patient (?:id|no|number)|case (?:no|number)|NHS (?:no|number)|member (?:id|number)|"
    r"health plan(?: (?:id|number))?|policy (?:no|number)|account (?:no|number)|acct|"
    r"licen[cs]e (?:no|number)|certificate (?:no|number)|serial (?:no|number)|VIN|"
    r"device (?:id|identifier)|vehicle identification number|licen[cs]e plate|"
    r"plate (?:no|number)|accession (?:no|number))"
)

_PATTERNS: dict[str, str] = {
    "date": rf"""
        \b{_YEAR}[-/.](?:0?[1-9]|1[0-2])[-/.]{_DAY}\b
        | (?<![\d/.-])(?:{_DAY}[/.-](?:0?[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])[/.-]{_DAY})
          [-/.]{_YEAR}\b(?![-/.]\d)
        | (?<![\d/.-])(?:{_DAY}/(?:0?[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])/{_DAY})/\d\d\b(?![/.-]\d)
        | \b{_DAY}(?:st|nd|rd|th)?\ (?:of\ )?{_MONTH}\.?,?\ {_YEAR}\b
        | \b{_MONTH}\.?\ {_DAY}(?:st|nd|rd|th)?,?\ {_YEAR}\b
        | \b(?i:admitted|discharged|seen|born|died|admission|discharge|DOB|date\ of\ birth)
          \ (?:on\ )?(?:{_MONTH}\.?\ {_DAY}|{_DAY}(?:st|nd|rd|th)?\ (?:of\ )?{_MONTH})\b
    """,
    "age over 89": r"""
        \b(?:9\d|1[0-2]\d)[-\ ](?:years?|yrs?)[-\ ]old\b | \b(?:9\d|1[0-2]\d)\ ?y/?o\b
        | \baged?\ (?:of\ )?(?:9\d|1[01]\d)\b
    """,
    "telephone or fax": r"""
        (?<![\w.-])(?:\+?1[-.\ ])?\(\d{3}\)\ ?\d{3}[-.\ ]\d{4}(?![\w-])
        | (?<![\w.-])(?:\+?1[-.\ ])?\d{3}([-.])\d{3}\1\d{4}(?![\w-])
        | (?<!\w)\+\d{1,3}[-.\ ]?(?:\(?\d{1,4}\)?[-.\ ]?){2,5}\d{2,4}(?!\w)
        | \b(?i:tel|phone|telephone|fax|mobile|cell|pager)(?i:\ (?:no|number))?\.?:?\ ?
          \(?\d[\d\ ()./-]{5,16}\d\b
    """,
    "e-mail": r"\b[A-Za-z0-9][\w.+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b",
    "social security number": r"""
        (?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])
        | \b(?:SSN|(?i:social\ security(?:\ number)?))\.?:?\ ?\#?\d{3}[-\ ]?\d{2}[-\ ]?\d{4}\b
    """,
    "record or account number": rf"""
        \b(?i:{_LABELS.replace(" ", chr(92) + " ")})\.?(?:\ is)?\ ?[:\#]?\ ?\#?
        (?=[A-Z0-9-]*\d)[A-Z0-9][A-Z0-9-]{{3,20}}\b
    """,
    "web address": r"\bhttps?://[^\s<>\"]+ | \bwww\.[a-z0-9-]+\.[a-z]{2,}\S*",
    "IP address": r"""
        (?<![\w.])(?=[\d.]*\d{3})(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}
        (?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]*\d)
        | \bIP(?:\ address)?:?\ (?:\d{1,3}\.){3}\d{1,3}\b
    """,
    "name": rf"""
        \b(?:Mrs?|Ms|Miss|Mx|Drs?|Prof)\.?\ (?!{_STREET}\b){_NAMES}
        | \b(?i:patient(?:'s)?\ name|name\ of\ patient|patient|next\ of\ kin|surgeon|dictated\ by|
            attending(?:\ physician)?|signed\ by|referred\ by):\ ?(?:Mr|Mrs|Ms|Dr)?\.?\ ?
            {_NAME}\ {_NAMES}
        | \b(?i:name):\ {_NAME}\ {_NAMES}
    """,
    "address": rf"""
        \b\d{{1,5}}[A-Z]?\ (?:[NSEW]\.?\ )?(?:{_NAME}\ ){{1,3}}{_STREET}\b\.?
        | \b(?:P\.?\ ?O\.?\ Box)\ \d+\b
        | \b{_NAME},?\ (?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|
            O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY])\ \d{{5}}(?:-\d{{4}})?\b
        | \b[A-Z]{{1,2}}\d[A-Z\d]?\ \d[ABD-HJLNP-UW-Z]{{2}}\b
        | \b(?i:zip(?:\ code)?|postal\ code|postcode):?\ \d{{5}}\b
    """,
}

KINDS = tuple(_PATTERNS)
"""The kinds that are looked for."""

_COMPILED = {kind: re.compile(pattern, re.VERBOSE) for kind, pattern in _PATTERNS.items()}
# Titles before these are of laboratories, methods and eponyms, not of a patient or a doctor.
_NOT_NAMES = re.compile(r"(?:Dr|Prof)\.? (?:Google|Who|House)\b")


_BY_MONTH = {
    name.lower(): number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_JOINT = re.compile(r",?\s*(?:to|and|through|until|till|up to|[-\u2013\u2014])\s*")
_LONG = 180  # days: stays in hospital are shorter, periods of studies longer


def _study_periods(text: str, dates: list[re.Match[str]]) -> set[int]:
    """Return the starts of the dates that begin or end a period of half a year or more."""
    starts: set[int] = set()
    for first, second in itertools.pairwise(dates):
        if not _JOINT.fullmatch(text, first.end(), second.start()):
            continue
        days = [_day(found.group()) for found in (first, second)]
        if days[0] and days[1] and (days[1] - days[0]).days >= _LONG:
            starts |= {first.start(), second.start()}
    return starts


def _day(text: str) -> datetime.date | None:
    """Return the day that a date names; None without a year."""
    numbers = [int(n) for n in re.findall(r"\d+", text)]
    name = re.search(r"[A-Za-z]{3,}", text.replace("of", ""))
    month = _BY_MONTH.get(name[0][:3].lower()) if name else None
    try:
        if month and len(numbers) == 2:
            return datetime.date(numbers[1], month, numbers[0])
        if len(numbers) != 3:
            return None
        if numbers[0] > 31:
            return datetime.date(*numbers)
        first, second, year = numbers
        year += 0 if year > 99 else 1900 if year > 40 else 2000
        order = (second, first) if first > 12 else (first, second)
        return datetime.date(year, *order)
    except ValueError:
        return None


def find_identifiers(text: str) -> Iterator[Identifier]:
    """Yield what may identify a person in a text, kind by kind.

    Two dates that are half a year or more apart, as in `from 1 May 2007 to 30 April 2012`, are the
    period of a study, and left out.
    """
    for kind, pattern in _COMPILED.items():
        matches = list(pattern.finditer(text))
        known = _study_periods(text, matches) if kind == "date" and len(matches) > 1 else ()
        for found in matches:
            if found.start() in known or (kind == "name" and _NOT_NAMES.match(found.group())):
                continue
            yield Identifier(kind, found.group(), found.start())


def possible_identifiers(example: Instruction) -> str | None:
    """Find a possible identifier of a person, and return its kind and text."""
    for text in (example.instruction, example.input, example.output):
        if found := next(find_identifiers(text), None):
            return f"{found.kind} {found.text!r}"
    return None
