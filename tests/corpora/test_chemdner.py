from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import read
from tests.corpora.faults import raise_first

ABSTRACTS = (
    "21826085\tGold and (R)-warfarin.\tWe gave 5-HT. The NO3- rose, as did Cu(I) and Cu(II).\n"
    "22080034\tNothing here\tTin β-oxide.\n"
)
ANNOTATIONS = (
    "21826085\tA\t8\t12\t5-HT\tABBREVIATION\n"
    "21826085\tA\t18\t22\tNO3-\tFORMULA\n"
    "21826085\tA\t36\t52\tCu(I) and Cu(II)\tMULTIPLE\n"
    "21826085\tT\t0\t4\tGold\tTRIVIAL\n"
    "21826085\tT\t9\t21\t(R)-warfarin\tSYSTEMATIC\n"
    "22080034\tA\t0\t3\tTin\tNO CLASS\n"
)


def mini(
    folder: Path, abstracts: str | bytes = ABSTRACTS, annotations: str = ANNOTATIONS
) -> tuple[list[Instruction], list[DataError]]:
    contents = {"abstracts": abstracts, "annotations": annotations}
    for name, content in contents.items():
        path = folder / f"bc4chemd/chemdner_corpus/evaluation.{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    rejected: list[DataError] = []
    return list(read("chemdner", "test", data=folder, rejected=rejected)), rejected


def test_the_official_files_are_read_by_sentence(tmp_path: Path) -> None:
    examples, rejected = mini(tmp_path)
    assert not rejected
    assert [(e.input, e.output, e.provenance.document) for e in examples] == [
        (
            "Gold and ( R ) - warfarin .",
            "Gold | TRIVIAL\n( R ) - warfarin | SYSTEMATIC",
            "21826085",
        ),
        ("We gave 5 - HT .", "5 - HT | ABBREVIATION", "21826085"),
        (
            "The NO3 - rose , as did Cu ( I ) and Cu ( II ) .",
            "NO3 - | FORMULA\nCu ( I ) and Cu ( II ) | MULTIPLE",
            "21826085",
        ),
        ("Nothing here", "none", "22080034"),
        ("Tin β - oxide .", "Tin | NO_CLASS", "22080034"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("A\t18\t22", "A\t19\t23", 2, "expected 'NO3-' at characters 19 to 23, found 'O3- '"),
        ("A\t18\t22", "A\t18\t99", 2, "characters 18 to 99 of a text of 53: 'NO3-'"),
        ("FORMULA", "FORMEL", 2, "unknown type 'FORMEL'; known: ABBREVIATION, FAMILY, FORMULA,"),
    ],
)
def test_an_annotation_at_fault_costs_its_title_or_abstract_only(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    examples, [fault] = mini(tmp_path, annotations=ANNOTATIONS.replace(old, new))
    assert [e.input[:7] for e in examples] == ["Gold an", "Nothing", "Tin β -"]
    assert fault.line == line
    assert message in str(fault)


def test_an_annotation_of_no_abstract_is_named(tmp_path: Path) -> None:
    _, [fault] = mini(tmp_path, annotations=ANNOTATIONS + "9\tT\t0\t4\tGold\tTRIVIAL\n")
    assert str(fault).endswith("annotations.txt:7: a mention in 9 T, which is missing")


@pytest.mark.parametrize(
    ("abstracts", "annotations", "message"),
    [
        (ANNOTATIONS, ANNOTATIONS, r"abstracts\.txt:1: expected PMID TAB title TAB abstract"),
        (ABSTRACTS, ABSTRACTS, r"annotations\.txt:1: expected PMID TAB T or A TAB start TAB end"),
        (
            ABSTRACTS.encode("utf-8") + b"3\tA\tp\xe2t\xe9\n",
            "",
            r"abstracts\.txt:3: not UTF-8: byte",
        ),
    ],
)
def test_a_wrong_file_at_the_right_path_is_named(
    tmp_path: Path, abstracts: str | bytes, annotations: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        raise_first(mini(tmp_path, abstracts, annotations))


def test_the_iob_files_have_one_type(tmp_path: Path) -> None:
    path = tmp_path / "bc4chemd/BC4CHEMD-IOB/train.tsv"
    path.parent.mkdir(parents=True)
    path.write_text(
        "5\tB-Chemical\n-\tI-Chemical\nHT\tI-Chemical\nrose\tO\n\nNo\tO\n", encoding="utf-8"
    )
    assert [e.output for e in read("bc4chemd", "train", data=tmp_path)] == ["5 - HT", "none"]
