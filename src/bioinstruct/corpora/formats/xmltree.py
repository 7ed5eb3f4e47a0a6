"""Parse XML files, with errors that name the position."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from bioinstruct.corpora.formats.plain import or_another_file
from bioinstruct.errors import DataError

__all__ = ["attributes", "elements", "parse"]

_DEEPEST = 200  # levels of elements; those of our corpora have fewer than 20


def parse(content: bytes, path: Path, *, root: str | tuple[str, ...]) -> Element:
    """Parse XML and return the root element, whose name must be `root` or one of these names.

    Raises:
        DataError: the content is not XML, has another root element, or is nested too deeply.
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
    _check_depth(tree, path)
    return tree


def _check_depth(root: Element, path: Path) -> None:
    """Refuse a tree that readers, which call themselves for each level, could not walk."""
    level, depth = [root], 0
    while level := [child for element in level for child in element]:
        depth += 1
        if depth > _DEEPEST:
            raise DataError("not a usable XML document: nested too deeply", path=path)


def elements(
    content: bytes, path: Path, *, root: str | tuple[str, ...], tags: Collection[str]
) -> Iterator[Element | DataError]:
    """Yield the elements of these names (in lower case), whatever the case in the file.

    If the file is not valid XML, parse each element by itself and yield errors for the faulty ones
    only.

    Raises:
        DataError: the content has another root element, or no such element that can be parsed.
    """
    try:
        tree = parse(content, path, root=root)
    except DataError as error:
        if not isinstance(error.__cause__, ElementTree.ParseError):
            raise
        names = b"|".join(tag.encode() for tag in sorted(tags))
        pattern = re.compile(rb"<(" + names + rb")\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
        yield from or_another_file(_one_by_one(content, path, pattern, error))
    else:
        yield from (element for element in tree.iter() if element.tag.lower() in tags)


def _one_by_one(
    content: bytes, path: Path, pattern: re.Pattern[bytes], error: DataError
) -> Iterator[Element | DataError]:
    sound = True
    for found in pattern.finditer(content):
        try:
            yield ElementTree.fromstring(found[0])
        except (ElementTree.ParseError, ValueError) as fault:
            line = content.count(b"\n", 0, found.start()) + 1
            sound = False
            yield DataError(f"not valid XML ({fault})", path=path, line=line)
    if sound:
        yield error  # it is between the elements


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
