"""Laboratory results with reference ranges, and the rows and sentences that state them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bioinstruct.synthesis.documents import per_split
from bioinstruct.synthesis.draw import Draw

__all__ = ["Measured", "draw_results", "table"]

# Name, unit, decimals, lower and upper limit in units of the last decimal.
_ANALYTES = (
    ("sodium", "mmol/L", 0, 135, 145),
    ("potassium", "mmol/L", 1, 35, 51),
    ("chloride", "mmol/L", 0, 98, 107),
    ("bicarbonate", "mmol/L", 0, 22, 29),
    ("urea", "mmol/L", 1, 25, 78),
    ("creatinine", "µmol/L", 0, 59, 104),
    ("glucose", "mmol/L", 1, 39, 60),
    ("calcium", "mmol/L", 2, 220, 260),
    ("magnesium", "mmol/L", 2, 70, 100),
    ("phosphate", "mmol/L", 2, 80, 150),
    ("albumin", "g/L", 0, 35, 50),
    ("total protein", "g/L", 0, 60, 80),
    ("bilirubin", "µmol/L", 0, 3, 21),
    ("alkaline phosphatase", "U/L", 0, 30, 130),
    ("ALT", "U/L", 0, 7, 40),
    ("AST", "U/L", 0, 8, 40),
    ("lipase", "U/L", 0, 13, 60),
    ("haemoglobin", "g/L", 0, 120, 175),
    ("white cell count", "× 10^9/L", 1, 40, 110),
    ("platelets", "× 10^9/L", 0, 150, 400),
    ("ferritin", "µg/L", 0, 30, 300),
    ("TSH", "mU/L", 2, 40, 400),
    ("uric acid", "µmol/L", 0, 200, 430),
    ("lactate", "mmol/L", 1, 5, 20),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """A result with its reference range."""

    label: str
    number: str
    unit: str
    low: str
    high: str
    course: str
    """`low`, `normal` or `high`; the limits themselves are normal."""

    @property
    def value(self) -> str:
        return f"{self.number} {self.unit}"


def draw_results(draw: Draw, count: int) -> list[Measured]:
    """Return results of different analytes; many are on a limit, or next to it."""
    found = []
    for label, unit, digits, usual_low, usual_high in draw.some(_ANALYTES, count):
        width = usual_high - usual_low
        low = max(1, usual_low + draw.between(-2, 2))
        high = usual_high + draw.between(-2, 2)
        number = draw.one((
            *(low, high, low - 1, high + 1),
            *(draw.between(max(0, low - width // 2), low), draw.between(high, high + width)),
            *(draw.between(low, high) for _ in range(3)),
        ))  # fmt: skip
        course = "low" if number < low else "high" if number > high else "normal"
        texts = (f"{one / 10**digits:.{digits}f}" for one in (number, low, high))
        shown, bottom, top = texts
        found.append(Measured(label, shown, unit, bottom, top, course))
    return found


_ROWS = per_split(
    ("| {l} | {v} | {r} |", "{l}: {v} ({r})", "{l}\t{v}\t{r}", "- {l} {v}, reference {r}"),
    ("{l};{v};{r}", "{l} = {v} [{r}]", "* {v} of {l}; limits {r}"),
)
_HEADS = {"| ": "| result | value | reference |\n| --- | --- | --- |\n"}


def table(draw: Draw, split: str, results: Sequence[Measured]) -> str:
    """Return a table of results, a row for each."""
    pattern = draw.one(_ROWS[split])
    rows = [
        pattern.replace("{l}", one.label)
        .replace("{v}", one.value)
        .replace("{r}", f"{one.low} to {one.high}")
        for one in results
    ]
    return _HEADS.get(pattern[:2], "") + "\n".join(rows)
