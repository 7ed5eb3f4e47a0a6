"""Labels of a closed list as text: one of them, or several, written and read back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bioinstruct.answer_text import stated
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
    """Return the one label that an answer gives, or None if it gives none or several.

    It is the label that the text begins with, or that a sentence states (`The answer is yes.`);
    case, quotation marks and what follows do not matter, but `yes or no`, `yes is wrong` and
    `The answer is not yes` give none. Of labels that begin alike the longest counts. A number
    counts whole: `1.5`, `10` and `1/2` are not 1.
    """
    begins = _at_start(_start(text, labels), labels) is not None
    said = {_begins(rest, labels) for rest in stated(text, anywhere=begins)}
    if begins:
        said.add(_begins(text, labels))
    return said.pop() if len(said) == 1 else None


def _begins(text: str, labels: Sequence[str]) -> str | None:
    """Return the label at the beginning of a text, unless it is denied or one of several."""
    start = _start(text, labels)
    found = _at_start(start, labels)
    if found is None:
        return None
    rest = start[len(found) :].lstrip("\"'*`)]").rstrip()
    if _DENIED.match(rest):
        return None
    if (link := _OR.match(rest)) and _at_start(rest[link.end() :], labels) not in {None, found}:
        return None
    if link := _NEXT.match(rest):
        other = _at_start(rest[link.end() :], labels)
        if other not in {None, found} and _END.match(rest[link.end() + len(str(other)) :]):
            return None
    return found


# A label is denied, or is one of several of which none is chosen.
_DENIED = re.compile(
    r"\W*(?:is|was|would be|seems|are)\s+(?:not|never|wrong|incorrect|false|unlikely)\b"
    r"|\W*(?:isn't|wasn't|can't|cannot)\b"
)
_OR = re.compile(r"\W{0,3}(?:\b(?:or|and|versus|vs)\b|[/|&])\W{0,3}")
_NEXT = re.compile(
    r"[.\"'*`]{0,4}\s*(?:[,;\n]|\s)\s*(?:or\s+|and\s+)?[\"'*`]{0,3}(?:\d+[.)]\s+|[-*]\s+)?"
)
_END = re.compile(r"[\"'*`.]{0,4}\s*(?:$|[,;\n|]|(?:or|and)\b)")
_PART_OF_NUMBER = r"(?![.,:]?\d|\s*[/%\u2030^]|\s*(?:of|out of|to|-|\u2013)\s*\d)"


def _start(text: str, labels: Sequence[str]) -> str:
    """Return a text in lower case without marks at its beginning; a number may be a label."""
    numbers = any(label[:1].isdigit() for label in labels)
    plain = text.strip() if numbers else _MARKER.sub("", text.strip())
    return plain.lstrip("\"'*`([").casefold()


def _at_start(text: str, labels: Sequence[str]) -> str | None:
    for label in sorted(labels, key=len, reverse=True):
        behind = _PART_OF_NUMBER if label[-1:].isdigit() else r"(?!-\w)"
        if re.match(rf"{re.escape(label.casefold())}(?!\w){behind}", text):
            return label
    return None


def _key(text: str) -> str:
    plain = _MARKER.sub("", text).strip().strip("\"'*`").rstrip(". ")
    return " ".join(_ABBREVIATION.sub("", plain).casefold().split())


def _form(layout: str) -> _Form:
    if layout not in _FORMS:
        raise UnknownNameError("layout", layout, _FORMS)
    return _FORMS[layout]
