"""Derive answers again: a function for each kind, from the text of a record to its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bioinstruct.synthesis.second.reading import Lacking, Text, fixed, lacking

__all__ = ["Answer", "cannot", "points", "valued"]

Answer = Callable[[str, str], str]
"""From instruction and input to the output that a record of the kind must have."""


def cannot(reason: str) -> str:
    """Return the answer where a formula gives no value."""
    return f"Cannot be computed: {reason}."


def valued(reads: Mapping[str, str], compute: Callable[..., str]) -> Answer:
    """Return an answer that reads values by name and computes with them.

    Args:
        reads: for each parameter of `compute` the kind and the name of the value, such as
            `number sodium`, `finding cough`, `grade ascites`, `woman`, `date visit`; in the order
            in which missing ones are named.
        compute: from the values to the answer.
    """

    def answer(instruction: str, input: str) -> str:
        text = Text(input)
        values: dict[str, Any] = {}
        absent: list[str] = []
        for parameter, what in reads.items():
            method, _, name = what.partition(" ")
            try:
                values[parameter] = getattr(text, method)(*([name] if name else []))
            except Lacking as gap:
                absent.append(str(gap.args[0]))
        return lacking(absent) if absent else compute(**values)

    return answer


def points(total: float, digits: int = 0) -> str:
    """Return a number of points in words."""
    text = fixed(total, digits)
    return "1 point" if text == "1" else f"{text} points"
