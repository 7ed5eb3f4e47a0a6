from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError, Instruction, MissingError
from bioinstruct.corpora import Access, get_corpus, read
from bioinstruct.corpora.answers import entities

# Made up for this test, in the layout of the official files.
TEXT = """
Admission Date :
01/02/2003
She was admitted to the MICU with severe chest pain & fever .
A chest x-ray showed
no pneumonia .
"""


def event(mention: str, type: str, *, text: str = "", start: int | None = None) -> str:
    start = TEXT.index(mention) if start is None else start
    said = (text or mention).replace("&", "&amp;").replace("\n", " ")
    return (
        f'<EVENT id="E0" start="{start}" end="{start + len(mention)}" text="{said}" '
        f'modality="FACTUAL" polarity="POS" type="{type}" />\n'
    )


EVENTS = [
    event("Admission", "OCCURRENCE"),
    event("admitted", "OCCURRENCE"),
    event("the MICU", "CLINICAL_DEPT"),
    event("severe chest pain & fever", "PROBLEM"),
    event("chest pain", "PROBLEM"),
    event("A chest x-ray", "TEST"),
    event("showed", "EVIDENTIAL"),
    event("pneumonia", "PROBLEM"),
]


def document(events: list[str], text: str = TEXT) -> str:
    tags = "".join(events)
    return (
        '<?xml version="1.0" encoding="UTF-8" ?>\n<ClinicalNarrativeTemporalAnnotation>\n'
        f"<TEXT><![CDATA[{text}]]></TEXT>\n<TAGS>\n{tags}"
        '<TIMEX3 id="T0" start="18" end="28" text="01/02/2003" type="DATE" val="2003-01-02" />\n'
        '<TLINK id="TL0" fromID="E0" fromText="Admission" toID="T0" toText="<bad & xml>" />\n'
        "</TAGS>\n</ClinicalNarrativeTemporalAnnotation>\n"
    )


def mini(
    folder: Path, files: dict[str, str | bytes], *, layout: str = "mentions"
) -> tuple[list[Instruction], list[DataError], Counter[str]]:
    for name, content in files.items():
        path = folder / "i2b2_2012/2012-07-15.original-annotation.release" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    rejected: list[DataError] = []
    skipped: Counter[str] = Counter()
    found = read(
        "i2b2-2012", "train", data=folder, layout=layout, rejected=rejected, skipped=skipped
    )
    return list(found), rejected, skipped


def test_the_lines_of_a_summary_are_read_with_their_events(tmp_path: Path) -> None:
    examples, rejected, skipped = mini(tmp_path, {"12.xml": document(EVENTS), "12.xml.txt": "x"})
    assert not rejected
    assert [(e.input, e.output) for e in examples] == [
        ("Admission Date :", "Admission | OCCURRENCE"),
        ("01/02/2003", "none"),
        (
            "She was admitted to the MICU with severe chest pain & fever .",
            "admitted | OCCURRENCE\nthe MICU | CLINICAL_DEPT\nsevere chest pain & fever | PROBLEM",
        ),
        ("A chest x-ray showed", "A chest x-ray | TEST\nshowed | EVIDENTIAL"),
        ("no pneumonia .", "pneumonia | PROBLEM"),
    ]
    assert {e.provenance.document for e in examples} == {"12"}
    assert skipped == {"a mention that overlaps another one": 1}


def test_the_published_layout_has_typed_tags(tmp_path: Path) -> None:
    examples, _, _ = mini(tmp_path, {"12.xml": document(EVENTS)}, layout="medtuned")
    assert examples[3].output == "A : B-TEST\nchest : I-TEST\nx-ray : I-TEST\nshowed : B-EVIDENTIAL"
    for example in examples:
        words = example.input.split(" ")
        back = entities.parse("medtuned", example.output, words, typed=True)
        assert entities.to_text("medtuned", words, back, typed=True) == example.output


def test_a_mention_over_the_end_of_a_line_costs_both_lines_and_is_counted(tmp_path: Path) -> None:
    over = event("showed\nno pneumonia", "PROBLEM")
    examples, rejected, skipped = mini(tmp_path, {"12.xml": document([*EVENTS[:3], over])})
    assert not rejected
    assert [e.input[:9] for e in examples] == ["Admission", "01/02/200", "She was a"]
    assert skipped == {"a line with a part of a mention": 2}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (event("fever", "SYMPTOM"), "unknown type 'SYMPTOM'; known: PROBLEM, TEST, TREATMENT,"),
        (
            event("fever", "PROBLEM", start=3),
            "expected 'fever' at characters 3 to 8, found 'missi'",
        ),
        (event("fever", "PROBLEM", start=900), "characters 900 to 905 of a text of"),
        ('<EVENT id="E1" start="1" end="2" text="A" />\n', "an EVENT without 'type'"),
    ],
)
def test_an_event_at_fault_costs_its_document_only(tmp_path: Path, bad: str, message: str) -> None:
    files: dict[str, str | bytes] = {
        "1.xml": document([EVENTS[0], bad]),
        "2.xml": document(EVENTS),
    }
    examples, [fault], _ = mini(tmp_path, files)
    assert {e.provenance.document for e in examples} == {"2"}
    assert (fault.path.name, fault.line) == ("1.xml", 12)
    assert message in str(fault)


def test_a_document_of_another_kind_or_encoding_is_named(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "1.xml": "<xml/>",
        "2.xml": document([], TEXT.replace("fever", "f\xe9ver")).encode("latin-1"),
        "3.xml": document(EVENTS),
    }
    examples, rejected, _ = mini(tmp_path, files)
    assert {e.provenance.document for e in examples} == {"3"}
    assert [fault.reason[:16] for fault in rejected] == ["expected a TEXT ", "not UTF-8: byte "]


def test_the_test_documents_are_in_the_folder_that_the_archive_unpacks_to(tmp_path: Path) -> None:
    path = tmp_path / "i2b2_2012/ground_truth/merged_xml/7.xml"
    path.parent.mkdir(parents=True)
    path.write_text(document(EVENTS), encoding="utf-8")
    assert len(list(read("i2b2-2012", "test", data=tmp_path))) == 5


def test_who_may_have_it_is_said_and_where_to_apply(tmp_path: Path) -> None:
    corpus = get_corpus("i2b2-2012")
    assert corpus.access is Access.CREDENTIALED
    assert not corpus.downloads
    with pytest.raises(MissingError) as caught:
        list(read("i2b2-2012", "test", data=tmp_path))
    assert corpus.homepage in caught.value.hint
