from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bioinstruct import DataError
from bioinstruct.corpora import read
from bioinstruct.corpora.answers import multiple_choice

# Made by hand, in the layout of the release.
QUESTION = {
    "question": "Which cells are many in an acute bacterial infection?",
    "exp": "Neutrophils come first.",
    "cop": 4,
    "opa": "Basophils",
    "opb": "Eosinophils",
    "opc": "Lymphocytes",
    "opd": "Neutrophils",
    "subject_name": "Pathology",
    "topic_name": "Inflammation",
    "id": "4e17-1",
    "choice_type": "single",
}
FIRST = QUESTION | {"cop": 1, "id": "4e17-2", "choice_type": "multi"}


def mini(folder: Path, *records: Any, name: str = "train.json") -> Path:
    (folder / "medmcqa").mkdir(exist_ok=True)
    text = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "medmcqa" / name).write_text(text, encoding="utf-8")
    return folder


def answers(folder: Path, *numbers: int) -> list[str]:
    records = [QUESTION | {"cop": number} for number in numbers]
    return [example.output for example in read("medmcqa", "train", data=mini(folder, *records))]


def test_the_release_counts_from_one(tmp_path: Path) -> None:
    assert answers(tmp_path, 1, 2, 3, 4) == ["A", "B", "C", "D"]
    assert answers(tmp_path, 2, 4) == ["B", "D"]


def test_the_version_of_the_hub_counts_from_zero(tmp_path: Path) -> None:
    assert answers(tmp_path, 0, 1, 2, 3) == ["A", "B", "C", "D"]
    assert answers(tmp_path, 1, 0) == ["B", "A"]


@pytest.mark.parametrize("numbers", [(1, 2, 3), (0, 4)])
def test_a_file_that_does_not_tell_is_refused(tmp_path: Path, numbers: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="cannot tell whether the options count from 1") as caught:
        answers(tmp_path, *numbers)
    assert "use the whole file" in caught.value.hint


def test_a_question_of_several_kinds_is_read_alike(tmp_path: Path) -> None:
    data = mini(tmp_path, QUESTION, FIRST)
    one, other = read("medmcqa", "train", data=data, layout="letter-text")
    assert multiple_choice.read(one.input) == (
        QUESTION["question"],
        ("Basophils", "Eosinophils", "Lymphocytes", "Neutrophils"),
    )
    assert (one.output, other.output) == ("D. Neutrophils", "A. Basophils")
    assert one.provenance.document == "4e17-1"


@pytest.mark.parametrize("published", [{}, {"cop": None}, {"cop": -1}])
def test_the_test_set_has_no_answers_and_is_skipped(
    tmp_path: Path, published: dict[str, Any]
) -> None:
    record = {key: value for key, value in QUESTION.items() if key != "cop"} | published
    skipped: Counter[str] = Counter()
    data = mini(tmp_path, record, record, name="test.json")
    assert list(read("medmcqa", "test", data=data, skipped=skipped)) == []
    assert skipped == {"no answer is published": 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cop": 5}, r"record 2\.cop: expected 1 to 4, found 5"),
        ({"cop": "4"}, r"record 2\.cop: Input should be a valid integer, found '4'"),
        ({"opb": ""}, r"record 2\.opb: empty text"),
        ({"opb": None}, r"record 2\.opb: Input should be a valid string"),
    ],
)
def test_a_record_at_fault_is_named_and_the_others_are_read(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    rejected: list[DataError] = []
    data = mini(tmp_path, QUESTION, QUESTION | change, FIRST)
    assert len(list(read("medmcqa", "train", data=data, rejected=rejected))) == 2
    with pytest.raises(DataError, match=message):
        raise rejected[0]


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    path = mini(tmp_path, QUESTION, QUESTION) / "medmcqa/train.json"
    path.write_text(path.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    with pytest.raises(DataError, match=r"train\.json:2: not valid JSON"):
        list(read("medmcqa", "train", data=tmp_path))
