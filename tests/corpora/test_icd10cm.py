from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError, Instruction
from bioinstruct.corpora import read
from tests.corpora.faults import raise_first


def line(order: int, code: str, valid: int, description: str) -> str:
    """A line in the columns that the official file documents."""
    return f"{order:05} {code:<7} {valid} {description[:60]:<60} {description}"


LONG = "Displaced fracture of shaft of right radius, initial encounter for closed fracture type"
LINES = [
    line(1, "A00", 0, "Cholera"),
    line(2, "A000", 1, "Cholera due to Vibrio cholerae 01, biovar cholerae"),
    line(3, "I10", 1, "Essential (primary) hypertension"),
    line(4, "S52", 0, "Fracture of forearm"),
    line(5, "S52321A", 1, LONG),
]


def mini(
    folder: Path, split: str, lines: list[str], *, encoding: str = "utf-8"
) -> tuple[list[Instruction], list[DataError], Counter[str]]:
    """The category A00 is in `test`, I10 and S52 in `train`."""
    (folder / "icd10cm").mkdir(exist_ok=True)
    path = folder / "icd10cm" / "icd10cm_order_2026.txt"
    path.write_bytes("\r\n".join([*lines, ""]).encode(encoding))
    rejected: list[DataError] = []
    skipped: Counter[str] = Counter()
    examples = list(read("icd10cm", split, data=folder, rejected=rejected, skipped=skipped))
    return examples, rejected, skipped


def test_codes_are_asked_both_ways_with_their_dot(tmp_path: Path) -> None:
    examples, rejected, skipped = mini(tmp_path, "train", LINES)
    assert [(example.task, example.input, example.output) for example in examples] == [
        ("icd-description", "I10", "Essential (primary) hypertension"),
        ("icd-code", "Essential (primary) hypertension", "I10"),
        ("icd-description", "S52.321A", LONG),
        ("icd-code", LONG, "S52.321A"),
    ]
    assert skipped == {"heading, not valid for claims": 1}
    assert rejected == []


def test_a_category_is_in_one_split_with_all_its_codes(tmp_path: Path) -> None:
    examples, _, skipped = mini(tmp_path, "test", LINES)
    assert {example.provenance.document for example in examples} == {"A00.0"}
    assert skipped.total() == 1


@pytest.mark.parametrize(
    "broken",
    [
        "A000    Cholera due to Vibrio cholerae 01, biovar cholerae",  # the other official file
        LINES[1].replace(" 1 ", " 2 ", 1),
        LINES[1][:60],
        LINES[1].replace("A000   ", "A000"),
        LINES[1].replace("00002", "2"),
    ],
)
def test_a_line_in_another_layout_is_named_and_the_others_go_on(
    tmp_path: Path, broken: str
) -> None:
    examples, [fault], _ = mini(tmp_path, "train", [LINES[0], broken, *LINES[2:]])
    assert len(examples) == 4
    assert fault.line == 2
    assert "expected order, code, 0 or 1, short and long description" in str(fault)


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    lines = [*LINES, line(6, "H81", 1, "M\xe9ni\xe8re's disease")]
    with pytest.raises(DataError, match=r"2026\.txt:6: not UTF-8: byte 0xe9"):
        raise_first(mini(tmp_path, "train", lines, encoding="latin-1"))
