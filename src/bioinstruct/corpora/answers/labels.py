"""Labels of a closed list as text: one of them, or several, written and read back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bioinstruct.errors import BioinstructError, UnknownNameError

__all__ = ["LAYOUTS", "parse", "parse_one", "to_text"]


class _Form(NamedTuple):
    separator: str
    none: str


_FORMS = {"lines": _Form("\n", "none"), "medtuned": _Form(", ", "None")}

LAYOUTS = tuple(_FORMS)
"""`lines` has a label a line or `none`; `medtuned`, as published, has `A, B` or `None`."""

# What a model may write between two labels, and before one of them.
_BETWEEN = re.compile(r"[\n,;]+")
_MARKER = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_ABBREVIATION = re.compile(r"\s*\([A-Z]+\)$")


def to_text(layout: str, labels: Iterable[str], names: Mapping[str, str]) -> str:
    """Write the labels in the order of `names`, which gives each label its name in this layout.

    Raises:
        UnknownNameError: there is no such layout or label.
        BioinstructError: a name has a separator in it, so that it could not be read back.
    """
    form = _form(layout)
    given = set(labels)
    for label in sorted(given - names.keys()):
        raise UnknownNameError("label", label, names)
    chosen = [name for label, name in names.items() if label in given]
    for name in chosen:
        if _BETWEEN.search(name):
            raise BioinstructError(f"the name {name!r} has a separator of labels in it")
    return form.separator.join(chosen) or form.none


def parse(layout: str, text: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the labels that a text names, each once, in the order of `names`.

    Case, list markers, a final full stop and an abbreviation in parentheses do not matter. Other
    text is kept verbatim after the labels, so that it counts as wrong.

    Raises:
        UnknownNameError: there is no such layout.
    """
    none = _form(layout).none.casefold()
    known = {_key(form): label for label, name in names.items() for form in (label, name)}
    found: dict[str, None] = {}
    for part in _BETWEEN.split(text):
        key = _key(part)
        if key and key != none:
            found[known.get(key, part.strip())] = None
    return (*(label for label in names if label in found), *(x for x in found if x not in names))


def parse_one(text: str, labels: Sequence[str]) -> str | None:
    """Return the label that a text begins with, or None.

    Ignore case; the longest of several matching labels counts.
    """
    start = _MARKER.sub("", text.strip()).lstrip("\"'*`").casefold()
    for label in sorted(labels, key=len, reverse=True):
        if re.match(rf"{re.escape(label.casefold())}(?!\w)", start):
            return label
    return None


def _key(text: str) -> str:
    plain = _MARKER.sub("", text).strip().strip("\"'*`").rstrip(". ")
    return " ".join(_ABBREVIATION.sub("", plain).casefold().split())


def _form(layout: str) -> _Form:
    if layout not in _FORMS:
        raise UnknownNameError("layout", layout, _FORMS)
    return _FORMS[layout]
