from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import DataError
from bioinstruct.corpora.formats.pubtator import Document, Mention, Relation, documents, texts

GOOD = (
    "\n12|t|Ataxia in mice\n12|a|No ataxia | seen.\n12\t0\t6\tAtaxia\tModifier\tD1+D2\n"
    "12\t18\t24\tataxia\tSpecificDisease\tD1|D2\n\n\n3|t|None\n3|a|\n"
)


def test_documents_are_read_with_mentions_that_stand_where_they_say(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    for content in (GOOD, GOOD.replace("\n", "\r\n"), GOOD.strip()):
        path.write_bytes(content.encode())
        first, second = documents(path)
        assert isinstance(first, Document)
        assert first.text == "Ataxia in mice No ataxia | seen."
        assert first.mentions == (
            Mention(0, 6, "Ataxia", "Modifier", "D1+D2"),
            Mention(18, 24, "ataxia", "SpecificDisease", "D1|D2"),
        )
        assert isinstance(second, Document)
        assert second[:4] == ("3", "None ", (), ())
        assert list(texts(path)) == [("12", first.text), ("3", "None ")]


def test_relations_and_parts_of_mentions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text(
        "1|t|Visual or auditory toxicity\n1|a|B\n"
        "1\t0\t27\tVisual or auditory toxicity\tDisease\tD1|D2\tVisual toxicity|auditory toxicity\n"
        "1\t28\t29\tB\tChemical\t-1\n1\tCID\tD3\tD1\n",
        encoding="utf-8",
    )
    [document] = documents(path)
    assert isinstance(document, Document)
    assert document.mentions[0].parts == "Visual toxicity|auditory toxicity"
    assert document.mentions[1] == Mention(28, 29, "B", "Chemical", "-1")
    assert document.relations == (Relation("CID", "D3", "D1"),)


def test_the_documents_after_one_at_fault_are_read(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    bad = "\n4|t|Mice\n4|a|Rats\n4\t40\t45\tRats\tDisease\tD1\n\n5|t|Dogs\n5|a|Cats\n"
    path.write_text(GOOD + bad, encoding="utf-8")
    first, second, fault, last = documents(path)
    assert isinstance(fault, DataError)
    assert fault.line == 13
    assert "expected 'Rats' at characters 40 to 45, found ''" in str(fault)
    assert [one.pmid for one in (first, second, last) if isinstance(one, Document)] == [
        "12",
        "3",
        "5",
    ]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("a\tO\n", 1, r"expected PMID\|t\|title, found 'a\\tO'"),
        ("1|t|A\n\n", 2, r"expected 1\|a\|abstract after the title"),
        ("1|t|A\n2|a|B\n", 2, r"expected 1\|a\|abstract"),
        ("1|t|A\n1|a|B\n1\t0\t1\tA\tX\n", 3, "expected 1 TAB start TAB end"),
        ("1|t|A\n1|a|B\n2\t0\t1\tA\tX\tD\n", 3, "expected 1 TAB start TAB end"),
        ("1|t|A\n1|a|B\n1\t\t1\tA\tX\tD\n", 3, "expected 1 TAB start TAB end"),
        ("1|t|A\n1|a|B\n1\t2\t3\tA\tX\tD\n", 3, "expected 'A' at characters 2 to 3, found 'B'"),
    ],
)
def test_a_fault_is_named_with_file_and_line(
    tmp_path: Path, content: str, line: int, message: str
) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        list(documents(path))
    assert (caught.value.path, caught.value.line) == (path, line)
