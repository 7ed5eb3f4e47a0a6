"""Write a text with two concepts as the input of a question about their relation."""

from __future__ import annotations

from typing import NamedTuple

from bioinstruct.errors import UnknownNameError

__all__ = ["LAYOUTS", "Mention", "to_input"]

LAYOUTS = ("named", "medtuned")
"""`named` has the text followed by the two names; `medtuned`, as published, masks them."""


class Mention(NamedTuple):
    """A concept in a text."""

    name: str
    parts: tuple[tuple[int, int], ...]
    """Start and exclusive end of its characters; several parts if it is discontinuous."""
    type: str
    """Word of the mask, such as `GENE` for `@GENE$`."""


def to_input(
    layout: str, text: str, first: Mention, second: Mention, *, roles: tuple[str, str]
) -> str:
    """Return the text with its two concepts, with normalised white space.

    In `medtuned` the first part of a mention represents all of it; two that share characters
    become one mask, such as `@DRUG-DRUG$`. In `named` the two lines begin with the roles, and a
    name that also occurs earlier in the text has a number: `warfarin #2`.

    Raises:
        UnknownNameError: the layout does not exist.
    """
    if layout == "medtuned":
        return _even(_masked(text, first, second))
    if layout == "named":
        lines = (
            f"{role}: {_even(mention.name)}{_number(text, mention)}"
            for role, mention in zip(roles, (first, second), strict=True)
        )
        return "\n".join((_even(text), "", *lines))
    raise UnknownNameError("layout", layout, LAYOUTS)


def _masked(text: str, first: Mention, second: Mention) -> str:
    (start, end), (other_start, other_end) = first.parts[0], second.parts[0]
    if start < other_end and other_start < end:
        whole = slice(min(start, other_start), max(end, other_end))
        return f"{text[: whole.start]}@{first.type}-{second.type}${text[whole.stop :]}"
    places = ((start, end, first.type), (other_start, other_end, second.type))
    for begin, stop, type in sorted(places, reverse=True):
        text = f"{text[:begin]}@{type}${text[stop:]}"
    return text


def _number(text: str, mention: Mention) -> str:
    """Return the number of the mention among equal texts, if it is not the first."""
    before = 0
    place = text.find(mention.name)
    while 0 <= place < mention.parts[0][0]:
        before += 1
        place = text.find(mention.name, place + 1)
    return f" #{before + 1}" if before else ""


def _even(text: str) -> str:
    return " ".join(text.split())
