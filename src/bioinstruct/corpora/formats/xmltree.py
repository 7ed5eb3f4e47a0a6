"""Parse XML files, with errors that name the position."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from bioinstruct.errors import DataError

__all__ = ["attributes", "parse"]


def parse(content: bytes, path: Path, *, root: str | tuple[str, ...]) -> Element:
    """Parse XML and return the root element, whose name must be `root` or one of these names.

    Raises:
        DataError: the content is not XML, or has another root element.
    """
    try:
        tree = ElementTree.fromstring(content)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        # LookupError and ValueError concern the encoding that the file declares.
        line = getattr(error, "position", (None,))[0]
        raise DataError(f"not valid XML ({error})", path=path, line=line) from error
    names = (root,) if isinstance(root, str) else root
    if tree.tag not in names:
        raise DataError(f"expected <{names[0]}>, found <{tree.tag}>", path=path, line=1)
    return tree


def attributes(element: Element, *names: str) -> tuple[str, ...]:
    """Return the values of these attributes.

    Raises:
        ValueError: an attribute is missing; names the element by its `id`.
    """
    for name in names:
        if name not in element.attrib:
            known = element.get("id") or element.get("pid") or "?"
            raise ValueError(f"<{element.tag} {known}>: missing attribute {name}")
    return tuple(element.attrib[name] for name in names)
