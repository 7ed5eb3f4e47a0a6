from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora.formats.xmltree import attributes, parse

PATH = Path("d.xml")


def test_a_tree_is_parsed_in_the_encoding_that_it_says() -> None:
    for encoding in ("utf-8", "latin-1", "utf-16"):
        text = f'<?xml version="1.0" encoding="{encoding}"?><d id="1">größer</d>'
        tree = parse(text.encode(encoding), PATH, root="d")
        assert (tree.text, attributes(tree, "id")) == ("größer", ("1",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<d>\n<e></d>", r"d\.xml:2: not valid XML \(mismatched tag"),
        (b"<d><e>", r"d\.xml:1: not valid XML \(no element found"),
        (b"", r"d\.xml:1: not valid XML"),
        (b"<d>gr\xf6\xdfer</d>", r"d\.xml:1: not valid XML"),
        (b'<?xml version="1.0" encoding="klingon"?><d/>', r"d\.xml.*: not valid XML"),
        (b"<html><body/></html>", r"d\.xml:1: expected <d>, found <html>"),
    ],
)
def test_what_is_no_such_tree_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(content, PATH, root="d")


def test_entities_that_multiply_are_refused() -> None:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 20}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE d [<!ENTITY l0 "ha ha ha ha">{levels}]><d>&l11;</d>'
    with pytest.raises(DataError, match="not valid XML"):
        parse(bomb.encode(), PATH, root="d")


def test_a_missing_attribute_is_named() -> None:
    with pytest.raises(ValueError, match="<d 7>: missing attribute text"):
        attributes(parse(b'<d id="7"/>', PATH, root="d"), "id", "text")
