from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import read
from tests.corpora.faults import raise_first

# As in the official files: the offsets count no spaces and the last one is included.
SENTENCES = (
    "P00015731A0362 Levels of the human c-jun protein, and of IL 2, rose.\n"
    "P00055967A0207 Joys and F.\n"
    "P00073344A0367 The 5-HT6 gene of man.\n"
)
GENES = (
    "P00015731A0362|11 27|human c-jun protein\nP00015731A0362|34 36|IL 2\nP00073344A0367|3 6|5-HT\n"
)
# The alternatives only loosen the official scoring: they are not what is annotated.
ALTERNATIVES = "P00015731A0362|16 20|c-jun\n"


def mini(
    folder: Path, sentences: str = SENTENCES, genes: str = GENES, layout: str = "mentions"
) -> tuple[list[Instruction], list[DataError]]:
    files = {"test.in": sentences, "GENE.eval": genes, "ALTGENE.eval": ALTERNATIVES}
    for name, content in files.items():
        path = folder / "bc2gm/test" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    rejected: list[DataError] = []
    found = list(read("genetag", "test", data=folder, layout=layout, rejected=rejected))
    return found, rejected


def test_the_official_files_are_read(tmp_path: Path) -> None:
    examples, rejected = mini(tmp_path)
    assert not rejected
    assert [(e.input, e.output, e.provenance.document) for e in examples] == [
        (
            "Levels of the human c - jun protein , and of IL 2 , rose .",
            "human c - jun protein\nIL 2",
            "P00015731A0362",
        ),
        ("Joys and F .", "none", "P00055967A0207"),
        ("The 5 - HT6 gene of man .", "5 - HT6", "P00073344A0367"),
    ]
    assert {e.task for e in examples} == {"ner-gene"}
    tagged, _ = mini(tmp_path, layout="medtuned")
    assert tagged[2].output.startswith("The : O\n5 : B\n- : I\nHT6 : I\ngene : O\n")


@pytest.mark.parametrize(
    ("genes", "line", "message"),
    [
        (
            GENES.replace("34 36", "35 37"),
            2,
            "expected 'IL 2' at characters 35 to 37, found 'L 2,'",
        ),
        (GENES.replace("34 36", "34 99"), 2, "characters 34 to 99 of a text of 43: 'IL 2'"),
        (GENES.replace("c-jun", "c-fos"), 1, "expected 'human c-fos protein' at"),
    ],
)
def test_an_annotation_at_fault_costs_its_sentence_only(
    tmp_path: Path, genes: str, line: int, message: str
) -> None:
    examples, [fault] = mini(tmp_path, genes=genes)
    assert [e.provenance.document for e in examples] == ["P00055967A0207", "P00073344A0367"]
    assert (fault.path, fault.line) == (tmp_path / "bc2gm/test/GENE.eval", line)
    assert message in str(fault)


def test_an_annotation_of_no_sentence_is_named(tmp_path: Path) -> None:
    examples, [fault] = mini(tmp_path, genes=GENES + "P9|0 1|F.\n")
    assert len(examples) == 3
    assert str(fault).endswith("GENE.eval:4: a mention in P9, which is missing")


@pytest.mark.parametrize(
    ("sentences", "genes", "message"),
    [
        (
            GENES,
            GENES,
            r"test\.in:1: expected the name of a sentence and the sentence, found 'P000",
        ),
        ("Joys\n", GENES, r"test\.in:1: expected the name of a sentence"),
        (SENTENCES, SENTENCES, r"GENE\.eval:1: expected sentence\|first last\|mention, found"),
        (SENTENCES, "P1|3|x\n", r"GENE\.eval:1: expected sentence"),
    ],
)
def test_a_wrong_file_at_the_right_path_is_named(
    tmp_path: Path, sentences: str, genes: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        raise_first(mini(tmp_path, sentences, genes))


def test_the_iob_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "bc2gm/BC2GM-IOB/devel.tsv"
    path.parent.mkdir(parents=True)
    path.write_text(
        "Joys\tO\n.\tO\n\nc\tB-GENE\n-\tI-GENE\njun\tI-GENE\nrose\tO\n", encoding="utf-8"
    )
    found = [(e.output, e.provenance.document) for e in read("bc2gm", "validation", data=tmp_path)]
    assert found == [("none", "block 1"), ("c - jun", "block 1")]
