from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from bioinstruct import DataError
from bioinstruct.corpora.openstax_cnxml import lines, parse, prose, words

PATH = Path("index.cnxml")


def section(content: str) -> Element:
    maths = 'xmlns:m="http://www.w3.org/1998/Math/MathML"'
    root = f'<document xmlns="http://cnx.rice.edu/cnxml" {maths}><section>{content}</section>'
    return parse(f"{root}</document>".encode(), PATH)[0]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("A <term>vein</term>,\n  not an <emphasis>artery</emphasis>.", "A vein, not an artery."),
        ("H<sub>2</sub>O in kg/m<sup>2</sup> at 10<sup>-6</sup>", "H₂O in kg/m² at 10⁻⁶"),
        ("<sup>1</sup>/<sub>2</sub> cup, n<sub>max</sub>", "¹/₂ cup, nmax"),
        ("Known (<link target-id='f'/>). So it is.", "Known. So it is."),
        ("Known (see <link target-id='f'/> and <link target-id='g'/>).", "Known."),
        ("See <link document='m1'>Vitamins</link> first.", "See Vitamins first."),
        ("<link target-id='t'/> is a table. It lists drugs.", ""),
        ("Text<note><para>boxed</para></note>.", "Text."),
        ("One<newline/>two", "One two"),
    ],
)
def test_a_paragraph_is_its_words(content: str, text: str) -> None:
    assert words(section(f"<para>{content}</para>")[0]) == text


def test_lines_are_those_of_the_author() -> None:
    entry = section("<para>Tablets:\n 5 mg<newline/>\n<newline/>  IV: 1 mg<newline/></para>")[0]
    assert lines(entry) == ["Tablets: 5 mg", "IV: 1 mg"]


def test_prose_is_paragraphs_and_lists_of_the_section_itself() -> None:
    found = section(
        "<title>Veins</title><para>They are:</para><list><item>blue</item><item/></list>"
        "<para>And<list><item>soft</item></list></para><table><row/></table>"
        "<section><title>Valves</title><para>inner</para></section>"
    )
    assert prose(found) == ["They are:", "- blue", "And", "- soft"]


def test_prose_with_mathematics_is_none() -> None:
    assert prose(section("<para>So</para><para><m:math><m:mi>x</m:mi></m:math></para>")) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html><body/></html>", "found <html>"),
        (b"<document>\n<para>", r"index\.cnxml:2: not valid XML"),
        (b"<document/>", "expected <.*document>, found <document>"),
    ],
)
def test_what_is_no_module_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(content, PATH)
