"""Modules of an OpenStax textbook (CNXML): titles, paragraphs, lists, tables and the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from bioinstruct.corpora.formats import xmltree

__all__ = ["children", "lines", "parse", "prose", "tag", "words"]

_SPACE = "{http://cnx.rice.edu/cnxml}"
_MATHS = "{http://www.w3.org/1998/Math/MathML}math"
_LINK = "\0"
"""Placeholder for a link without text, which the publisher's page fills in."""
_RAISED = dict(zip("0123456789+-\u2212=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ", strict=True))
_LOWERED = dict(zip("0123456789+-\u2212=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎", strict=True))


def parse(content: bytes, path: Path) -> Element:
    """Parse a module and return its root.

    Raises:
        DataError: the content is not XML, or not a CNXML document.
    """
    return xmltree.parse(content, path, root=f"{_SPACE}document")


def tag(element: Element) -> str:
    """Return the name of an element without the CNXML namespace."""
    return element.tag.removeprefix(_SPACE)


def children(element: Element, *names: str) -> Iterator[Element]:
    """Yield the direct children with these names."""
    return (child for child in element if tag(child) in names)


def words(element: Element) -> str:
    """Return all text on one line; empty if it refers to a figure or table by a link."""
    return " ".join(lines(element))


def lines(element: Element) -> list[str]:
    """Return the non-empty lines of the text, split at the author's line breaks."""
    parted = (" ".join(line.split()) for line in _without_links(_raw(element)).split("\v"))
    return [line for line in parted if line]


def prose(element: Element) -> list[str] | None:
    """Return direct paragraphs and lists, one per line; None if they contain mathematics.

    Figures, tables, boxes and titled elements are left out.
    """
    found: list[str] = []
    for part in children(element, "para", "list"):
        if part.find(f".//{_MATHS}") is not None:
            return None
        if tag(part) == "list":
            found += [f"- {words(item)}" for item in children(part, "item") if words(item)]
        else:
            found += _paragraph(part)
    return found


def _paragraph(part: Element) -> list[str]:
    """Return a paragraph and the lists within it."""
    items = [f"- {words(i)}" for inner in children(part, "list") for i in children(inner, "item")]
    text = words(part)
    return [line for line in (text, *items) if line]


def _raw(element: Element) -> str:
    """Return text in order, with a vertical tab for a line break and a null byte for a link."""
    text = element.text or ""
    for child in element:
        name = tag(child)
        if name == "newline":
            text += "\v"
        elif name == "link":
            text += _raw(child) or _LINK
        elif name in {"sup", "sub"}:
            text += _shifted(_raw(child), _RAISED if name == "sup" else _LOWERED)
        elif name not in {"list", "note", "table", "figure", "media", "title"}:
            text += _raw(child)
        text += child.tail or ""
    return text


def _shifted(text: str, signs: dict[str, str]) -> str:
    """Use superscript or subscript characters if they exist for all of the text."""
    return "".join(signs[sign] for sign in text) if set(text) <= signs.keys() else text


def _without_links(text: str) -> str:
    """Remove parentheses that only refer to a figure or table; drop other text that does.

    A sentence about a figure is useless without it, and so are those that follow it up.
    """
    text = re.sub(rf"\s*[(\[][^()\[\]]*{_LINK}[^()\[\]]*[)\]]", "", text)
    return "" if _LINK in text else text
