"""Make a kind of record of a formula: its parameters are the items that a note must state."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bioinstruct.schema import Category
from bioinstruct.synthesis.draw import Draw
from bioinstruct.synthesis.frames import frame_count, question, render
from bioinstruct.synthesis.items import Item, Value, draw_value, items
from bioinstruct.synthesis.kinds import Kind, Made, Outside

__all__ = ["MISSING", "Result", "formula", "missing", "rounded"]

_MISSING = 0.12  # share of the records that lack a value
_STRAY = 0.6  # share with a value that does not count
_TIE = 1e-6  # distance from a tie of rounding, in units of the last digit
MISSING = "Cannot be computed: {} missing."
_NOISE = {
    "clinical": (
        *("haemoglobin", "crp", "ferritin", "tsh", "phosphate", "lactate", "leukocytes"),
        *("magnesium", "temperature"),
    ),
    "study": ("follow_up", "centres", "screened"),
}
_PLACES = ("a whole number", "one decimal place", "two decimal places", "three decimal places")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How the value of a formula is written."""

    of: str
    """Its name in a question."""
    unit: str = ""
    digits: int = 0
    """Decimals of the rounded value."""
    score: bool = False
    """Whether it is a number of points."""
    form: str = ""
    """The form of an answer of several parts, in words; the formula returns its text itself."""

    @property
    def style(self) -> str:
        if self.form:
            return "text"
        return "score" if self.score else "number" if self.unit else "bare"

    def write(self, value: Any) -> str | None:
        """Return the answer; None if the value is so near to a tie that its rounding is open."""
        if self.form:
            return _written(value)
        text = rounded(float(value), self.digits)
        if self.score and text is not None:
            return f"{text} {'point' if text == '1' else 'points'}"
        return f"{text}{_gap(self.unit)}{self.unit}" if text is not None else None


def _gap(unit: str) -> str:
    return " " if unit and unit != "%" else ""


def _written(parts: Any) -> str | None:
    """Join text and (number, digits) pairs; None if a number is near a tie."""
    written: list[str] = []
    for part in parts:
        text = part if isinstance(part, str) else rounded(*part)
        if text is None:
            return None
        written.append(text)
    return "".join(written)


def rounded(number: float, digits: int) -> str | None:
    """Return a number with so many decimals; None if it is near a tie of rounding."""
    scaled = abs(number) * 10**digits
    if abs(scaled - math.floor(scaled) - 0.5) < _TIE:
        return None
    text = f"{number:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def missing(names: Sequence[str]) -> str:
    """Return the answer to a question whose text lacks these items."""
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return MISSING.format(f"{listed} {'is' if len(names) == 1 else 'are'}")


def formula(
    name: str, family: str, result: Result, source: str, *, group: str = "clinical"
) -> Callable[[Callable[..., Any]], Kind]:
    """Make a kind of a function from the values of items, in their first units, to a value.

    The names of its parameters are those of the items. It raises `Outside` where the formula gives
    no value.

    Args:
        name: name of the kind.
        family: its family.
        result: how the value is written.
        source: where it was published.
        group: the openings of its notes.
    """

    def kind(function: Callable[..., Any]) -> Kind:
        needed = [items()[parameter] for parameter in inspect.signature(function).parameters]
        noise = [items()[one] for one in _NOISE[group] if items()[one] not in needed]
        made = _Formula(function, result, group, needed, noise)
        space = math.prod(item.space for item in needed) * frame_count("test", group)
        return Kind(
            name=name,
            family=family,
            category=Category.QA,
            source=source,
            make=made.make,
            space=min(space, 10**12),
        )

    return kind


@dataclass(frozen=True, slots=True)
class _Formula:
    function: Callable[..., Any]
    result: Result
    group: str
    needed: list[Item]
    noise: list[Item]

    def make(self, draw: Draw, split: str) -> Made:
        while (made := self._drawn(draw, split)) is None:
            pass
        return made

    def _drawn(self, draw: Draw, split: str) -> Made | None:
        """Return a record; None if its result is near a tie of rounding."""
        values = _values(draw, self.needed)
        lacking = _lacking(draw, self.needed)
        answer = self._answer(values, lacking)
        if answer is None:
            return None
        facts = [values[item.name] for item in self.needed if item not in lacking]
        facts += [draw_value(draw, item, {}) for item in draw.some(self.noise, draw.below(4))]
        strays = _strays(draw, self.needed, lacking)
        asked = question(
            draw,
            split,
            self.result.style,
            of=self.result.of,
            unit=self.result.unit,
            digits=_PLACES[self.result.digits],
            form=self.result.form,
        )
        return Made(asked, render(draw, split, self.group, facts, strays), answer)

    def _answer(self, values: dict[str, Value], lacking: Sequence[Item]) -> str | None:
        if lacking:
            return missing([item.labels[0] for item in lacking])
        try:
            return self.result.write(self.function(*(values[i.name].taken for i in self.needed)))
        except Outside as reason:
            return f"Cannot be computed: {reason}."


def _values(draw: Draw, needed: Sequence[Item]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for item in needed:
        values[item.name] = draw_value(draw, item, values)
    return values


def _lacking(draw: Draw, needed: Sequence[Item]) -> list[Item]:
    """Return the items that the note leaves out, in their order."""
    if not draw.chance(_MISSING):
        return []
    chosen = draw.some(needed, draw.between(1, min(2, len(needed))))
    return [item for item in needed if item in chosen]


def _can_stray(item: Item) -> bool:
    """Whether another value of it can be of an earlier date: an age or a fraction cannot."""
    return item.type == "number" and not item.before and item.labels[0] != "age"


def _strays(draw: Draw, needed: Sequence[Item], lacking: Sequence[Item]) -> list[Value]:
    """Return values that do not count: mostly of what is needed, first of what is lacking."""
    numbers = [item for item in needed if _can_stray(item)]
    if not numbers or not draw.chance(_STRAY):
        return []
    first = [item for item in lacking if item in numbers]
    chosen = first[:1] or draw.some(numbers, draw.between(1, min(2, len(numbers))))
    return [draw_value(draw, item, {}) for item in chosen]
