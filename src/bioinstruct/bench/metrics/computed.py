"""Metrics for answers that are computed: numbers by tolerance and unit, lines, places."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import NamedTuple

from bioinstruct.bench.metrics.base import Metric, f1, mean
from bioinstruct.bench.metrics.sets import pair_f1

__all__ = ["Quantities", "line_f1", "quantities", "span_f1", "within_tolerance"]

_SHARE = 0.01
_NUMBER = re.compile(r"(?<![a-z\d.])[-+]?\d+(?:\.\d+)?")
_SIGNS = str.maketrans({"−": "-", "–": "-", "μ": "µ"})


class Quantities(NamedTuple):
    """The numbers of an answer, and its other characters: units and words."""

    numbers: tuple[float, ...]
    last_places: tuple[float, ...]
    """What one unit in the last place of each number is."""
    rest: str
    """In lower case, without white space and a closing full stop, `#` for each number."""


def quantities(text: str) -> Quantities | None:
    """Return the numbers of an answer and what stands around them; None for an empty text."""
    plain = unicodedata.normalize("NFKC", text.translate(_SIGNS)).casefold().translate(_SIGNS)
    found = [one[0] for one in _NUMBER.finditer(plain)]
    rest = "".join(_NUMBER.sub("#", plain).split()).rstrip(".")
    if not rest:
        return None
    places = tuple(10.0 ** -len(one.partition(".")[2]) for one in found)
    return Quantities(tuple(map(float, found)), places, rest)


def _count(gold: Quantities, answer: Quantities | None) -> tuple[float, ...]:
    if answer is None or answer.rest != gold.rest or len(answer.numbers) != len(gold.numbers):
        return (0.0, 1.0)
    allowed = (max(_SHARE * abs(n), p) for n, p in zip(gold.numbers, gold.last_places, strict=True))
    pairs = zip(gold.numbers, answer.numbers, allowed, strict=True)
    near = all(abs(wanted - given) <= most * (1 + 1e-9) for wanted, given, most in pairs)
    return (float(near), 1.0)


within_tolerance = Metric(
    "within tolerance",
    "share of items whose numbers are all within 1 % of the gold, or one unit in its last place, "
    "with the same units and words, whatever their case and spaces",
    _count,
    mean,
)


def _count_lines(gold: str, answer: str | None) -> tuple[float, ...]:
    there, found = set(gold.splitlines()), set((answer or "").splitlines())
    return (float(len(there & found)), float(len(there)), float(len(found)))


line_f1 = Metric(
    "line F1",
    "micro-averaged F1 over the lines of all answers, each line of an answer once, whatever "
    "its case and spaces",
    _count_lines,
    f1,
)

span_f1 = replace(
    pair_f1,
    name="span F1",
    spec="micro-averaged F1 over what is found in all texts; it counts only if its first and last "
    "character and its type are right",
)
