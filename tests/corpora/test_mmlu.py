from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError, MissingError
from bioinstruct.corpora import read
from bioinstruct.corpora.answers import multiple_choice as mc
from bioinstruct.corpora.mmlu import SIX, SUBJECTS

TESTED = {
    "anatomy": 135,
    "clinical-knowledge": 265,
    "college-medicine": 173,
    "medical-genetics": 100,
}


@pytest.mark.parametrize("subject", TESTED)
def test_a_test_split_is_as_large_as_published(subject: str, data: Path) -> None:
    skipped: Counter[str] = Counter()
    examples = list(read(f"mmlu-{subject}", "test", data=data, skipped=skipped))
    assert len(examples) == TESTED[subject]
    assert not skipped
    path = data / f"mmlu_clinical/test/{subject.replace('-', '_')}_test.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert [mc.read(e.input) for e in examples] == [(q, tuple(o)) for q, *o, _ in rows]
    assert [example.output for example in examples] == [row[-1] for row in rows]


def test_no_question_is_both_learnt_from_and_tested(data: Path) -> None:
    names = [f"mmlu-{subject}" for subject in TESTED]
    tested = {key(e.input) for name in names for e in read(name, "test", data=data)}
    for name in [*names, "mmlu-medical"]:
        for split in ("train", "validation"):
            assert not tested & {key(e.input) for e in read(name, split, data=data)}


def key(text: str) -> tuple[str, tuple[str, ...]]:
    question, options = mc.read(text)
    return question, tuple(sorted(options))


def test_all_subjects_together_ask_a_question_once(data: Path) -> None:
    skipped: Counter[str] = Counter()
    examples = list(read("mmlu-medical", "test", data=data, skipped=skipped))
    # 78 of college medicine are also in clinical knowledge: 77 texts, one of them with two sets
    # of options.
    assert len(examples) == sum(TESTED.values()) - 78
    assert len({key(example.input) for example in examples}) == len(examples)
    assert skipped == {
        "also a question of the test set or of another subject": 78,
        "the subject college_biology is not here": 1,
        "the subject professional_medicine is not here": 1,
    }
    of = Counter(str(e.provenance.document).split("-")[0] for e in examples)
    assert of["clinical_knowledge"] == 265
    assert of["college_medicine"] == 173 - 78


ROW = '"What is it?\nSay.",one,two,"three, or 3",four,C\n'


def mini(folder: Path, text: str, name: str = "test/virology_test.csv") -> Path:
    path = folder / "mmlu_clinical" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
    return folder


def test_a_file_has_no_header_and_fields_have_line_breaks(tmp_path: Path) -> None:
    one, two = read("mmlu-virology", "test", data=mini(tmp_path, ROW + ROW.replace("C\n", "A\n")))
    assert mc.read(one.input) == (
        "What is it?\nSay.",
        ("one", "two", "three, or 3", "four"),
    )
    assert (one.output, two.output) == ("C", "A")
    assert two.provenance.document == "virology-2"


def test_a_question_that_another_subject_tests_is_not_learnt_from(tmp_path: Path) -> None:
    mini(tmp_path, ROW, "test/nutrition_test.csv")
    swapped = ROW.replace("one,two", "two,one")
    data = mini(tmp_path, swapped + ROW.replace("Say", "Tell"), "dev/virology_dev.csv")
    skipped: Counter[str] = Counter()
    [example] = read("mmlu-virology", "train", data=data, skipped=skipped)
    assert "Tell" in example.input
    assert skipped.total() == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.replace(",C", ",E"), "answer: expected A, B, C or D, found 'E'"),
        (ROW.replace(",C", ",c"), "answer: expected A, B, C or D, found 'c'"),
        (ROW.replace(",two", ","), "B: empty"),
        (ROW.replace("What is it?\nSay.", ""), "question: empty"),
    ],
)
def test_a_row_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, row: str, message: str
) -> None:
    rejected: list[DataError] = []
    data = mini(tmp_path, ROW + row + ROW)
    assert len(list(read("mmlu-virology", "test", data=data, rejected=rejected))) == 2
    [fault] = rejected
    assert fault.line == 3
    assert message in str(fault)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("What?,one,two,three,A\n", "expected 6 fields, found 5"),
        ("question,A,B,C,D,answer\n", "answer: expected A, B, C or D, found 'answer'"),
        (ROW[:-18], "not valid CSV|expected 6 fields"),
        ("<html>404</html>\n", "expected 6 fields, found 1"),
        ("", "empty"),
    ],
)
def test_another_file_at_the_right_path_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(read("mmlu-virology", "test", data=mini(tmp_path, text)))


def test_mixed_encodings_are_refused(tmp_path: Path) -> None:
    path = mini(tmp_path, ROW) / "mmlu_clinical/test/virology_test.csv"
    path.write_bytes(ROW.encode() + ROW.replace("one", "é").encode("latin-1"))
    with pytest.raises(DataError, match=r"virology_test\.csv:3: .*not UTF-8: byte 0xe9"):
        list(read("mmlu-virology", "test", data=tmp_path))


def test_without_any_subject_the_first_is_missed(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"no file .*anatomy_test\.csv"):
        list(read("mmlu-medical", "test", data=mini(tmp_path, ROW)))
    assert set(SIX) < set(SUBJECTS)


def test_a_question_of_biology_is_not_called_medical(tmp_path: Path) -> None:
    text = "".join(f"What is number {n}?,one,two,three,four,C\n" for n in range(60))
    for subject, medical in (("college_biology", False), ("college_medicine", True)):
        folder = mini(tmp_path, text, f"test/{subject}_test.csv")
        examples = list(read(f"mmlu-{subject.replace('_', '-')}", "test", data=folder))
        assert len(examples) == 60
        assert any("medical" in example.instruction for example in examples) is medical
