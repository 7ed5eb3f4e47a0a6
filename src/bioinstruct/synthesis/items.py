"""The values that a note states: quantities with units, findings, choices and dates."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from bioinstruct.synthesis.draw import Draw

__all__ = ["Item", "Value", "draw_value", "items", "written_date"]

_FILE = Path(__file__).parents[1] / "data" / "synthesis" / "items.toml"
_EDGES = 0.3  # share of the values that are drawn from the boundary values
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_FIRST_DATE = datetime.date(2015, 1, 1)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit in which a quantity can be written."""

    text: str
    """Empty for a bare number."""
    factor: Fraction
    """How many of it are one of the first unit of the item."""
    decimals: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that a note can state."""

    name: str
    labels: tuple[str, ...]
    """Its names in a plain note; the first one is used in answers."""
    terse: tuple[str, ...]
    """Its names in a terse note."""
    type: str
    """`number`, `finding`, `choice` or `date`."""
    units: tuple[Unit, ...] = ()
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)
    edges: tuple[Fraction, ...] = ()
    """Boundary values in the first unit."""
    before: str = ""
    """Text in front of the number, such as `1 in `."""
    choices: tuple[tuple[str, str], ...] = ()
    """Texts of a choice and the value that each stands for."""
    after: str = ""
    """The date from which a date is counted."""

    @property
    def space(self) -> int:
        """How many different values it can have, in its coarsest unit."""
        if self.type == "number":
            least = min(u.factor * 10**u.decimals for u in self.units)
            return max(1, int((self.high - self.low) * least))
        return {"finding": 2, "choice": max(2, len(self.choices)), "date": 280}[self.type]


@dataclass(frozen=True, slots=True)
class Value:
    """A value as a note writes it, and as a formula takes it."""

    item: Item
    text: str
    """The number with its unit, the choice, the date, or `yes` and `no`."""
    taken: Any
    """A float in the first unit, a bool, the value of a choice, or a date."""


@cache
def items() -> Mapping[str, Item]:
    """Return all items by name."""
    with _FILE.open("rb") as file:
        rows = tomllib.load(file)
    return {name: _item(name, row) for name, row in rows.items()}


def _item(name: str, row: Mapping[str, Any]) -> Item:
    labels = tuple(row["labels"])
    units = tuple(
        Unit(text, _factor(factor), digits) for text, factor, digits in row.get("units", ())
    )
    kind = row.get("type", "number")
    return Item(
        name=name,
        labels=labels,
        terse=tuple(row.get("terse", labels[:1])),
        type=kind,
        units=units,
        low=Fraction(str(row.get("low", 0))),
        high=Fraction(str(row.get("high", 0))),
        edges=tuple(Fraction(str(edge)) for edge in row.get("edges", ())),
        before=row.get("before", ""),
        choices=tuple((text, value) for text, value in row.get("choices", ())),
        after=row.get("after", ""),
    )


def _factor(text: str) -> Fraction:
    above, _, below = text.partition("/")
    return Fraction(above) / Fraction(below or "1")


def draw_value(draw: Draw, item: Item, known: Mapping[str, Value]) -> Value:
    """Return a random value of an item; `known` has the dates from which it may count."""
    if item.type == "finding":
        there = draw.chance(0.5)
        return Value(item, "yes" if there else "no", there)
    if item.type == "choice":
        text, value = draw.one(item.choices)
        return Value(item, text, value)
    if item.type == "date":
        return _date(draw, item, known)
    unit = draw.one(item.units)
    scale = unit.factor * 10**unit.decimals
    if item.edges and draw.chance(_EDGES):
        edge = draw.one(item.edges) * scale
        whole = round(edge) if edge.denominator == 1 else int(edge) + draw.below(2)
    else:
        whole = draw.between(-int(-item.low * scale // 1), int(item.high * scale))
    number = Fraction(whole, 10**unit.decimals)
    text = f"{item.before}{_decimal(whole, unit.decimals)}"
    shown = f"{text}{'' if unit.text.startswith('%') else ' '}{unit.text}" if unit.text else text
    return Value(item, shown, float(number / unit.factor))


def _decimal(whole: int, decimals: int) -> str:
    if not decimals:
        return str(whole)
    digits = str(abs(whole)).rjust(decimals + 1, "0")
    return f"{'-' if whole < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def _date(draw: Draw, item: Item, known: Mapping[str, Value]) -> Value:
    if item.after:
        days = (
            int(draw.one(item.edges))
            if item.edges and draw.chance(_EDGES)
            else draw.between(int(item.low), int(item.high))
        )
        date = known[item.after].taken + datetime.timedelta(days=days)
    elif draw.chance(_EDGES):  # around the end of February, of leap years and others
        date = datetime.date(draw.between(2015, 2030), 2, 25) + datetime.timedelta(draw.below(8))
    else:
        date = _FIRST_DATE + datetime.timedelta(days=draw.below(5800))
    if item.high and not item.after:  # years
        year = draw.between(int(item.low), int(item.high))
        leap = date.month == 2 and date.day == 29
        date = date.replace(year=year - year % 4 if leap else year)
    return Value(item, written_date(draw, date), date)


def written_date(draw: Draw, date: datetime.date) -> str:
    """Return a date in one of three unambiguous forms."""
    month = _MONTHS[date.month - 1]
    return draw.one(
        (date.isoformat(), f"{date.day} {month} {date.year}", f"{date.day} {month[:3]} {date.year}")
    )
