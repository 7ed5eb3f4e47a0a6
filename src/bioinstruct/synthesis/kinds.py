"""A kind of computed record: its name, category, source and maker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from bioinstruct.schema import Category
from bioinstruct.synthesis.draw import Draw

__all__ = ["Kind", "Made", "Outside"]


class Made(NamedTuple):
    """The texts of a record."""

    instruction: str
    input: str
    output: str


class Outside(Exception):
    """Inputs for which a formula gives no value; the message becomes the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of record whose answer is computed."""

    name: str
    """In kebab-case; becomes the task of the records."""
    family: str
    category: Category
    source: str
    """Where the formula or the rule was published."""
    make: Callable[[Draw, str], Made]
    """Make a record from random choices, with the frames of a split (train or test)."""
    space: int
    """Different cases that it can draw, counted low: the most records without repeats."""
